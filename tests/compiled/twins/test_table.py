"""All twins against their formulas: every layer, with and without twins, in many shapes, memory orders and dtypes."""

import copy
import sys

import numpy as np
import pytest
from every_layer import OPTIONS, make, trained

import minnet as mn
from minnet.core.twins import NO_TWINS, Twins, twins

module = pytest.importorskip("minnet.compiled.twins.table", exc_type=ImportError)
table, using_twins = module.table, module.using_twins
pytestmark = pytest.mark.slow  # it compiles most of the kernels there are

MANY = 5000  # numbers, for which twins do not leave the work to their formulas
MORE = {"ReLU": 2**17}  # and for which this one does not
LOSSES = [mn.SoftmaxCrossEntropyLoss, mn.CrossEntropyLoss, mn.NLLLoss, mn.MSELoss, mn.BCEWithLogitsLoss]
# What a test of its own compares: optimizers, and what the steps of a Trainer call.
ELSEWHERE = ("minnet.optimizers", "minnet.training", "minnet.data")


@pytest.fixture(scope="module")
def ran():
    """Return a table of all twins, which notes which of them did the work themselves, without their formula."""
    seen = set()

    def noting(formula, twin):
        def call(*arguments, **options):
            called = []

            def note(frame, event, _):
                if event == "call" and frame.f_code is formula.__code__:
                    called.append(formula)

            before = sys.getprofile()
            sys.setprofile(note)
            try:
                result = twin(*arguments, **options)
            finally:
                sys.setprofile(before)
            if not called:
                seen.add(formula)
            return result

        return call

    noted = Twins({formula: noting(formula, twin) for formula, twin in table().items()})
    return noted, seen


def run(layer, x, dy, used):
    """Do forward and backward with these twins; return y, dx, all arrays of the layer, gradients, and the cache."""
    token = twins.set(used)
    try:
        with np.errstate(all="ignore"):
            y = layer.forward(x)
            cache = layer.__dict__.get("_cache")
            dx = layer.backward(dy(y))
            layer.accumulate_grad(dy(layer.forward(x)))  # once more, for the Parameters only
    finally:
        twins.reset(token)
    results = {"y": y, "dx": dx}
    for name, array in layer.named_arrays():
        results[name] = array.data
        if isinstance(array, mn.Parameter):
            results[f"gradient of {name}"] = array.grad
    return results, described(cache)


def described(cache):
    """Describe what is in a cache: shapes and dtypes of arrays, other values as they are."""
    if isinstance(cache, np.ndarray):
        return cache.shape, cache.dtype
    if isinstance(cache, (tuple, list)):
        parts = [described(part) for part in cache]
        if parts and all(isinstance(part, tuple) and part == parts[0] for part in parts):
            return (len(parts), *parts[0][0]), parts[0][1]  # as one array, from which the same are taken by number
        return parts
    return cache if isinstance(cache, (int, float, str, bool, type(None))) else type(cache)


def compare(layer, x, used, dy=None):
    """Assert that a layer computes the same with twins and without."""
    random = np.random.default_rng(1)
    dys = {}

    def gradient(y):
        if y.shape not in dys:
            dys[y.shape] = random.standard_normal(y.shape).astype(y.dtype)
        return dys[y.shape] if dy is None else dy(dys[y.shape])

    expected, its_cache = run(copy.deepcopy(layer), x, gradient, NO_TWINS)
    given = x.copy()
    results, cache = run(copy.deepcopy(layer), x, gradient, used)
    assert np.array_equal(given, x, equal_nan=x.dtype.kind == "f")
    assert cache == its_cache
    for name, array in expected.items():
        if array is None:
            assert results[name] is None
            continue
        assert results[name].shape == array.shape
        assert results[name].dtype == array.dtype
        close(
            results[name], array, name, least=10
        )  # such as a sum of a thousand numbers around 1 that is 0 but for rounding


def close(result, expected, name, least=0.0):
    """Assert that results are NaN and infinite in the same places, and else equal but for rounding."""
    assert np.array_equal(np.isnan(result), np.isnan(expected)), name
    infinite = np.isinf(expected)
    assert np.array_equal(result[infinite], expected[infinite]), name
    finite = np.isfinite(expected)
    size = np.abs(expected[finite]).max(initial=least)
    exact = expected.dtype == np.float64
    rtol, atol = (1e-12, 1e-13) if exact else (3e-5, 4e-6)
    np.testing.assert_allclose(result[finite], expected[finite], rtol=rtol, atol=atol * size, err_msg=name)


def inputs(name, shape, dtype=np.float32, many=None):
    """Return an input of many numbers, of a shape that differs from this one in its first axis."""
    random = np.random.default_rng(0)
    if name in ("RNN", "GRU", "LSTM"):
        shape = (shape[0], 7, *shape[2:])  # few steps are left to the layer
    many = MORE.get(name, MANY) if many is None else many
    shape = (-(-many // int(np.prod(shape[1:]))), *shape[1:])
    return random.integers(0, 9, shape) if name == "Embedding" else random.normal(size=shape).astype(dtype)


def options(name):
    """List options of a layer: the first of each argument, and then each of the others by itself."""
    values = {key: value() if callable(value) else value for key, value in OPTIONS[name][1].items()}
    first = {key: value[0] for key, value in values.items()}
    if name in ("Sequential", "Residual", "Add", "Concat"):
        return [{"layers": tuple(values["layers"])} | {k: v for k, v in first.items() if k != "layers"}]
    found = [first, *({**first, key: other} for key, value in values.items() for other in value[1:])]
    return [chosen for chosen in found if not (chosen.get("num_layers") == 1 and chosen.get("dropout"))]


def layers(name):
    """List layers of a class, with numbers as after some training."""
    return [trained(make(name, dict(chosen)), np.random.default_rng(2)) for chosen in options(name)]


def batch_innermost(x):
    """Return x with another memory order: that of convolutions."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


@pytest.mark.parametrize("name", OPTIONS)
def test_of_many_numbers(name, ran):
    for layer in layers(name):
        for shape in OPTIONS[name][0]:
            compare(layer, inputs(name, shape), ran[0])


@pytest.mark.parametrize("name", OPTIONS)
def test_in_other_orders_of_memory(name, ran):
    for layer in layers(name)[:2]:
        for shape in OPTIONS[name][0]:
            x = batch_innermost(inputs(name, shape))
            compare(layer, x, ran[0])
            compare(layer, x, ran[0], batch_innermost)
            compare(layer, inputs(name, shape), ran[0], batch_innermost)
            wide = np.repeat(x, 2, axis=-1)
            compare(layer, wide[..., ::2], ran[0])


@pytest.mark.parametrize("name", OPTIONS)
def test_arrays_are_not_written_to(name, ran):
    def frozen(array):
        array.flags.writeable = False
        return array

    layer, shape = layers(name)[0], OPTIONS[name][0][0]
    compare(layer, frozen(inputs(name, shape)), ran[0], lambda dy: frozen(dy.copy()))


@pytest.mark.parametrize("name", OPTIONS)
def test_of_few_or_no_numbers(name, ran):
    layer, shape = layers(name)[0], OPTIONS[name][0][0]
    for n in (0, 1, 3):
        compare(layer, inputs(name, shape, many=1000)[:n], ran[0])


@pytest.mark.parametrize("name", OPTIONS)
def test_float64_has_all_its_digits(name, ran):
    layer, shape = layers(name)[0].astype(np.float64), OPTIONS[name][0][0]
    compare(layer, inputs(name, shape, np.float64), ran[0])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, -0.0, 1e30, -1e-40])
@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "Embedding"])
def test_special_numbers(name, number, ran):
    layer = layers(name)[0]
    for shape in OPTIONS[name][0]:
        x = inputs(name, shape)
        x.reshape(-1)[[3, 700, 701]] = number
        if isinstance(layer, (mn.MultiHeadAttention, mn.TransformerBlock)) and 1e9 < number < np.inf:
            continue  # small differences of large sums are nothing but rounding
        compare(layer, x, ran[0])
        if not (number != number or abs(number) > 1e9):
            continue

        def some(dy):
            dy = dy.copy()
            dy.reshape(-1)[[5, dy.size // 3, dy.size // 2]] = number
            return dy

        compare(layer, inputs(name, shape), ran[0], some)


@pytest.mark.parametrize("classes", [3, 40])
@pytest.mark.parametrize("smoothing", [0, 0.1])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_losses(loss, classes, smoothing, ran):
    random = np.random.default_rng(0)
    z = 3 * random.standard_normal((MANY // classes + 7, classes)).astype(np.float32)
    target = random.integers(0, classes, len(z))
    if loss in (mn.MSELoss, mn.BCEWithLogitsLoss):
        if smoothing:
            return
        target, made = random.uniform(size=z.shape).astype(np.float32), loss()
    else:
        made = loss(label_smoothing=smoothing)
        z = {mn.CrossEntropyLoss: mn.Softmax(), mn.NLLLoss: mn.LogSoftmax()}.get(loss, mn.Identity()).forward(z)
    for prediction in (z, np.asfortranarray(z), z.astype(np.float64)):
        for weights in (None, random.uniform(size=len(z))):
            found = []
            for used in (NO_TWINS, ran[0]):
                token = twins.set(used)
                try:
                    value = made.forward(prediction, target, weights)
                    found.append((np.array(value), made.backward(), described(made.cache)))
                finally:
                    twins.reset(token)
            (value, gradient, cache), (of_twin, gradient_of_twin, cache_of_twin) = found
            assert abs(of_twin - value) <= 2e-6 * abs(value)
            close(gradient_of_twin, gradient, "gradient")
            assert cache_of_twin == cache


def test_each_twin_did_the_work_itself_somewhere(ran):
    """This runs behind the tests above, in the same process."""
    used, seen = ran
    names = [formula.__qualname__ for formula in used.keys() - seen if not formula.__module__.startswith(ELSEWHERE)]
    assert not names


class OwnGates(mn.GRU):
    def _by_gate(self, a):
        return super()._by_gate(a)[::-1]


class OwnSum(mn.LayerNorm):
    def _sum_over_samples(self, x):
        return 2 * super()._sum_over_samples(x)


class OwnCubic(mn.GELU):
    CUBIC = 0.1


@pytest.mark.parametrize(
    "layer", [OwnGates(5, 8, rng=0), OwnSum(32), OwnCubic("tanh")], ids=lambda layer: type(layer).__name__
)
def test_helpers_and_constants_of_a_subclass_are_used(layer):
    x = np.random.default_rng(0).standard_normal((64, 32, 5 if isinstance(layer, mn.GRU) else 32), dtype=np.float32)
    found = []
    for wanted in (False, True):
        with using_twins(wanted):
            y = layer.forward(x)
            for parameter in layer.parameters():
                parameter.zero_grad()
            found.append([y, layer.backward(np.ones_like(y)), *(p.read_grad().copy() for p in layer.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_there_are_none_inside_where_none_are_wanted():
    with using_twins(), using_twins(wanted=False):
        assert not twins.get()
