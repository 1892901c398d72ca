"""Batches come as pairs, triples or dicts, of NumPy's arrays or of another library's."""

from collections import UserDict, namedtuple

import numpy as np
import pytest

import minnet as mn
from minnet.training.batches import Batches, check_batch, inputs_of, may_be_batch

X = np.random.default_rng(0).random((20, 4), np.float32)
Y = np.arange(20) % 3
BYTES = np.arange(20, dtype=np.uint8).reshape(5, 4)


class Tensor:
    """An array of another library, by NumPy's protocol."""

    def __init__(self, array):
        self.array = np.asarray(array)

    def __array__(self, dtype=None, copy=None):
        return self.array


class Capsule:
    """The same, by DLPack's."""

    def __init__(self, array):
        self.array = np.asarray(array)

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def shares(array, other):
    return np.shares_memory(array, other) and array.dtype == other.dtype and array.shape == other.shape


@pytest.mark.parametrize("batch", [(X, Y), [X, Y], (X, [1, 2])], ids=range(3))
def test_a_pair_is_a_batch(batch):
    x, y = check_batch(batch)
    assert x is batch[0]
    assert y is batch[1]


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        (X, r"an array of shape \(20, 4\): yield both"),
        (X[:2], r"an array of shape \(2, 4\): yield both"),
        ((X, Y, Y, Y), "a tuple of 4: yield both"),
        ((X,), "a tuple of 1: yield both"),
        ({"x": X}, r"a dict of 'x': yield the targets under one name"),
        ({"x": X, "y": Y, "labels": Y}, r"a dict of 'x', 'y', 'labels': yield the targets under one name"),
        ({"y": Y}, r"a dict of 'y': yield the targets under one name, such as \"y\", and x under others"),
        (([[1.0]], Y), "a pair whose x is a list of 1: yield np.asarray"),
        (None, "a NoneType: yield both"),
    ],
    ids=range(9),
)
def test_what_is_no_pair_is_refused_with_the_cure(batch, got):
    with pytest.raises(TypeError, match=rf"^fit expected the loader to yield pairs of arrays \(x, y\), got {got}"):
        check_batch(batch)


@pytest.mark.parametrize("kind", [Tensor, Capsule])
def test_arrays_of_other_libraries_share_their_memory(kind):
    x, y = check_batch([kind(X), kind(Y)])
    assert shares(x, X)
    assert shares(y, Y)
    x, y, weights = check_batch((X, kind(Y), kind(X[:, 0])))
    assert x is X
    assert shares(y, Y)
    assert shares(weights, X[:, 0])


Pair = namedtuple("Pair", ["a", "b"])


@pytest.mark.parametrize(
    ("x", "form"),
    [
        ((Tensor(X), X), tuple),
        ([Tensor(X), Tensor(X)], tuple),  # PyTorch's default_collate makes lists
        (Pair(Tensor(X), Tensor(X)), tuple),
        ({"a": Tensor(X), "b": X}, dict),
        (UserDict(a=Tensor(X), b=X), dict),
    ],
    ids=range(5),
)
def test_several_arrays(x, form):
    for place, batch in enumerate([(x, Y), (X, x), (X, Y, x)]):
        found = check_batch(batch)[place]
        assert type(found) is form
        assert all(shares(leaf, X) for leaf in (found if form is tuple else found.values()))


@pytest.mark.parametrize("target", ["y", "labels", "label", "targets", "target"])
def test_a_dict_has_its_targets_under_a_name(target):
    for kind in (dict, UserDict):
        x, y = check_batch(kind({"x": Tensor(X), target: Tensor(Y)}))  # one array is x itself
        assert shares(x, X)
        assert shares(y, Y)
        x, y, weights = check_batch(kind({"words": X, target: Y, "mask": X, "sample_weight": X[:, 0]}))
        assert list(x) == ["words", "mask"]
        assert y is Y
        assert shares(weights, X[:, 0])


def test_bytes_of_x_are_scaled_and_those_of_y_are_not():
    scales = []

    def scale():
        scales.append(0.5)
        return 0.5

    x, y = check_batch((Tensor(BYTES), Tensor(BYTES)), scale=scale)
    np.testing.assert_array_equal(x, BYTES * np.float32(0.5))
    assert x.dtype == np.float32
    assert shares(y, BYTES)
    assert scales == [0.5]
    x, _ = check_batch((BYTES, Y), scale=scale)  # NumPy's own may be words, and stay as they were
    assert x is BYTES
    x, _ = check_batch((Tensor(BYTES), Y), scale=lambda: None)
    assert shares(x, BYTES)
    ((x, _),) = Batches("evaluate", "data", [(Tensor(BYTES), Y)], 0.25)
    np.testing.assert_array_equal(x, BYTES * np.float32(0.25))


class Refuses(Tensor):
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("use detach()")


def test_what_numpy_cannot_read_is_said_with_the_place():
    for batch, place in (((Refuses(X), Y), "x"), ((X, Refuses(Y)), "y"), ((X, Y, Refuses(Y)), "sample_weight")):
        message = (
            rf"^fit expected the loader to yield arrays that NumPy can read, got in {place} a \w+.Refuses .*\(use det"
        )
        with pytest.raises(TypeError, match=message):
            check_batch(batch)
    with pytest.raises(TypeError, match=r"got in x a \w+.Tensor of <U1: make numbers of it"):
        check_batch((Tensor(["a", "b"]), Y))
    with pytest.raises(TypeError, match="got an x that is a dict with a list of 2 in it: yield arrays"):
        check_batch({"words": ["a", "b"], "ids": Tensor(X), "y": Y})


def test_the_inputs_of_batches_to_predict_for():
    for batch in (Tensor(X), X, (Tensor(X),), [Tensor(X), Tensor(Y)], {"x": Tensor(X)}, {"x": X, "labels": Y}):
        assert shares(inputs_of(batch, "predict", "X", 0.5), X)
    x = inputs_of({"a": X, "b": Tensor(X), "labels": Y}, "predict", "X", 0.5)
    assert list(x) == ["a", "b"]
    np.testing.assert_array_equal(inputs_of([Tensor(BYTES)], "predict", "X", 0.5), BYTES * np.float32(0.5))
    with pytest.raises(TypeError, match=r"^predict expected X to yield pairs of arrays"):
        inputs_of("text", "predict", "X", 0.5)


def test_what_may_be_a_batch():
    assert all(map(may_be_batch, [(X, Y), [X, Y], (X, Y, Y), {"a": X, "y": Y}]))
    assert not any(map(may_be_batch, [X, [X], (X, Y, Y, Y), {"a": X}, "ab", None]))


class Loader:
    """Yields batches of another library's arrays, each time it is iterated over."""

    def __init__(self, form=tuple, kind=Tensor, targets=True):
        self.form, self.kind, self.targets = form, kind, targets

    def __iter__(self):
        for start in range(0, 20, 6):
            x, y = self.kind(X[start : start + 6]), self.kind(Y[start : start + 6])
            if not self.targets:
                yield x
            else:
                yield {"x": x, "labels": y} if self.form is dict else self.form((x, y))


def trainer():
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize("kind", [Tensor, Capsule])
@pytest.mark.parametrize("form", [tuple, list, dict])
def test_fit_evaluate_and_predict(form, kind):
    one, other = trainer(), trainer()
    one.fit(Loader(form, kind), epochs=3, evaluate={"test": Loader(form, kind)}, progress=False)
    other.fit(mn.DataLoader(X, Y, 6), epochs=3, evaluate={"test": (X, Y)}, progress=False)
    for name in ("loss", "test_loss", "test_accuracy"):
        assert one.history.column(name) == pytest.approx(other.history.column(name), rel=1e-6)
    assert one.evaluate(Loader(form, kind)) == pytest.approx(other.evaluate((X, Y)), rel=1e-6)
    for loader in (Loader(form, kind), Loader(targets=False)):
        np.testing.assert_allclose(one.predict(loader), other.predict(X), rtol=1e-5, atol=1e-6)


def test_a_list_of_dicts_is_a_loader():
    trainer().fit([{"x": X, "y": Y}, {"x": X, "y": Y}], epochs=1, progress=False)


def test_predict_takes_no_batch_size_for_batches_and_no_iterator():
    for options in ({"batch_size": 5}, {"collate": mn.data.Pad()}):
        with pytest.raises(ValueError, match="predict got a Loader, which makes batches itself: leave out batch_size"):
            trainer().predict(Loader(), **options)
    with pytest.raises(TypeError, match="a generator, which can be read only once"):
        trainer().predict(x for x in [X])


def test_bytes_of_tensors_become_the_models_scale():
    class Images(Loader):
        def __iter__(self):
            yield Tensor(BYTES), Tensor(np.array([0, 1, 2, 0, 1]))

    one, other = trainer(), trainer()
    one.model.input_scale = other.model.input_scale = 1 / 255
    one.fit(Images(), epochs=2, progress=False)
    other.fit(mn.DataLoader(BYTES, [0, 1, 2, 0, 1], 5, scale=1 / 255, check=False), epochs=2, progress=False)
    np.testing.assert_array_equal(one.model[0].weight.data, other.model[0].weight.data)
    np.testing.assert_allclose(one.predict(BYTES), one.predict(Images()), rtol=1e-6)
    fresh = trainer()
    fresh.fit(Images(), epochs=1, progress=False)
    assert vars(fresh.model)["input_scale"] == 1 / 256
