"""The ranks of a job share the evaluations of a fit; every rank has the row that one process has."""

import numpy as np
import pytest
from ranks import run

import minnet as mn
from minnet.mpi.part import Part
from minnet.training.shared_evaluation import Share, balanced

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
V = RNG.exponential(size=60)
V[::5] = 0
FIRST, REST = slice(40), slice(40, 60)


class Worst(mn.metrics.Metric):
    """A metric that merges, keeps what it was given, and counts in a list; it is made in a function in a test."""

    def __init__(self, function):
        self.function = function

    def reset(self):
        self.values = []

    def update(self, prediction, target, sample_weight=None):
        self.values.append(self.function(prediction, target))

    def compute(self):
        return max(self.values)

    def merge(self, other):
        self.values.extend(other.values)


class Last(mn.metrics.Metric):
    """A metric that cannot merge, and depends on the order of the samples."""

    def reset(self):
        self.last, self.samples = 0.0, 0

    def update(self, prediction, target, sample_weight=None):
        self.last, self.samples = float(prediction[-1, 0]), self.samples + len(target)

    def compute(self):
        return 100 * self.samples + self.last


class More(mn.metrics.Accuracy):
    """A metric that counts more than its base, which could merge."""

    def reset(self):
        super().reset()
        self.batches = []

    def update(self, prediction, target, sample_weight=None):
        super().update(prediction, target, sample_weight)
        self.batches.append(len(target))

    def compute(self):
        return super().compute() + sum(self.batches)


def spread(prediction, target, sample_weight=None):
    return np.ptp(prediction) + (0.0 if sample_weight is None else sample_weight @ np.arange(len(target)))


def share_of_ones(prediction, target, sample_weight=None):
    return np.average(prediction.argmax(axis=1) == 1, weights=sample_weight)


share_of_ones.additive = True


class Endless:
    """An iterable that does not tell its length."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


ELSEWHERE = {}


class Elsewhere:
    """An iterable whose batches are not in its attributes."""

    def __init__(self, name):
        self.name = name

    def __iter__(self):
        return iter(ELSEWHERE[self.name])


def batches(X, Y, *more, size=7):
    return [tuple(part[i : i + size] for part in (X, Y, *more)) for i in range(0, len(X), size)]


METRICS = {
    "accuracy": mn.metrics.accuracy,
    "f1": mn.metrics.F1("macro"),
    "auc": mn.metrics.ROCAUC("micro", takes="scores"),
    "running": mn.metrics.RunningAccuracy(0.9),
    "worst": Worst(lambda prediction, target: float(np.abs(prediction).max())),
    "last": Last(),
    "more": More(),
    "spread": spread,
    "ones": share_of_ones,
    "lambda": lambda prediction, target, sample_weight=None: prediction.sum(),
}


def trainer_of(mpi, metrics=METRICS, loss=None, kind=mn.Trainer, **options):
    model = mn.Sequential(mn.Linear(4, 5, rng=0), mn.Tanh(), mn.Linear(5, 3, rng=1)).astype(np.float64)
    loss = loss or mn.SoftmaxCrossEntropyLoss([1.0, 2.0, 0.5])
    return kind(model, loss, mn.SGD(model.parameters(), lr=0.1), metrics=metrics, parallel=mpi, **options)


def rows(mpi):
    """Return the rows of a fit that evaluates on sets of all kinds, and where the loaders' Generators are then."""
    order = {"running", "last"}  # metrics that depend on the order
    unordered = {name: metric for name, metric in METRICS.items() if name not in order}
    shuffled = mn.DataLoader(X[REST], Y[REST], 6, shuffle=True, rng=5 if mpi is None else mpi.rank + 5)
    resampled = mn.DataLoader(X[REST], Y[REST], 6, shuffle="resampled", rng=5 if mpi is None else mpi.rank + 5)
    sets = {
        "pair": (X[REST], Y[REST]),
        "weighted": (X[REST], Y[REST], V[REST]),
        "loader": mn.DataLoader(X, Y, 8, sample_weight=V),
        "short": mn.DataLoader(X, Y, 25, drop_last=True),
        "list": batches(X, Y),
        "shuffled": shuffled,
        "resampled": resampled,
        "long": (np.tile(X, (50, 1)), np.tile(Y, 50)),
    }
    train = mn.DataLoader(X[FIRST], Y[FIRST], 16, shuffle=True, rng=0)
    trainer = trainer_of(mpi)
    trainer.fit(train, epochs=2, evaluate=sets, progress=False)
    other = trainer_of(mpi, unordered)
    small = {"two": (X[:2], Y[:2]), "one": (X[:1], Y[:1], V[1:2]), "endless": Endless(batches(X, Y))}
    other.fit(train, epochs=1, evaluate=small, progress=False)
    return [*trainer.history, *other.history], [one.rng.random() for one in (shuffled, resampled)]


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3])
def test_every_rank_has_the_rows_of_one_process(ranks):
    (alone, drawn), together = rows(None), run(rows, ranks)
    for found, drawn_there in together:
        assert found == together[0][0]  # to the last bit, the seconds included
        assert drawn_there == drawn
        for row, expected in zip(found, alone, strict=True):
            assert row.keys() == expected.keys()
            for name in row.keys() - {"seconds"}:
                np.testing.assert_allclose(row[name], expected[name], rtol=1e-12, atol=1e-12, err_msg=name)


def heads(mpi):
    """Return the rows of a model with two outputs, and sets of which some samples do not count."""
    model = mn.Heads(kind=mn.Linear(4, 3, rng=0), size=mn.Linear(4, 1, rng=1)).astype(np.float64)
    loss = mn.MultiLoss({"kind": mn.SoftmaxCrossEntropyLoss(ignore_index=2), "size": mn.MSELoss()})
    metrics = {
        "f1": mn.metrics.Of("kind", mn.metrics.F1("macro")),
        "r2": mn.metrics.Of("size", mn.metrics.R2()),
        "last": mn.metrics.Of("size", Last()),
        "spread": mn.metrics.Of("size", spread),
        "lambda": mn.metrics.Of("size", lambda prediction, target: prediction.sum()),
    }
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1), metrics=metrics, parallel=mpi)
    y = {"kind": Y, "size": X[:, :1] + 1000}
    ignored = {"kind": np.where(np.arange(60) < 30, 2, Y % 2), "size": y["size"]}
    sets = {"all": (X, y), "some": mn.DataLoader(X, ignored, 30)}
    return list(trainer.fit(mn.DataLoader(X, y, 20), epochs=2, evaluate=sets, progress=False))


def own_evaluate(mpi):
    class Own(mn.Trainer):
        def evaluate(self, data, *, batch_size=None):
            return super().evaluate(data) | {"rank": 0.0 if mpi is None else float(mpi.rank)}

    trainer = trainer_of(mpi, {"accuracy": mn.metrics.accuracy}, kind=Own)
    return list(trainer.fit(batches(X, Y), epochs=1, evaluate={"test": (X, Y)}, progress=False))


class Failing(mn.metrics.Accuracy):
    """Fail on one rank: while it counts, or when the parts are merged or computed."""

    def __init__(self, rank, where):
        super().__init__()
        self.rank, self.where = rank, where

    def update(self, prediction, target, sample_weight=None):
        super().update(prediction, target, sample_weight)
        self.fail("update")

    def merge(self, other):
        self.fail("merge")
        super().merge(other)

    def compute(self):
        self.fail("compute")
        return super().compute()

    def fail(self, where):
        if where == self.where and self.rank in (None, self.mpi.rank):
            raise KeyError(f"no {where}")


class Unsent(mn.metrics.Accuracy):
    """A metric that holds what cannot be pickled."""

    def reset(self):
        super().reset()
        self.made = (number for number in range(3))

    def merge(self, other):
        super().merge(other)


def failures(mpi):
    """Return what each rank raises, with its notes, and the row if it raises nothing."""
    Failing.mpi = mpi
    bad = mn.DataLoader(np.where(np.arange(60)[:, None] == 59, np.nan, X), Y, 7, check=False)
    ELSEWHERE["fewer"] = batches(X, Y)[: 5 - mpi.rank]
    ELSEWHERE["others"] = batches(X, Y)[:: -1 if mpi.rank == 2 else 1]
    auc = {"auc": mn.metrics.ROCAUC(takes="scores")}
    cases = {
        "counts on rank 1": ({"metrics": {"own": Failing(1, "update")}}, (X, Y)),
        "counts on all ranks": ({"metrics": {"own": Failing(None, "update")}}, (X, Y)),
        "merges": ({"metrics": {"own": Failing(0, "merge")}}, (X, Y)),
        "is not defined": ({"metrics": auc}, (X, np.zeros(60, int))),
        "cannot be sent": ({"metrics": {"own": Unsent()}}, (X, Y)),
        "NaN": ({"metrics": auc}, bad),
        "NaN is skipped": ({"metrics": auc, "nonfinite": "skip"}, bad),
        "another order": ({"metrics": {}}, batches(X, Y)[:: -1 if mpi.rank == 2 else 1]),
        "ends early": ({"metrics": {}}, Elsewhere("fewer")),
        "yields others": ({"metrics": {}}, Elsewhere("others")),
        "no batch": ({"metrics": {}}, []),
    }
    found = {}
    for name, (options, data) in cases.items():
        trainer = trainer_of(mpi, **options)
        try:
            trainer.fit(batches(X, Y, size=20), epochs=1, evaluate={"test": data}, progress=False)
            found[name] = trainer.history[-1]["test_loss"], trainer.history[-1]["test_auc"]
        except Exception as error:
            found[name] = type(error).__name__, f"{error} {' '.join(getattr(error, '__notes__', ()))}"
    return found


@pytest.mark.slow
def test_an_error_on_one_rank_reaches_all_of_them():
    found = run(failures, 3)
    where = "in the evaluation on 'test' after step 3"
    for name, number, kind, text in (
        ("counts on rank 1", 1, "KeyError", "'no update'"),
        ("merges", 0, "KeyError", "'no merge'"),
        ("is not defined", 0, "ValueError", "ROCAUC is not defined without a sample whose target is no for class 0"),
        ("no batch", 0, "ValueError", "evaluate expected at least one sample, got no batch"),
    ):
        for rank, errors in enumerate(found):
            error, message = errors[name]
            assert error == (kind if rank == number else "RankError")
            assert message.startswith(text if rank == number else f"rank {number} of 3 raised {kind}: {text}")
            assert where in message
    for rank, errors in enumerate(found):
        assert errors["counts on all ranks"] == (
            "KeyError",
            f"'no update' in the metric 'own' on rank {rank} of 3 {where}",
        )
        assert errors["cannot be sent"][0] == ("TypeError" if rank else "RankError")
        assert "Unsent holds what cannot be sent to another process (cannot pickle" in errors["cannot be sent"][1]
        assert errors["NaN"][0] == "NonFiniteError"
        assert "SoftmaxCrossEntropyLoss got NaN" in errors["NaN"][1]
        assert "on rank 2 of 3" in errors["NaN"][1]
        assert np.isnan(errors["NaN is skipped"]).all()
        assert errors["another order"][0] == "ValueError"  # a list is seen to differ before the first step
        assert "differs from rank 0 in 1 place (let the script make the same" in errors["another order"][1]
        assert errors["ends early"][0] == errors["yields others"][0] == "RankError"
        assert "yields 4 batches on rank 1, and 5 on rank 0: let it yield the same" in errors["ends early"][1]
        assert "yields other targets on rank 2 than on rank 0: let it" in errors["yields others"][1]


def others(mpi):
    """Return the rows of other Trainers, and what one returns that rank 0 asks alone."""
    trainer = trainer_of(mpi)
    asked = (trainer.evaluate((X, Y)), trainer.predict(X).shape) if mpi is None or mpi.rank == 0 else None
    return heads(mpi), own_evaluate(mpi), asked


@pytest.mark.slow
def test_outputs_own_trainers_and_one_rank_alone():
    (alone, own, asked), together = others(None), run(others, 2)
    for found_heads, found_own, _ in together:
        for row, expected in zip([*found_heads, *found_own], [*alone, *own], strict=True):
            assert row.keys() == expected.keys()
            for name in row.keys() - {"seconds"}:
                np.testing.assert_allclose(row[name], expected[name], rtol=1e-12, atol=1e-12, err_msg=name)
    assert together[0][:2] == together[1][:2]
    assert together[0][2] == asked


def shares(batches, ranks):
    """Return each rank's share of batches, and what it has seen."""
    found = []
    for rank in range(ranks):
        share = Share(batches, Part(rank, ranks))
        found.append(([batch[1].tolist() for batch in share], share.seen))
    return found


def test_a_share_is_whole_batches():
    y = np.arange(10)
    loader = mn.DataLoader(np.zeros((10, 1)), y, 2, transform=lambda x, rng: x)
    parts = [part for part, _ in shares(loader, 3)]
    assert parts == [[[0, 1]], [[2, 3], [4, 5]], [[6, 7], [8, 9]]]
    of_list = shares([(np.zeros((2, 1)), y[i : i + 2]) for i in range(0, 10, 2)], 3)
    assert [part for part, _ in of_list] == parts
    assert len({seen for _, seen in of_list}) == 1
    assert of_list[0][1][0] == 5
    unknown = Endless([(np.zeros((2, 1)), y[i : i + 2]) for i in range(0, 10, 2)])
    assert [part for part, _ in shares(unknown, 3)] == [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5]]]


def test_a_plain_loader_is_cut_so_that_all_ranks_have_as_many_batches():
    for samples, ranks in ((2500, 2), (1, 3), (7, 3), (1000, 1), (5, 5)):
        loader = mn.DataLoader(np.zeros((samples, 2)), np.zeros(samples), 1000)
        own = balanced(loader, ranks)
        assert len(own) == (4 if samples == 2500 else min(samples, ranks))
        assert own.batch_size <= loader.batch_size == 1000
    for option in ({"shuffle": True}, {"drop_last": True}, {"transform": lambda x, rng: x}):
        loader = mn.DataLoader(np.ones((9, 2)), np.zeros(9), 4, check=False, **option)
        assert balanced(loader, 2) is loader
