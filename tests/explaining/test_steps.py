"""A step has the arrays of a layer, with gradients and slopes; every layer and loss of minnet has one."""

import itertools
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet.core.trees import leaves, mapped

RNG = np.random.default_rng(3)
X = RNG.normal(size=(2, 4))


class Weighed(mn.Loss):
    """L = Σ w · y, with weights w that are drawn."""

    def forward(self, prediction, target):
        """Return L."""
        self.cache = mapped(lambda y: np.random.default_rng(5).normal(size=y.shape), prediction)
        return float(sum((w * y).sum() for w, y in zip(leaves(self.cache), leaves(prediction), strict=True)))

    def backward(self):
        """Return w."""
        return self.cache


def test_the_gradient_that_leaves_is_the_one_that_arrives_before():
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Tanh(), mn.Linear(3, 2, rng=1))
    steps = mn.explain(model, mn.MSELoss(), X, np.zeros((2, 2))).steps
    for one, other in itertools.pairwise(steps):
        np.testing.assert_array_equal(one.outputs[0].gradient, other.inputs[0].gradient)
        np.testing.assert_array_equal(one.outputs[0].values, other.inputs[0].values)


def test_layers_inside_follow_their_container():
    model = mn.Sequential(a=mn.Residual(mn.Linear(4, 4, rng=0), mn.Tanh()), b=mn.Linear(4, 2, rng=1))
    steps = mn.explain(model, mn.MSELoss(), X, np.zeros((2, 2))).steps
    assert [(step.path, step.depth, step.inside) for step in steps] == [
        ('layers["a"]', 0, True),
        ('layers["a"].layers[0]', 1, False),
        ('layers["a"].layers[1]', 1, False),
        ('layers["b"]', 0, False),
    ]


def test_buffers_have_no_gradient():
    (step,) = mn.explain(mn.BatchNorm1d(4), mn.MSELoss(), X, np.zeros((2, 4))).steps
    gradients = {quantity.name: quantity.gradient is not None for quantity in step.parameters}
    assert gradients["weight"]
    assert not gradients["running_mean"]


def test_a_layer_with_global_random_numbers_has_no_slopes():
    class Noise(mn.Layer):
        def forward(self, x):
            return x + np.random.normal(size=x.shape)  # noqa: NPY002

        def backward(self, dy):
            return dy.copy()

    (step,) = mn.explain(Noise(), mn.MSELoss(), X, np.zeros((2, 4))).steps
    assert step.inputs[0].slopes == {}
    assert step.formula == ""
    assert any("another L each time" in note for note in step.notes)


def test_large_arrays_have_the_slopes_of_their_largest_gradients():
    model = mn.Linear(30, 3, rng=0)
    (step,) = mn.explain(model, mn.MSELoss(), RNG.normal(size=(2, 30)), np.zeros((2, 3))).steps
    weight = step.parameters[0]
    largest = np.unravel_index(np.abs(weight.gradient).argmax(), weight.gradient.shape)
    assert next(iter(weight.slopes)) == largest
    assert len(weight.slopes) == 4
    assert all(slope == pytest.approx(weight.gradient[index], rel=1e-6) for index, slope in weight.slopes.items())


def check(step):
    """Check that letters are sizes, and slopes gradients, unless L has a corner there."""
    sizes = {}
    for quantity in (*step.inputs, *step.parameters, *step.outputs):
        assert len(quantity.letters) == np.ndim(quantity.values)
        for letter, size in zip(quantity.letters, quantity.values.shape, strict=True):
            assert sizes.setdefault(letter, size) == size
        for index, slope in quantity.slopes.items():
            if not any("corner" in note for note in step.notes):
                assert slope == pytest.approx(quantity.gradient[index], rel=1e-4, abs=1e-6)


def cases():
    """Return layers of every class, with inputs, from the table of all options and its supplement."""
    from every_layer import OPTIONS, SEVERAL, make, trained

    for name, (shapes, options) in OPTIONS.items():
        chosen = {key: next(iter(values() if callable(values) else values)) for key, values in options.items()}
        if "num_layers" in chosen:
            chosen |= {"dropout": 0}
        x = RNG.integers(0, 9, shapes[0]) if name == "Embedding" else RNG.normal(size=shapes[0])
        yield name, trained(make(name, chosen), np.random.default_rng(0)), x
    EMBEDDED = RNG.normal(size=(2, 3, 4))
    two = {
        "Heads": (mn.Heads(a=mn.Tanh(), b=mn.Linear(4, 2, rng=0)), X),
        "Inputs": (mn.Inputs(a=mn.Linear(4, 2, rng=0), b=mn.Identity()), {"a": X, "b": X}),
        "TransformerDecoderBlock": (mn.TransformerDecoderBlock(4, 2, 3, rng=0), (EMBEDDED, EMBEDDED[::-1])),
        "Decoder": (mn.Decoder(mn.TransformerDecoderBlock(4, 1, 2, rng=0), mn.Tanh()), (EMBEDDED, EMBEDDED[:, :2])),
        "EncoderDecoder": (
            mn.EncoderDecoder(mn.RNN(4, 4, rng=0), mn.Decoder(mn.TransformerDecoderBlock(4, 1, 2, rng=1))),
            (EMBEDDED, EMBEDDED[:, :2]),
        ),
        "Graph": (mn.Graph(a=mn.Linear(4, 4, rng=0), b=mn.Tanh(), sum=mn.Sum(), wires={"sum": ("a", "b", "a")}), X),
        "MatMul": (mn.MatMul(), (X, X.T.copy())),
    }
    two |= {name: (getattr(mn, name)(), (X, X + 5)) for name in sorted(SEVERAL - two.keys())}
    yield from ((name, layer, x) for name, (layer, x) in two.items())


CASES = list(cases())


@pytest.mark.parametrize(("name", "layer", "x"), CASES, ids=[name for name, *_ in CASES])
def test_every_layer(name, layer, x):
    layer = pickle.loads(pickle.dumps(layer))
    explanation = mn.explain(layer, Weighed(), x, np.zeros(len(leaves(x)[0])))
    for step in (*explanation.steps, explanation.loss):
        assert step.formula
        check(step)
    paths = [path for path, _ in layer.named_parameters()]
    shapes = {path: p.data.shape for path, p in layer.named_parameters()}
    for path in (paths[0], paths[-1]) if paths else ():
        why = mn.explain(
            layer, Weighed(), x, np.zeros(len(leaves(x)[0])), f"{path}{[n // 2 for n in shapes[path]]}"
        ).why
        assert why.total == pytest.approx(why.gradient, rel=1e-9, abs=1e-12)
        assert why.slope == pytest.approx(why.gradient, rel=1e-4, abs=1e-6)


def test_no_layer_is_missing():
    public = [getattr(mn, name) for name in mn.__all__]
    ours = {
        c.__name__ for c in public if isinstance(c, type) and issubclass(c, mn.Layer) and not issubclass(c, mn.Loss)
    }
    assert {name for name, *_ in CASES} >= ours - {"Layer"}


P = mn.Softmax().forward(X)
SIGNS = np.sign(X)
FRAMES = mn.LogSoftmax().forward(RNG.normal(size=(2, 4, 3)))
LOSSES = {
    "CrossEntropyLoss": (P, [0, 2]),
    "NLLLoss": (np.log(P), [0, 2]),
    "SoftmaxCrossEntropyLoss": (X, [0, 2]),
    "MSELoss": (X, P),
    "L1Loss": (X, P),
    "HuberLoss": (X, P),
    "SmoothL1Loss": (X, P),
    "BCELoss": (P, np.round(P)),
    "BCEWithLogitsLoss": (X, P),
    "KLDivLoss": (np.log(P), P[::-1]),
    "HingeLoss": (X, SIGNS),
    "MultiMarginLoss": (X, [0, 2]),
    "SoftMarginLoss": (X, SIGNS),
    "HingeEmbeddingLoss": (X, SIGNS),
    "MarginRankingLoss": ((X, X[::-1]), SIGNS),
    "CosineEmbeddingLoss": ((X, X[::-1]), np.array([1, -1])),
    "TripletMarginLoss": ((X, X[::-1], X + 1), [0, 1]),
    "GaussianNLLLoss": ((X, X * X + 0.1), P),
    "PoissonNLLLoss": (X, 3 * P),
    "CTCLoss": (FRAMES, np.array([[1, 2], [2, 2]])),
    "MultiLoss": ((X, X), (P, [0, 2])),
}


class Given(mn.Layer):
    """y = x, of any number of inputs."""

    def forward(self, *xs):
        """Return them."""
        self.cache = len(xs)
        return xs if len(xs) > 1 else xs[0]

    def backward(self, dy):
        """Return dy."""
        return dy


def test_no_loss_is_missing():
    public = [getattr(mn, name) for name in mn.__all__]
    ours = {c.__name__ for c in public if isinstance(c, type) and issubclass(c, mn.Loss)} - {"Loss"}
    assert LOSSES.keys() == ours


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name):
    prediction, target = LOSSES[name]
    losses = [[mn.MSELoss(), mn.SoftmaxCrossEntropyLoss()]] if name == "MultiLoss" else []
    explanation = mn.explain(Given(), getattr(mn, name)(*losses), prediction, target)
    check(explanation.loss)
    assert explanation.loss.formula.startswith("L = ")
    predictions = [q for q in explanation.loss.inputs if q.gradient is not None]
    assert len(predictions) == len(leaves(prediction))
    assert all(q.slopes for q in predictions)
    given = next(iter(explanation.steps)).outputs
    for one, other in zip(given, predictions, strict=True):
        np.testing.assert_array_equal(one.gradient, other.gradient)


def test_a_right_backward_behind_a_batch_norm_of_almost_equal_numbers_is_not_called_wrong():
    model = mn.Sequential(mn.BatchNorm1d(1), mn.Sigmoid())
    x = 1 + 1e-4 * np.random.default_rng(0).normal(size=(4, 1))
    explanation = mn.explain(model, mn.MSELoss(reduction="sum"), x, np.zeros((4, 1)))
    assert not any(q.differing for step in explanation.steps for q in (*step.inputs, *step.parameters))


class Wrong(mn.Layer):
    """y = 2 x."""

    def __init__(self, backward):
        super().__init__()
        self.function = backward

    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return self.function(dy)


@pytest.mark.parametrize(
    ("backward", "got"),
    [
        (lambda dy: None, "backward returned nothing (is return missing?)"),
        (lambda dy: dy.T.copy(), "backward returned an array of shape (4, 3)"),
        (lambda dy: dy.sum(axis=0), "backward returned an array of shape (4,)"),
        (lambda dy: 2.0, "backward returned a float"),
    ],
)
def test_a_backward_that_returns_no_gradient_is_named(backward, got):
    explanation = mn.explain(Wrong(backward), mn.MSELoss(), np.ones((3, 4)), np.zeros((3, 4)))
    (note,) = explanation.steps[0].notes
    assert note.startswith(f"WRONG: {got}, and there is no dL/dx in it")
    assert "of the shape of x, (3, 4)" in note


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_differs(value):
    explanation = mn.explain(Wrong(lambda dy: dy * 0 + value), mn.MSELoss(), np.ones((1, 2)), np.zeros((1, 2)))
    assert explanation.steps[0].inputs[0].differing == [(0, 0), (0, 1)]
