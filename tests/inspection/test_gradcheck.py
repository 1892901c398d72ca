"""The checker is checked: honest layers pass, and every one of a zoo of broken ones is caught, for its fault."""

import copy
import pickle
import types

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import LayerError, check_layer

X = np.random.default_rng(5).normal(size=(4, 3))
P = mn.Softmax().forward(X)
LABELS = np.array([0, 2, 1, 2])


# --- a zoo of broken layers: (class, what the message must say) --------------------------------------------------


class MeanForgotten(mn.Loss):
    """Misses the 1/N of its mean."""

    def forward(self, prediction, target):
        p = prediction[np.arange(len(target)), target]
        self.cache = (prediction.shape, target, p)
        return float(-np.log(p).mean()) if len(target) else 0.0

    def backward(self):
        shape, target, p = self.cache
        gradient = np.zeros(shape, p.dtype)
        gradient[np.arange(len(target)), target] = -1 / p
        return gradient


class WrongAxis(mn.Softmax):
    """Sums the Jacobian over the batch."""

    def backward(self, dy):
        p = self.cache
        return p * (dy - (dy * p).sum(axis=0, keepdims=True))


class SoftmaxAsSigmoid(mn.Softmax):
    """Takes softmax' for sigma' = p (1 - p)."""

    def backward(self, dy):
        p = self.cache
        return dy * p * (1 - p)


class SoftmaxPassesThrough(mn.Softmax):
    """Leaves its derivative to the loss."""

    def backward(self, dy):
        return dy.copy()


class ReluInPlace(mn.Layer):
    """Writes into its input."""

    def forward(self, x):
        self.cache = x > 0
        x[x < 0] = 0
        return x

    def backward(self, dy):
        return dy * self.cache


class ReluIntoUpstream(mn.ReLU):
    """Writes into dy."""

    def backward(self, dy):
        dy *= self.cache
        return dy


class Scale(mn.Layer):
    """y = x * scale: the honest one, from which the next ones go astray."""

    def __init__(self, size=3):
        self.scale = mn.Parameter(np.linspace(0.5, 1.5, size))

    def forward(self, x):
        self.cache = x
        return x * self.scale.data

    def backward(self, dy):
        self.scale.grad += (dy * self.cache).sum(axis=0)
        return dy * self.scale.data


class RebindsGrad(Scale):
    def backward(self, dy):
        self.scale.grad = self.scale.grad + (dy * self.cache).sum(axis=0)
        return dy * self.scale.data


class ReplacesParameter(Scale):
    def forward(self, x):
        self.scale = mn.Parameter(self.scale.data, dtype=x.dtype)
        return super().forward(x)


class ForgetsToAccumulate(Scale):
    def backward(self, dy):
        self.scale.grad[...] = (dy * self.cache).sum(axis=0)
        return dy * self.scale.data


class AccumulatesTwice(Scale):
    def accumulate_grad(self, dy):
        self.backward(dy)
        self.backward(dy)


class ForgetsParameter(Scale):
    def backward(self, dy):
        return dy * self.scale.data


class UpdatesItself(Scale):
    def backward(self, dy):
        dx = super().backward(dy)
        self.scale.data -= 0.1 * self.scale.grad
        return dx


class Upcasts(Scale):
    def forward(self, x):
        self.cache = x
        return x * self.scale.data * np.ones(3)


class UpcastsBackward(Scale):
    def backward(self, dy):
        return super().backward(dy).astype(np.float64)


class FirstCallCached(mn.Layer):
    """Remembers the first batch for ever."""

    def forward(self, x):
        if "_cache" not in vars(self):
            self.cache = x
        return x * x

    def backward(self, dy):
        return 2 * self.cache * dy


class ClassCached(mn.Layer):
    """Keeps its cache where all its instances find it."""

    def forward(self, x):
        type(self).x = x
        return x * x

    def backward(self, dy):
        return 2 * type(self).x * dy


class KeepsInEval(mn.Layer):
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return 2 * self.x * dy


class DropsInEval(mn.Dropout):
    def forward(self, x):
        mask = (self.rng.random(x.shape) > self.p).astype(x.dtype)
        self.cache = mask
        return x * mask


class LeavesTraining(mn.Dropout):
    """Its eval-mode forward switches training back on."""

    def forward(self, x):
        self.training = True
        return super().forward(x)


class GlobalRandom(mn.Layer):
    def forward(self, x):
        mask = (np.random.random(x.shape) > 0.5).astype(x.dtype)  # noqa: NPY002
        self.cache = mask
        return x * mask

    def backward(self, dy):
        return dy * self.cache


class BatchMeanInEval(mn.Layer):
    """Learns a running mean, and does not use it."""

    def __init__(self):
        self.mean = mn.Buffer(np.zeros(3))

    def forward(self, x):
        mean = x.mean(axis=0) if len(x) else np.zeros(3, x.dtype)
        if self.training and len(x):
            self.mean.data += 0.1 * (mean - self.mean.data)
        self.cache = len(x)
        return x - mean

    def backward(self, dy):
        return dy - (dy.mean(axis=0) if self.cache else 0)


class ReadsCacheInForward(mn.Layer):
    """Works in training, and not in eval mode."""

    def forward(self, x):
        self.cache = np.tanh(x)
        return self.cache

    def backward(self, dy):
        return dy * (1 - self.cache**2)


class ReusesOutput(mn.Layer):
    """Gives out one buffer again and again."""

    def forward(self, x):
        if vars(self).get("y") is None or self.y.shape != x.shape or self.y.dtype != x.dtype:
            self.y = np.empty_like(x)
        self.cache = x
        return np.multiply(x, x, out=self.y)

    def backward(self, dy):
        return 2 * self.cache * dy


class GivesOutItsWeights(mn.Layer):
    def __init__(self):
        self.table = mn.Parameter(np.ones((4, 3)))

    def forward(self, x):
        self.cache = len(x)
        return self.table.data[: len(x)]

    def backward(self, dy):
        self.table.grad[: len(dy)] += dy
        return np.zeros_like(dy)


class FailsOnEmpty(mn.Layer):
    def forward(self, x):
        self.cache = x
        return x * np.exp(0 * x.max())

    def backward(self, dy):
        return dy * 1


class NanOnEmpty(mn.Loss):
    def forward(self, prediction, target):
        self.cache = prediction - target
        return float((self.cache**2).mean())

    def backward(self):
        return 2 * self.cache / self.cache.size


class WrongShape(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.sum(axis=-1)

    def backward(self, dy):
        return dy


class ReturnsNothing(mn.Tanh):
    def backward(self, dy):
        super().backward(dy)


class WrongWhenStrided(mn.Layer):
    """Reads memory, not the array."""

    def forward(self, x):
        self.cache = x.shape
        return np.frombuffer(x.base if x.base is not None else x, x.dtype)[: x.size].reshape(x.shape) * 2

    def backward(self, dy):
        return dy * 2


class Unpicklable(mn.Tanh):
    def __init__(self):
        self.function = lambda x: x


class CopiesBadly(Scale):
    def __deepcopy__(self, memo):
        copied = Scale(self.scale.data.size)
        copied.scale.data[...] = np.round(self.scale.data, 1)
        return copied.astype(self.dtype)


class EluAsBoolean(mn.Layer):
    """A trap seen in the field: the derivative is taken for the condition."""

    def forward(self, x):
        self.cache = x
        return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1).astype(x.dtype)

    def backward(self, dy):
        return dy * (self.cache > 0)


class SlightlyOff(mn.Tanh):
    """A gradient that is wrong in the fourth digit."""

    def backward(self, dy):
        return super().backward(dy) * dy.dtype.type(1.0003)


class OneElementWrong(mn.Linear):
    """One wrong weight gradient among 4,000, which sampling alone would mostly miss."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad[7, 3] += dy.sum() + 1
        return dx


class UpcastsInEval(mn.Layer):
    """Subtracts float64 zeros, whatever x is."""

    def forward(self, x):
        self.cache = x.shape
        return x * 1 if self.training else x - np.zeros(3)

    def backward(self, dy):
        return dy * 1


class PlainArray(mn.Layer):
    """Its weight is an array that no optimizer finds."""

    def __init__(self):
        self.W = np.eye(3)

    def forward(self, x):
        return x @ self.W.astype(x.dtype)

    def backward(self, dy):
        return dy @ self.W.T.astype(dy.dtype)


class HiddenParameter(mn.Layer):
    """Keeps its Parameter in an object where nobody looks."""

    def __init__(self):
        self.options = types.SimpleNamespace(all=[mn.Parameter(np.eye(3))])

    def forward(self, x):
        self.cache = x
        return x @ self.options.all[0].data.astype(x.dtype)

    def backward(self, dy):
        weight = self.options.all[0]
        weight.grad += self.cache.T @ dy
        return dy @ weight.data.T.astype(dy.dtype)


class WrongInEval(mn.Layer):
    """Is y = 2x in eval mode, and passes dy back as if it were y = x."""

    def forward(self, x):
        self.cache = self.training
        return x if self.training else 2 * x

    def backward(self, dy):
        return dy


class KeepsNothingInEval(WrongInEval):
    """Reads a cache that its forward fills while training only."""

    def forward(self, x):
        if not self.training:
            return 2 * x
        self.cache = 1
        return x

    def backward(self, dy):
        return self.cache * dy


class MeanForSum(Scale):
    def backward(self, dy):
        self.scale.grad += (dy * self.cache).mean(axis=0)
        return dy * self.scale.data


class NotSummed(Scale):
    def backward(self, dy):
        self.scale.grad += dy * self.cache
        return dy * self.scale.data


class ForgetsDy(mn.Tanh):
    def backward(self, dy):
        return 1 - self.cache**2


class CachesNothingOnEmpty(mn.Layer):
    def forward(self, x):
        if len(x) == 0:
            return x * 1
        self.cache = x
        return x * x

    def backward(self, dy):
        return 2 * self.cache * dy


class WrongSign(mn.Tanh):
    def backward(self, dy):
        return -super().backward(dy)


ZOO = [
    (
        MeanForgotten(),
        (P, LABELS),
        r"it is -onehot / p: the right one is -onehot / p / len\(p\), with onehot = np.eye\(3\)",
    ),
    (WrongAxis(), (X,), r"dL/dx\[.*is wrong|fails"),
    (SoftmaxAsSigmoid(), (X,), r"dL/dx\[.*is wrong"),
    (SoftmaxPassesThrough(), (X,), r"dL/dx\[.*is wrong"),
    (ReluInPlace(), (X,), "forward writes into x, which belongs to the caller"),
    (ReluIntoUpstream(), (X,), "backward writes into dy"),
    (RebindsGrad(), (X,), "re-binds grad"),
    (ReplacesParameter(), (X,), "replaces a Parameter"),
    (ForgetsToAccumulate(), (X,), "overwrites scale.grad: add to it"),
    (AccumulatesTwice(), (X,), "accumulate_grad does not add dL/dscale"),
    (ForgetsParameter(), (X,), r"scale.grad\[.*is wrong.*zero everywhere"),
    (UpdatesItself(), (X,), "changes scale.data: only the optimizer changes it"),
    (Upcasts(), (X,), "forward turns float32 into float64"),
    (UpcastsBackward(), (X,), "backward turns float32 into float64"),
    (FirstCallCached(), (X,), "backward must return the gradient of the last forward"),
    (ClassCached(), (X,), "keep the cache in self, not in the class"),
    (KeepsInEval(), (X,), r"eval mode changes self\.x"),
    (DropsInEval(0.5, rng=0), (X,), r"draws random numbers in eval mode: return x as it is if not self\.training"),
    (LeavesTraining(0.5, rng=0), (X,), "eval mode changes"),
    (GlobalRandom(), (X,), "draw random numbers from a Generator"),
    (BatchMeanInEval(), (X,), "depends on the rest of the batch"),
    (ReadsCacheInForward(), (X,), r"forward reads self\.cache at .* but in eval mode self\.cache keeps nothing"),
    (ReusesOutput(), (X,), "the next call changes the output of the last one"),
    (GivesOutItsWeights(), (X,), r"the output is a view of table\.data"),
    (FailsOnEmpty(), (X,), "an empty batch fails: .* asks for the largest or smallest of no numbers"),
    (NanOnEmpty(), (X, P), "an empty batch"),
    (WrongShape(), (X,), r"dL/dx has shape \(4,\), but x has shape \(4, 3\)"),
    (ReturnsNothing(), (X,), "backward returned None"),
    (WrongWhenStrided(), (X,), "when the arrays are not contiguous"),
    (Unpicklable(), (X,), "pickle fails"),
    (CopiesBadly(4), (np.ones((2, 4)),), "a copy made by copy.deepcopy has another scale.data"),
    (EluAsBoolean(), (X,), r"dL/dx\[.*is wrong"),
    (SlightlyOff(), (X,), r"dL/dx\[.*is wrong.*1\.0003 times"),
    (OneElementWrong(200, 20, rng=0), (np.ones((2, 200)),), "weight.grad"),
    (UpcastsInEval(), (X,), "forward in eval mode turns float32 into float64"),
    (PlainArray(), (X,), "self.W is an array, not a Parameter or a Buffer: it is not trained"),
    (
        mn.Sequential(mn.Tanh(), PlainArray()),
        (X,),
        r"in layers\[1\] = PlainArray.*self.W is an array, not a Parameter or a Buffer",
    ),
    (HiddenParameter(), (X,), r"self.options.all\[0\] is a Parameter that is not found, because the object around it"),
    (WrongInEval(), (X,), r"while it behaves as in eval mode, as after freeze\(statistics=True\), dL/dx\[.* is wr"),
    (KeepsNothingInEval(), (X,), "while the layer behaves as in eval mode: .* set self.cache there even if"),
    (
        MeanForSum(),
        (X,),
        r"scale\.grad.* it is \(dy \* x\)\.mean\(axis=0\): the right one is \(dy \* x\)\.sum\(axis=0\)",
    ),
    (NotSummed(), (X,), r"adds an array of another shape.* so its gradient is a sum over them"),
    (ForgetsDy(), (X,), "it lacks the factor dy"),
    (CachesNothingOnEmpty(), (X,), "set self.cache in every branch of it"),
    (WrongSign(), (X,), r"dL/dx\[.*is a sign wrong\?"),
]


@pytest.mark.parametrize(("layer", "inputs", "message"), ZOO, ids=lambda value: type(value).__name__)
def test_every_animal_of_the_zoo_is_caught(layer, inputs, message):
    with pytest.raises(LayerError, match=message):
        check_layer(layer, *inputs)


def test_a_broken_layer_is_found_inside_a_model_too():
    with pytest.raises(LayerError, match=r"^Sequential\(\): in layers\[0\]\.layers\[0\] = Forgets.*overwrites scale"):
        check_layer(mn.Sequential(mn.Residual(ForgetsToAccumulate()), mn.Tanh()), X)


# --- honest layers pass ------------------------------------------------------------------------------------------


class Swish(mn.Layer):
    def forward(self, x):
        s = 1 / (1 + np.exp(-x))
        self.cache = (x, s)
        return x * s

    def backward(self, dy):
        x, s = self.cache
        return dy * (s + x * s * (1 - s))


class Composite(mn.Layer):
    """A layer made of layers, without a container."""

    def __init__(self):
        self.first = mn.Linear(3, 4, rng=0)
        self.branches = {"a": mn.Linear(4, 2, rng=1), "b": [mn.Linear(4, 2, rng=2)]}

    def forward(self, x):
        h = self.first.forward(x)
        return self.branches["a"].forward(h) + self.branches["b"][0].forward(h)

    def backward(self, dy):
        return self.first.backward(self.branches["a"].backward(dy) + self.branches["b"][0].backward(dy))


class Lookup(mn.Layer):
    """Takes integers, which have no gradient."""

    def __init__(self):
        self.table = mn.Parameter(np.random.default_rng(0).normal(size=(5, 2)))

    def forward(self, indices):
        self.cache = indices
        return self.table.data[indices]

    def backward(self, dy):
        np.add.at(self.table.grad, self.cache, dy)


class Parity(mn.Layer):
    """Nothing here has a gradient."""

    def forward(self, indices):
        return indices % 2


class Bilinear(mn.Layer):
    """Two inputs, two gradients."""

    def forward(self, a, b):
        self.cache = (a, b)
        return a * b

    def backward(self, dy):
        a, b = self.cache
        return dy * b, dy * a


class RunningMean(BatchMeanInEval):
    def forward(self, x):
        if self.training:
            return super().forward(x)
        self.cache = 0
        return x - self.mean.data


def test_honest_layers_pass():
    assert "(x)" in check_layer(Swish(), X)
    assert "(x, scale)" in check_layer(Scale(), X)
    assert "first.weight" in check_layer(Composite(), X)
    assert "(table)" in check_layer(Lookup(), np.array([1, 3, 3]))
    assert "(input0, input1)" in check_layer(Bilinear(), X, P)
    assert check_layer(RunningMean(), X)
    assert "(x)" in check_layer(Swish(), X[0])  # a single sample, no batch


def test_kinks_are_no_false_alarm():
    x = np.array([[0.0, 1.0, -1.0], [0.0, 0.0, 1e-9]])
    assert check_layer(mn.ReLU(), x)


def test_a_wrong_gradient_at_a_kink_is_still_wrong():
    class Two(mn.ReLU):
        def backward(self, dy):
            return dy * (self.cache + 1).astype(dy.dtype)

    with pytest.raises(LayerError, match="is wrong"):
        check_layer(Two(), np.array([[0.0, 1.0], [-1.0, 0.0]]))


def test_the_layer_is_left_as_it_was():
    layer = mn.Sequential(mn.Linear(3, 3, rng=0), mn.Dropout(0.5, rng=1)).eval()
    layer.layers[0].weight.grad += 3
    before = pickle.dumps(layer)
    check_layer(layer, X)
    assert pickle.dumps(layer) == before
    assert not layer.training


def test_small_probabilities_are_checked_sharply():
    p = np.array([[1e-4, 1 - 1e-4], [0.999999, 1e-6]])
    assert check_layer(mn.CrossEntropyLoss(), p, [0, 1])


def test_frozen_parameters_are_not_checked():
    layer = ForgetsParameter()
    layer.scale.trainable = False
    assert "scale" not in check_layer(layer, X)


def test_large_arrays_are_sampled_and_checked_as_a_whole():
    assert check_layer(mn.Linear(784, 10, rng=0), np.random.default_rng(0).uniform(size=(2, 784)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((mn.Tanh, X), TypeError, r"got the class Tanh: pass Tanh\(\.\.\.\)"),
        ((object(), X), TypeError, r"got object: derive the class from mn\.Layer"),
        ((mn.Tanh(),), ValueError, "got no input: pass what forward takes"),
        ((mn.Linear(3, 2), np.arange(3)), TypeError, "computes in float64, got int64"),
        ((Parity(), np.arange(3)), ValueError, "nothing to vary: .* no input is float"),
    ],
)
def test_misuse_of_the_checker(arguments, error, message):
    with pytest.raises(error, match=message):
        check_layer(*arguments)


def test_an_error_in_the_layer_itself_comes_through():
    with pytest.raises(ValueError, match="expected 3 features"):
        check_layer(mn.Linear(3, 2), np.ones((2, 4)))


def test_zoo_animals_differ_from_honest_layers_by_their_fault_only():
    """The zoo's parents are honest, so that the fault is what is caught."""
    for parent, inputs in [(Scale(), (X,)), (mn.Tanh(), (X,)), (mn.Softmax(), (X,)), (mn.Dropout(0.5, rng=0), (X,))]:
        assert check_layer(copy.deepcopy(parent), *inputs)
