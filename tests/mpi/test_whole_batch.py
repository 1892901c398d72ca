"""The whole batch: batch norms of n ranks that have a part each compute what one rank computes of all of it."""

import copy

import numpy as np
import pytest
from ranks import run

import minnet as mn
from minnet.layers.normalization.statistics import alone, over_batch
from minnet.mpi.whole_batch import NUMBERS, GaveUp, WholeBatch

pytest.importorskip("mpi4py")

LAYERS = {
    "1d": (mn.BatchNorm1d(3), (11, 3)),
    "1d, signals": (mn.BatchNorm1d(3), (7, 3, 5)),
    "2d": (mn.BatchNorm2d(2), (8, 2, 3, 4)),
    "3d": (mn.BatchNorm3d(2), (5, 2, 2, 3, 2)),
    "mean of all batches": (mn.BatchNorm1d(3, momentum=None), (11, 3)),
    "not affine": (mn.BatchNorm2d(2, affine=False), (7, 2, 2, 2)),
    "no bias": (mn.BatchNorm1d(3, bias=False), (7, 3)),
    "no running statistics": (mn.BatchNorm1d(3, track_running_stats=False), (7, 3)),
    "fewer samples than ranks": (mn.BatchNorm1d(3), (2, 3)),
    "one sample": (mn.BatchNorm1d(3), (1, 3)),
    "many channels": (mn.BatchNorm1d(2 * NUMBERS + 1), (5, 2 * NUMBERS + 1)),
    "in a model": (mn.Sequential(mn.BatchNorm1d(3), mn.Linear(3, 3, rng=0), mn.ReLU(), mn.BatchNorm1d(3)), (11, 3)),
    "instance norm": (mn.InstanceNorm1d(3, affine=True, track_running_stats=True), (7, 3, 5)),
}
ERRORS = ("KeyError", "NonFiniteError")
SHIFTS = (0, 1e4, 1e30)  # the last makes squares that float32 cannot hold


def numbers(shape, shift=0, dtype=np.float64):
    generator = np.random.default_rng(0)
    x = (shift + max(shift / 1e3, 1) * generator.normal(size=(3, *shape))).astype(dtype)
    return x, generator.normal(size=(3, *shape)).astype(dtype)


def passes(model, mpi, x, dy, dtype):
    """Do three times forward and backward with this rank's part; return all numbers that a step leaves behind."""
    model = copy.deepcopy(model).astype(dtype)
    found = []
    for batch, gradient in zip(x, dy, strict=True):
        part = slice(len(batch) * mpi.rank // mpi.size, len(batch) * (mpi.rank + 1) // mpi.size)
        with WholeBatch(mpi):
            y = model.forward(batch[part])
            found += [y, model.backward(gradient[part])]
    gradients = [parameter.grad for parameter in model.parameters()]
    return found, gradients, [buffer.data for _, buffer in model.named_buffers()]


def all_passes(mpi):
    return {name: passes(model, mpi, *numbers(shape), np.float64) for name, (model, shape) in LAYERS.items()} | {
        shift: passes(mn.BatchNorm2d(2), mpi, *numbers((9, 2, 5, 4), shift, np.float32), np.float32) for shift in SHIFTS
    }


class OneRank:
    rank, size, synchronised = 0, 1, True

    def add_up(self, array):
        pass


@pytest.mark.parametrize("ranks", [2, 3])
def test_parts_of_a_batch_give_what_the_whole_gives(ranks):
    expected, jobs = all_passes(OneRank()), run(all_passes, ranks, synchronised=True)
    for name, (outputs, gradients, buffers) in expected.items():
        close = {"rtol": 2e-5, "atol": 2e-5} if name in SHIFTS else {"rtol": 1e-13, "atol": 1e-13}
        parts = [job[name] for job in jobs]
        for i, output in enumerate(outputs):
            np.testing.assert_allclose(np.concatenate([part[0][i] for part in parts]), output, **close, err_msg=name)
        for i, gradient in enumerate(gradients):
            np.testing.assert_allclose(sum(part[1][i] for part in parts), gradient, **close, err_msg=name)
        for i, buffer in enumerate(buffers):
            if name == "instance norm":  # whose statistics are of single samples: each rank has its own
                continue
            for part in parts:
                np.testing.assert_allclose(part[2][i], buffer, **close, err_msg=name)
                assert part[2][i].tobytes() == parts[0][2][i].tobytes()


def differences_of_a_large_mean(mpi):
    """Return how far float32 is from float64."""
    x, dy = numbers((4000, 2), 1e4, np.float32)
    outputs, *_ = passes(mn.BatchNorm1d(2), mpi, x, dy, np.float32)
    exact, *_ = passes(mn.BatchNorm1d(2), mpi, x.astype(np.float64), dy.astype(np.float64), np.float64)
    return max(float(np.abs(a - b).max()) for a, b in zip(outputs, exact, strict=True))


def test_a_large_mean_is_as_precise_as_on_one_rank():
    alone_by = differences_of_a_large_mean(OneRank())
    assert alone_by > 0
    assert max(run(differences_of_a_large_mean, 2, synchronised=True)) < 1.5 * alone_by


def giving_up(mpi, place):
    """Raise an error on rank 1 at some place of a step; return what each rank raised, and that it could go on."""
    model = mn.Sequential(mn.BatchNorm1d(2), mn.BatchNorm1d(2)).astype(np.float64)
    x = np.ones((2, 2))
    raised = None
    try:
        with WholeBatch(mpi):
            if place == "before" and mpi.rank == 1:
                raise KeyError(place)
            y = model.layers[0].forward(x)
            if place == "between" and mpi.rank == 1:
                raise KeyError(place)
            y = model.layers[1].forward(y)
            if place == "after" and mpi.rank == 1:
                raise KeyError(place)
    except (KeyError, GaveUp) as error:
        raised = type(error).__name__
    after = np.array([mpi.rank + 1])  # all ranks are at the same place again
    mpi.add_up(after)
    return raised, int(after[0]), over_batch.get() is alone


def giving_up_everywhere(mpi):
    return [giving_up(mpi, place) for place in ("before", "between", "after", "nowhere")]


def test_an_error_on_one_rank_lets_the_others_go_on_at_once():
    for rank, found in enumerate(run(giving_up_everywhere, 3, synchronised=True)):
        error = "KeyError" if rank == 1 else "GaveUp"
        assert found == [(error, 6, True)] * 3 + [(None, 6, True)]


class Fails(mn.Layer):
    """A layer that fails on rank 1, in the second step."""

    def __init__(self, error=None, method=""):
        self.error, self.method, self.calls = error, method, 0

    def forward(self, x):
        self.calls += 1
        self.fail("forward")
        return x * 1.0

    def backward(self, dy):
        self.fail("backward")
        return dy

    def fail(self, method):
        if self.calls == 2 and method == self.method and mn.MPI().rank == 1:
            raise KeyError("nine") if self.error == "KeyError" else mn.errors.NonFiniteError("a number is NaN")


class Stream:
    """Two batches; on rank 1 the second one is missing, or an error."""

    def __init__(self, end):
        self.end = end

    def __iter__(self):
        yield numbers((8, 3))[0][0], np.arange(8) % 2
        if self.end and mn.MPI().rank == 1:
            if self.end == "raises":
                raise KeyError("ten")
            return
        yield numbers((8, 3))[0][1], np.arange(8) % 2


def ends(mpi):
    """Return how a training ends on each rank if something fails on rank 1, and the weights then."""
    cases = {(error, method): (Fails(error, method), "") for error in ERRORS for method in ("forward", "backward")}
    cases |= {("loader", end): (Fails(), end) for end in ("raises", "ends")}
    found = {}
    for case, (layer, end) in cases.items():
        model = mn.Sequential(mn.BatchNorm1d(3), layer, mn.Linear(3, 2, rng=0), mn.BatchNorm1d(2)).astype(np.float64)
        optimizer = mn.SGD(model.parameters(), lr=0.1)
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, parallel=mpi, nonfinite="skip")
        try:
            trainer.fit(Stream(end), epochs=1, progress=False)
            how = f"{trainer.step} steps, {trainer.history[-1]['skipped']} skipped"
        except Exception as error:
            how = f"{type(error).__name__}: {error}"
        found[case] = how, [array.data.tobytes() for _, array in model.named_arrays()]
    return found


@pytest.mark.slow
def test_a_fault_on_one_rank_ends_a_job_whose_batch_norms_are_synchronised():
    first, second, third = run(ends, 3, synchronised=True)
    for case, (how, weights) in first.items():
        assert how == third[case][0]
        assert weights == second[case][1] == third[case][1], case
        if case[0] == "NonFiniteError":
            assert how == second[case][0] == "2 steps, 1 skipped"
        elif case == ("loader", "ends"):
            assert "no batch left on the ranks [1]" in how
            assert how == second[case][0]
        else:
            assert how.startswith("RankError: rank 1 of 3 raised KeyError")
            assert second[case][0].startswith("KeyError")
