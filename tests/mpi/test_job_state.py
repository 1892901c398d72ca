"""The start of a fit makes all ranks like rank 0, and a job goes on from its checkpoint."""

import warnings

import numpy as np
import pytest
from ranks import run

import minnet as mn
from minnet.errors import CheckpointError
from minnet.saving.tensorfile import read_tensors, write_tensors

pytestmark = pytest.mark.slow
X = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 30)


def shaken(x, rng):
    return x + rng.normal(size=x.shape).astype(x.dtype)


def fitted(mpi, epochs, folder=None, seed=0, dropout=0.5, transform=shaken, width=5):
    model = mn.Sequential(mn.Linear(6, width, rng=seed), mn.Dropout(dropout, rng=seed), mn.Linear(width, 3, rng=seed))
    optimizer = mn.Adam(model.parameters(), lr=0.01)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, parallel=mpi)
    loader = mn.DataLoader(X, Y, 7, shuffle=True, transform=transform, check=False, rng=seed)
    trainer.fit(loader, epochs=epochs, progress=False, checkpoint=folder)
    return [array.data.copy() for _, array in model.named_arrays()], trainer.step, model.layers[1].rng.random(3)


def alike(mpi):
    """Train with seeds that differ by rank."""
    return fitted(mpi, 2, seed=mpi.rank)


def test_ranks_become_like_rank_0_but_draw_other_random_numbers():
    first, second = run(alike, 2)
    for one, other in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert first[2].tolist() != second[2].tolist()


def in_two_halves(mpi, folder):
    whole = fitted(mpi, 4)
    fitted(mpi, 2, f"{folder}/run")
    return whole, fitted(mpi, 4, f"{folder}/run", seed=7 if mpi.rank else 0)


def test_a_job_goes_on_to_the_same_bits(tmp_path):
    for whole, halves in run(in_two_halves, 2, str(tmp_path)):
        for one, other in zip(whole[0], halves[0], strict=True):
            np.testing.assert_array_equal(one, other)
        assert whole[2].tolist() == halves[2].tolist()


def going_on(mpi, folder, epochs):
    return fitted(mpi, epochs, folder, dropout=0.0, transform=None)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 3), (3, 1)])
def test_another_number_of_ranks_goes_on_to_rounding(before, after, tmp_path):
    folder, alone = str(tmp_path / "run"), going_on(None, None, 4)
    run(going_on, before, folder, 2)
    for arrays, *_ in run(going_on, after, folder, 4):
        for one, other in zip(arrays, alone[0], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def refused(mpi, folder):
    """Return what each rank raises: for another model, a wrong argument on one rank, a folder that is a file."""
    found = []
    for options in ({"width": 5 + mpi.rank}, {"epochs": 1 + mpi.rank}, {"epochs": -mpi.rank}, {"folder": folder}, {}):
        try:
            fitted(mpi, **{"epochs": 1} | options)
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


def test_what_one_rank_refuses_is_refused_on_all(tmp_path):
    (tmp_path / "file").write_text("")
    first, second = run(refused, 2, str(tmp_path / "file" / "run"))
    assert first == second
    assert [name for name, _ in first] == ["ValueError", "ValueError", "ValueError", "NotADirectoryError"]
    assert "rank 1 differs from rank 0" in first[0][1]
    assert "epochs is [1, 2] on ranks 0 to 1" in first[1][1]


class Numbered(mn.SoftmaxCrossEntropyLoss):
    """A loss that the script gives the number of its rank."""

    def __init__(self, rank):
        super().__init__()
        self.rank = rank


def one_generator(mpi):
    """Train with one Generator for all; return weights and the next epoch's order, of one fit and of two."""
    found = []
    for steps in ([9], [4, 5]):
        rng = np.random.default_rng(0)
        model = mn.Sequential(mn.Linear(6, 5, rng=rng), mn.Dropout(0.5, rng=rng), mn.Linear(5, 3, rng=rng))
        loss = Numbered(mpi.rank)
        trainer = mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=0.01), parallel=mpi)
        loader = mn.DataLoader(X, Y, 7, shuffle=True, transform=shaken, check=False, rng=rng)
        for more in steps:
            trainer.fit(loader, steps=more, progress=False)
        weights = [array.data.tolist() for _, array in model.named_arrays()]
        found.append((weights, [y.tolist() for _, y in loader]))
    return *found, model.layers[1].rng.random(), loss.rank


def test_a_generator_of_loader_and_dropout_and_fits_that_go_on():
    first, second = run(one_generator, 2)
    assert first[0] == first[1]  # two fits are as one, so the random numbers of a rank go on
    assert first[:2] == second[:2]  # the order of the next epoch among them
    assert first[2] != second[2]
    assert (first[3], second[3]) == (0, 1)


def damaged(mpi, folder):
    """Return what each rank raises if the only checkpoint is damaged, or has differences of another model."""
    found = []
    for name in ("cut", "other"):
        run_in = f"{folder}/{name}"
        fitted(mpi, 1, run_in)
        if mpi.rank == 0:
            (path,) = mn.Checkpoint(run_in).files()
            tensors, metadata = read_tensors(path)
            if name == "cut":
                path.write_bytes(path.read_bytes()[:-1])
            else:
                written = metadata["state"].replace('["model", "layers[1]", "rng"]', '["model", "layers[7]", "rng"]')
                assert written != metadata["state"]
                write_tensors(path, tensors, {"kind": "checkpoint", "state": written, "structure": ""})
        mpi.gather(None)
        try:
            with warnings.catch_warnings(action="ignore"):
                fitted(mpi, 2, run_in)
        except CheckpointError as error:
            found.append(str(error))
    return found


def test_a_damaged_checkpoint_is_refused_on_all(tmp_path):
    first, second = run(damaged, 2, str(tmp_path))
    assert first == second
    assert "holds 1 checkpoints, and none is whole" in first[0]
    assert "what it holds of rank 1 does not fit this run ('layers[7]')" in first[1]


class FailsLater(mn.callbacks.Callback):
    """A callback whose state cannot be kept on rank 1."""

    def __init__(self):
        self.steps = 0

    def on_step_end(self, trainer):
        self.steps += 1

    def state_dict(self):
        if self.steps and mn.MPI().rank == 1:
            raise KeyError("no state")
        return {"steps": self.steps}


def not_kept(mpi, folder):
    model = mn.Linear(6, 3, rng=0)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), parallel=mpi)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(mn.DataLoader(X, Y, 7), steps=3, progress=False, checkpoint=folder, callbacks=[FailsLater()])
    return trainer.step, [str(one.message) for one in caught]


def test_what_fails_on_one_rank_is_a_warning_of_rank_0(tmp_path):
    (step, warned), other = run(not_kept, 2, str(tmp_path / "run"))
    assert step == 3
    assert other == (3, [])
    assert "no checkpoint could be written after step 3" in warned[0]
    assert "rank 1 of 2 raised KeyError: 'no state'" in warned[0]
