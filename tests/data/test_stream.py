"""A Stream makes batches of any source of samples; a fit takes it as any loader."""

import pytest
from helpers import linear_problem, small_trainer

import minnet as mn
from minnet.data import Stream

N = 60
X, Y = linear_problem(N)


def samples():
    yield from zip(X, Y, strict=True)


def batches_of(size):
    def batches():
        for start in range(0, N, size):
            yield X[start : start + size], Y[start : start + size]

    return batches


def bits(loader):
    return [(x.dtype, x.tobytes(), y.tobytes()) for x, y in loader]


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 7, 60, 64])
@pytest.mark.parametrize(
    ("source", "options"),
    [
        (samples, {}),
        (list(samples()), {}),
        (batches_of(11), {"batches": True}),
        (mn.DataLoader(X, Y, 13), {"batches": True}),
    ],
    ids=["function", "list", "batches", "loader"],
)
def test_without_a_buffer_the_batches_are_those_of_a_dataloader(source, options, size, drop_last):
    stream = Stream(source, size, drop_last=drop_last, **options)
    expected = bits(mn.DataLoader(X, Y, size, drop_last=drop_last and size <= N)) if size <= N or not drop_last else []
    assert bits(stream) == expected
    assert bits(stream) == expected


def test_the_seed_decides_the_order():
    def order(seed):
        return [y.tolist() for _, y in Stream(samples, 7, buffer=20, rng=seed)]

    assert order(1) == order(1) != order(2)
    stream = Stream(samples, 7, buffer=20, rng=1)
    assert [y.tolist() for _, y in stream] != [y.tolist() for _, y in stream]


@pytest.mark.parametrize("wrong", [(X, Y), X, {"x": X}, "rows.csv", 3, None], ids=lambda value: type(value).__name__)
def test_what_is_no_source(wrong):
    with pytest.raises(TypeError, match=r"Stream expected a source that yields samples .*mn\.DataLoader"):
        Stream(wrong)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"batch_size": 0}, ValueError),
        ({"buffer": -1}, ValueError),
        ({"buffer": 2.5}, TypeError),
        ({"batches": 3}, TypeError),
        ({"drop_last": 3}, TypeError),
        ({"shuffle": True}, TypeError),
    ],
    ids=str,
)
def test_arguments_that_are_wrong(options, error):
    with pytest.raises(error, match=next(iter(options))):
        Stream(samples, **options)


def test_a_class_is_called_as_a_function_is():
    class Source:
        def __iter__(self):
            return samples()

    assert bits(Stream(Source, 7)) == bits(Stream(Source(), 7)) == bits(Stream(samples, 7))


def test_how_it_shows():
    assert repr(Stream(samples, 7, buffer=20)) == "Stream(samples, batch_size=7, buffer=20)"


def test_a_fit_of_epochs_and_of_steps():
    def weights(loader, **how_long):
        trainer = small_trainer()
        trainer.fit(loader, progress=False, **how_long)
        return trainer.model.layers[0].weight.data.tobytes()

    assert weights(Stream(samples, 7), epochs=3) == weights(mn.DataLoader(X, Y, 7), epochs=3)

    def endless():
        while True:
            yield from samples()

    assert weights(Stream(endless, 6), steps=25) == weights(mn.DataLoader(X, Y, 6), steps=25)


def test_a_bare_iterator_is_for_one_epoch():
    trainer = small_trainer()
    with pytest.raises(ValueError, match="can be iterated over only once"):
        trainer.fit(Stream(samples(), 7), epochs=2, progress=False)
    trainer.fit(Stream(samples(), 7), epochs=1, progress=False)
    assert trainer.step == 9
    schedule = mn.callbacks.LearningRate(mn.schedules.StepLR(1), per="epoch")
    with pytest.raises(ValueError, match='per="epoch"'):
        trainer.fit(Stream(samples(), 7), epochs=1, progress=False, callbacks=[schedule])


def test_an_error_of_the_source_says_at_which_step():
    def broken():
        yield from zip(X[:20], Y, strict=False)
        raise OSError("the disk is gone")

    trainer = small_trainer()
    with pytest.raises(OSError, match="the disk is gone"):
        trainer.fit(Stream(broken, 7), epochs=1, progress=False)
    assert trainer.step == 2
