"""Cross-entropies: values and gradients, three routes that agree at any gap, and no false alarm."""

import math

import numpy as np
import pytest
from scores import CLASSIFIERS, FIT, LABELS, LOG_P, P, Z

from minnet import CrossEntropyLoss, LogSoftmax, NLLLoss, Sequential, Softmax, SoftmaxCrossEntropyLoss
from minnet.errors import NonFiniteError

# -- known values


def test_cross_entropy_by_hand():
    loss = CrossEntropyLoss()
    value = loss.forward(np.array([[0.25, 0.75], [0.5, 0.5]]), [0, 1])
    assert value == pytest.approx((math.log(4) + math.log(2)) / 2, rel=1e-15)
    np.testing.assert_allclose(loss.backward(), [[-2, 0], [0, -1]], rtol=1e-15)  # −1/(2p)


def test_nll_by_hand():
    loss = NLLLoss()
    value = loss.forward(np.log([[0.25, 0.75], [0.5, 0.5]]), [0, 1])
    assert value == pytest.approx((math.log(4) + math.log(2)) / 2, rel=1e-15)
    np.testing.assert_array_equal(loss.backward(), [[-0.5, 0], [0, -0.5]])


def test_softmax_cross_entropy_by_hand():
    loss = SoftmaxCrossEntropyLoss()
    value = loss.forward(np.array([[0, math.log(3)], [7, 7]]), [0, 1])  # p = (1/4, 3/4), (1/2, 1/2)
    assert value == pytest.approx((math.log(4) + math.log(2)) / 2, rel=1e-15)
    np.testing.assert_allclose(loss.backward(), [[-3 / 8, 3 / 8], [1 / 4, -1 / 4]], rtol=1e-15)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_who_knows_nothing_loses_log_c(classes):
    nothing = np.zeros((4, classes))
    labels = np.arange(4) % classes
    assert SoftmaxCrossEntropyLoss().forward(nothing, labels) == pytest.approx(math.log(classes), rel=1e-14)
    assert CrossEntropyLoss().forward(nothing + 1 / classes, labels) == pytest.approx(math.log(classes), rel=1e-14)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_gradients_are_slopes(kind):
    """Probabilities are moved as if they were free, by less than the check of their sum notices."""
    loss, h = kind(), 1e-6
    loss.forward(FIT[kind], LABELS)
    gradient = loss.backward()
    for place in np.ndindex(Z.shape):
        step = np.zeros(Z.shape)
        step[place] = h
        values = [loss.forward(FIT[kind] + direction * step, LABELS) for direction in (1, -1)]
        assert gradient[place] == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-7, abs=1e-9)


# -- three routes from scores to the loss, one value and one gradient

ROUTES = {
    "Softmax + CrossEntropyLoss": (Softmax, CrossEntropyLoss),
    "LogSoftmax + NLLLoss": (LogSoftmax, NLLLoss),
    "SoftmaxCrossEntropyLoss": (None, SoftmaxCrossEntropyLoss),
}
GAPS = [0, 0.5, 1, 5, 10, 20, 50, 87, 100, 200, 500, 745, 1000, 5000, 10000]


def run(route, scores, labels):
    """Return the loss, and its gradient with respect to the scores."""
    layer_kind, loss_kind = ROUTES[route]
    layer, loss = layer_kind() if layer_kind else None, loss_kind()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value = loss.forward(layer.forward(scores) if layer else scores, labels)
        gradient = loss.backward()
        return value, layer.backward(gradient) if layer else gradient


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("side", ["right", "wrong"])
@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_has_the_closed_form_at_any_gap(route, gap, side, dtype, precision):
    """One score is ahead of the others by the gap, and its class is the right one, or is not."""
    for classes in (2, 3, 10):
        for n in (1, 2, 64):
            ahead = np.arange(n) % classes
            labels = ahead if side == "right" else (ahead + 1) % classes
            scores, onehot = np.zeros((n, classes), dtype), np.zeros((n, classes))
            scores[np.arange(n), ahead] = gap
            onehot[np.arange(n), labels] = 1
            p_ahead = 1 / (1 + (classes - 1) * math.exp(-gap))
            p = np.full((n, classes), math.exp(-gap) * p_ahead)
            p[np.arange(n), ahead] = p_ahead
            loss = math.log1p((classes - 1) * math.exp(-gap)) + (gap if side == "wrong" else 0)
            if ROUTES[route][1] is CrossEntropyLoss:  # the reported loss saturates there, and only there
                loss = min(loss, -math.log(np.finfo(dtype).tiny))

            value, gradient = run(route, scores, labels)
            assert value == pytest.approx(loss, rel=precision, abs=precision)
            np.testing.assert_allclose(gradient, (p - onehot) / n, rtol=0, atol=precision / n)


@pytest.mark.parametrize("shape", [(2,), (3,), (1, 2), (5, 3), (64, 10), (2, 3, 4)])
@pytest.mark.parametrize("scale", [0.1, 1, 10, 100, 1000])
@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_the_routes_agree_on_random_scores(shape, scale, dtype, precision):
    generator = np.random.default_rng(1)
    scores = generator.normal(scale=scale, size=shape).astype(dtype)
    labels = generator.integers(0, shape[-1], shape[:-1])
    composed, by_logarithms, fused = (run(route, scores, labels) for route in ROUTES)
    assert by_logarithms[0] == pytest.approx(fused[0], rel=precision, abs=precision)
    if scale <= 10:  # no gap is as large as the reported loss's limit
        assert composed[0] == pytest.approx(fused[0], rel=precision, abs=precision)
    for _, gradient in (composed, by_logarithms):
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, fused[1], rtol=0, atol=precision / max(labels.size, 1))


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 87.3365), (np.float64, 708.3964)])
def test_only_the_reported_composed_loss_saturates(dtype, limit):
    scores = np.array([[0, 2000]], dtype)
    value, gradient = run("Softmax + CrossEntropyLoss", scores, [0])
    assert value == pytest.approx(limit, rel=1e-6)
    np.testing.assert_allclose(gradient, [[-1, 1]], rtol=1e-6)
    assert run("SoftmaxCrossEntropyLoss", scores, [0])[0] == 2000


def test_a_probability_of_zero_counts_as_the_smallest_normal_number():
    loss = CrossEntropyLoss()
    assert loss.forward(np.array([[0.0, 1.0]]), [0]) == pytest.approx(708.3964, rel=1e-6)
    assert np.isfinite(loss.backward()).all()


# -- misuse is an error that names the cure


@pytest.mark.parametrize(
    ("kind", "prediction", "message"),
    [
        (
            CrossEntropyLoss,
            Z,
            r"expected probabilities .* end the model with Softmax\(\), or .*SoftmaxCrossEntropyLoss",
        ),
        (CrossEntropyLoss, 100 * Z, r"expected probabilities .* end the model with Softmax\(\)"),
        (CrossEntropyLoss, np.abs(Z), r"expected probabilities .* row sums .* end the model with Softmax\(\)"),
        (CrossEntropyLoss, LOG_P, "expected probabilities, got log-probabilities: use NLLLoss after LogSoftmax"),
        (NLLLoss, P, "expected log-probabilities .*, got probabilities: use CrossEntropyLoss"),
        (NLLLoss, Z, r"expected log-probabilities .*, got scores: end the model with LogSoftmax\(\)"),
        (NLLLoss, -np.abs(Z), r"got scores: end the model with LogSoftmax\(\)"),
        (NLLLoss, 1000 * Z, r"got scores: end the model with LogSoftmax\(\)"),
        (
            SoftmaxCrossEntropyLoss,
            P,
            "expected scores, got probabilities .*: remove the model's Softmax, or use CrossEnt",
        ),
        (SoftmaxCrossEntropyLoss, Softmax().forward(5 * Z), "expected scores, got probabilities"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_wrong_kind_of_prediction(kind, prediction, message, dtype):
    with pytest.raises(ValueError, match=f"^{kind.__name__}.*{message}"):
        kind().forward(prediction.astype(dtype), LABELS)


@pytest.mark.parametrize(("kind", "single"), [(CrossEntropyLoss, Z[0]), (NLLLoss, Z[0]), (NLLLoss, P[0])])
def test_the_wrong_kind_of_a_single_sample(kind, single):
    with pytest.raises(ValueError, match=f"^{kind.__name__} expected"):
        kind().forward(single, 0)


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_softmax_twice_never_reaches_the_loss(kind):
    with pytest.raises(ValueError, match=r"expected scores, got probabilities .*remove one of them"):
        Sequential(Softmax(), kind()).forward(Z)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_nan_is_named_with_its_likely_cause(kind):
    prediction = FIT[kind].copy()
    prediction[2, 1] = np.nan
    with pytest.raises(ValueError, match=f"{kind.__name__} got NaN: the model diverged .lower the learning rate"):
        kind().forward(prediction, LABELS)


def test_scores_that_are_all_negative_are_not_called_log_probabilities():
    with pytest.raises(ValueError, match=r"expected probabilities .*end the model with Softmax"):
        CrossEntropyLoss().forward(-np.abs(Z) - 1, LABELS)


# -- no false alarm: what is right is never refused


@pytest.mark.parametrize("shape", [(2,), (10,), (1, 2), (1, 10), (2, 2), (4, 3), (64, 10)])
@pytest.mark.parametrize("scale", [0.01, 0.3, 1, 30, 3000])
def test_legitimate_predictions_pass(shape, scale):
    generator = np.random.default_rng(2)
    labels = np.zeros(shape[:-1], int)
    for _ in range(300):
        scores = generator.normal(scale=scale, size=shape).astype(np.float32)
        for route in ROUTES:
            assert math.isfinite(run(route, scores, labels)[0])


@pytest.mark.parametrize("shape", [(2,), (1, 2), (2, 2), (3, 2), (2, 3), (1, 10), (64, 10)])
def test_scores_between_0_and_1_pass(shape):
    generator = np.random.default_rng(3)
    loss, labels = SoftmaxCrossEntropyLoss(), np.zeros(shape[:-1], int)
    for _ in range(3000):
        loss.forward(generator.random(shape, np.float32), labels)


@pytest.mark.parametrize("scores", [np.eye(3), np.eye(3)[:1], np.eye(3)[0], np.zeros((3, 3)), np.ones((3, 3))])
def test_scores_that_look_like_a_one_hot_code_pass(scores):
    SoftmaxCrossEntropyLoss().forward(scores, np.zeros(scores.shape[:-1], int))


@pytest.mark.parametrize("classes", [1, 2, 1000, 20_000])
def test_many_classes_pass_in_float32(classes):
    scores = np.random.default_rng(4).normal(size=(3, classes)).astype(np.float32)
    values = [run(route, scores, [0, 0, classes - 1])[0] for route in ROUTES]
    assert values == pytest.approx([values[-1]] * 3, rel=1e-6, abs=1e-6)


# -- one sample, which is computed in another way


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "scores",
    [
        [0.3, -2.0, 1.5, 0.0],
        [5.0],
        [1e4, 0.0, -1e4],
        [-1e30, 1e30],
        [0.0, -np.inf, 3.0],
        [-np.inf, 0.0],
        list(range(32)),
    ],
)
def test_one_sample_alone_is_what_it_is_among_others(scores, dtype, reduction):
    z, label = np.array([scores], dtype), [0]
    alone, among = (SoftmaxCrossEntropyLoss(reduction=reduction) for _ in range(2))
    value, values = alone.forward(z, label), among.forward(np.repeat(z, 2, axis=0), np.repeat(label, 2))
    dy = (np.ones(1, dtype), np.ones(2, dtype)) if reduction == "none" else (None, None)
    share = 2 if reduction == "mean" else 1
    tolerance = {"rtol": 10 * np.finfo(dtype).eps, "atol": np.finfo(dtype).eps}
    np.testing.assert_allclose(
        np.sum(value), np.sum(values) if reduction == "mean" else np.sum(values) / 2, **tolerance
    )
    gradient = alone.backward(dy[0])
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient[0], share * among.backward(dy[1])[0], **tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("p", [[0.1, 0.2, 0.7], [1.0, 0.0], [0.0, 1.0], [1e-45, 1.0], [1.0]])
def test_one_sample_of_probabilities_alone_is_what_it_is_among_others(p, dtype, reduction):
    rows, tiny = np.array([p], dtype), float(np.finfo(dtype).tiny)
    tolerance = 10 * float(np.finfo(dtype).eps)
    for label, own in enumerate(p):
        for alone, target in ((rows, [label]), (rows[0], label)):
            loss = CrossEntropyLoss(reduction=reduction)
            value = loss.forward(alone, target)
            assert value == pytest.approx(-math.log(max(float(dtype(own)), tiny)), rel=tolerance)
            gradient = loss.backward()
            assert (gradient.dtype, gradient.shape) == (dtype, alone.shape)
            expected = np.where(np.arange(len(p)) == label, -1 / np.maximum(alone, tiny), 0)
            np.testing.assert_allclose(gradient, expected, rtol=tolerance)
            np.testing.assert_array_equal(loss.backward(2.0), 2 * gradient)


def test_what_is_wrong_with_one_sample_of_probabilities_is_named():
    with pytest.raises(NonFiniteError, match="the model diverged"):
        CrossEntropyLoss.forward.formula(CrossEntropyLoss(), np.array([[np.nan, 1.0]]), [0])
    for label in (-1, 2):
        with pytest.raises(ValueError, match=f"labels from 0 to 1 for 2 classes, got {label}"):
            CrossEntropyLoss().forward(np.array([[0.5, 0.5]]), [label])


@pytest.mark.parametrize("scores", [[np.nan, 0.0, 1.0], [0.0, 1.0, np.nan], [np.inf, 0.0, 1.0], [-np.inf] * 3])
@pytest.mark.parametrize("samples", [1, 2])
def test_scores_that_are_not_finite_are_named(scores, samples):
    with pytest.raises(ValueError, match="the model diverged"):
        SoftmaxCrossEntropyLoss().forward(np.array([scores] * samples), [0] * samples)
