"""What a DataLoader and a Stream do alike with a batch."""

import numpy as np
import pytest

import minnet as mn

X, Y = np.arange(24, dtype=np.uint8).reshape(6, 4), np.arange(6)


@pytest.fixture(params=["DataLoader", "Stream"])
def make(request):
    """Return what makes a loader of six samples, and its name."""

    def made(X=X, **options):
        if request.param == "DataLoader":
            return mn.DataLoader(X, Y, 4, **options)
        return mn.data.Stream(list(zip(X, Y, strict=True)), 4, **options)

    return made, request.param


def test_bytes_are_scaled_and_then_transformed(make):
    def noisy(x, rng):
        return x + rng.normal(size=x.shape).astype(np.float32)

    drawn = np.random.default_rng(7)
    if make[1] == "Stream":
        drawn.integers(1 << 63)  # the pass's own
    for at, (x, _) in zip((0, 4), make[0](transform=noisy, rng=7), strict=True):
        expected = X[at : at + 4] * np.float32(1 / 256)
        assert x.dtype == np.float32
        assert x.tobytes() == (expected + drawn.normal(size=expected.shape).astype(np.float32)).tobytes()


def test_without_a_scale_bytes_stay(make):
    assert next(iter(make[0](scale=None)))[0].dtype == np.uint8


def test_a_collate_function_makes_the_batch(make):
    x, y = next(iter(make[0](collate=lambda xs, ys: (np.stack(xs)[:, ::2], -np.array(ys)))))
    np.testing.assert_array_equal(x, X[:4, ::2] / 256)
    assert y.tolist() == [0, -1, -2, -3]
    with pytest.raises(TypeError, match=f"{make[1]} expected collate.* to return the pair"):
        next(iter(make[0](collate=lambda xs, ys: xs)))


@pytest.mark.parametrize("name", ["transform", "collate"])
@pytest.mark.parametrize("wrong", [3, mn.ReLU()], ids=["int", "layer"])
def test_what_is_no_function(make, name, wrong):
    with pytest.raises(TypeError, match=f"{make[1]} expected {name} to be a function"):
        make[0](**{name: wrong})


def test_a_scale_that_is_none(make):
    with pytest.raises(ValueError, match=f"{make[1]} needs a finite scale > 0|{make[1]} needs scale > 0"):
        make[0](scale=0)
