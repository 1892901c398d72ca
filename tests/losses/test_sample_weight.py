"""Every loss counts each sample as often as its weight says."""

import copy

import numpy as np
import pytest
from helpers import frozen
from scores import LABELS, LOG_P, P, Z

from minnet import losses


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


RNG = np.random.default_rng(7)
V = frozen(np.array([1.0, 0.5, 2.0, 0.0, 1.0, 3.0]))
SIGNS = frozen(np.where(Z > 0, 1, -1))
FROM = [0.5, 2.0, 3.0]  # weights of the classes
CASES = {  # a loss with its options, a prediction and a target
    "mse": (losses.MSELoss(), Z, P),
    "l1": (losses.L1Loss(), Z, P),
    "huber": (losses.HuberLoss(0.5), Z, P),
    "smooth l1": (losses.SmoothL1Loss(0.5), Z, P),
    "bce": (losses.BCELoss(), P, P[::-1]),
    "bce, scores": (losses.BCEWithLogitsLoss(), Z, P),
    "bce, pos_weight": (losses.BCEWithLogitsLoss(pos_weight=[2, 0.5, 1]), Z, P),
    "bce, weight": (losses.BCELoss(weight=[2, 0.5, 0]), P, P[::-1]),
    "bce, both": (losses.BCEWithLogitsLoss(pos_weight=[2, 0.5, 1], weight=[2, 0.5, 0]), Z, P),
    "hinge": (losses.HingeLoss(), Z, SIGNS),
    "soft margin": (losses.SoftMarginLoss(), Z, SIGNS),
    "hinge, distances": (losses.HingeEmbeddingLoss(0.5), Z, SIGNS),
    "poisson": (losses.PoissonNLLLoss(), Z, 4 * P),
    "poisson, means": (losses.PoissonNLLLoss(log_input=False, full=True), P, 4 * P[::-1]),
    "kl": (losses.KLDivLoss(), LOG_P, P[::-1]),
    "kl, batchmean": (losses.KLDivLoss(reduction="batchmean"), LOG_P, P[::-1]),
    "margin": (losses.MultiMarginLoss(), Z, LABELS),
    "margin, squared": (losses.MultiMarginLoss(2, weight=FROM), Z, LABELS),
    "p": (losses.CrossEntropyLoss(), P, LABELS),
    "log p": (losses.NLLLoss(), LOG_P, LABELS),
    "scores": (losses.SoftmaxCrossEntropyLoss(), Z, LABELS),
    "class weights": (losses.SoftmaxCrossEntropyLoss(FROM), Z, LABELS),
    "ignored": (losses.SoftmaxCrossEntropyLoss(ignore_index=1), Z, LABELS),
    "smoothing": (losses.SoftmaxCrossEntropyLoss(label_smoothing=0.3), Z, LABELS),
    "all of it": (losses.NLLLoss(FROM, ignore_index=0, label_smoothing=0.3), LOG_P, LABELS),
}
every_loss = pytest.mark.parametrize(("loss", "prediction", "target"), CASES.values(), ids=CASES)
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def test_every_loss_is_here():
    """Those whose prediction or target is several arrays are in test_parts and test_ctc."""
    several = {losses.CosineEmbeddingLoss, losses.TripletMarginLoss, losses.MarginRankingLoss, losses.GaussianNLLLoss}
    assert {type(loss) for loss, *_ in CASES.values()} == {getattr(losses, name) for name in losses.__all__} - {
        *(losses.Loss, losses.MultiLoss, losses.CTCLoss),
        *several,
    }


def reduced(loss, reduction):
    """Return a copy of a loss with another reduction; that of "batchmean" is its mean."""
    loss = copy.copy(loss)
    loss.reduction = loss.reduction if reduction == "mean" else reduction
    return loss


def sent_back(loss, value):
    return loss.backward(np.ones_like(value)) if loss.reduction == "none" else loss.backward()


@every_loss
def test_the_mean_is_weighted(loss, prediction, target):
    """Σ v ℓ / Σ v, with the loss of each sample alone, and what each counts."""
    single = reduced(loss, "sum")
    counts = [loss.total_weight(target[n : n + 1]) for n in range(6)]
    each = [single.forward(prediction[n : n + 1], target[n : n + 1]) for n in range(6)]
    total = float(V @ counts)
    assert loss.total_weight(target, V) == pytest.approx(total, rel=1e-14)
    assert loss.forward(prediction, target, V) == pytest.approx(float(V @ each) / total, rel=1e-14)
    assert single.forward(prediction, target, V) == pytest.approx(float(V @ each), rel=1e-14)
    if loss.reduction == "mean":
        assert single.total_weight(target, V) == loss.total_weight(target, V)


@every_reduction
@every_loss
def test_a_weight_of_two_is_the_sample_twice_and_of_zero_leaves_it_out(loss, prediction, target, reduction):
    loss, without = reduced(loss, reduction), reduced(loss, reduction)
    rows = [0, 1, 1, 2, 4, 5, 5, 5]
    value = loss.forward(prediction, target, [1, 2, 1, 0, 1, 3])
    copies = without.forward(prediction[rows], target[rows])
    gradient, single = sent_back(loss, value), sent_back(without, copies)
    if reduction == "none":
        assert not value[3].any()
        value, copies = value.sum(), copies.sum()
    assert value == pytest.approx(copies, rel=1e-14)
    added = np.zeros_like(gradient)
    np.add.at(added, rows, single)
    np.testing.assert_allclose(gradient, added, rtol=1e-13, atol=1e-16)
    assert not gradient[3].any()
    assert loss.total_weight(target, [1, 2, 1, 0, 1, 3]) == pytest.approx(without.total_weight(target[rows]), rel=1e-14)


@every_reduction
@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_weights_change_nothing_in_a_mean(loss, prediction, target, reduction, dtype):
    loss, plain = reduced(loss, reduction), reduced(loss, reduction)
    prediction = prediction.astype(dtype)
    factor = 1 if reduction == "mean" else 4
    value, expected = loss.forward(prediction, target, np.full(6, 4)), plain.forward(prediction, target)
    np.testing.assert_allclose(value, np.multiply(factor, expected), rtol=10 * np.finfo(dtype).eps)
    gradient, own = sent_back(loss, value), sent_back(plain, expected)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, factor * own, rtol=10 * np.finfo(dtype).eps)


@every_reduction
@every_loss
def test_gradients_by_finite_differences(loss, prediction, target, reduction):
    """In the direction of what a softmax lets through, if the prediction is probabilities or their logarithms."""
    loss = reduced(loss, reduction)
    chosen = RNG.normal(size=loss.forward(prediction, target, V).shape) if reduction == "none" else None
    through = {"probabilities": softmax, "log-probabilities": lambda z: np.log(softmax(z))}.get(loss.takes)
    if isinstance(loss, losses.KLDivLoss):
        through = lambda z: np.log(softmax(z))  # noqa: E731
    if isinstance(loss, losses.BCELoss) or not getattr(loss, "log_input", True):
        through = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731

    def value(z):
        losses_ = loss.forward(z if through is None else through(z), target, V)
        return losses_ if chosen is None else (losses_ * chosen).sum()

    z, direction, h = np.array(Z), RNG.normal(size=Z.shape), 1e-6
    slope = (value(z + h * direction) - value(z - h * direction)) / (2 * h)
    value(z)
    gradient = loss.backward(chosen)
    if through is not None:
        direction = (through(z + h * direction) - through(z - h * direction)) / (2 * h)
    assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-9)


@every_reduction
@every_loss
def test_if_all_weights_are_zero_so_is_the_loss(loss, prediction, target, reduction):
    loss = reduced(loss, reduction)
    value = loss.forward(prediction, target, np.zeros(6))
    assert not np.any(value)
    assert not sent_back(loss, value).any()
    assert loss.total_weight(target, np.zeros(6)) == 0


@every_loss
def test_weights_of_an_empty_batch(loss, prediction, target):
    assert loss.forward(prediction[:0], target[:0], np.zeros(0)) == 0
    assert loss.backward().shape == (0, 3)
    assert loss.total_weight(target[:0], []) == 0


@every_loss
def test_parts_of_a_batch_add_up(loss, prediction, target):
    """As in `accumulate` and `threads`: each part by its share of the total weight, one of them without any."""
    whole = loss.forward(prediction, target, V)
    gradient, total = loss.backward(), loss.total_weight(target, V)
    value, parts = 0.0, []
    for part in (slice(0, 3), slice(3, 4), slice(4, 6)):
        one, factor = loss.as_part(loss.total_weight(target[part], V[part]))
        value += factor * one.forward(prediction[part], target[part], V[part]) / total
        parts.append(factor * one.backward() / total)
    assert value == pytest.approx(whole, rel=1e-14)
    np.testing.assert_allclose(np.concatenate(parts), gradient, rtol=1e-13, atol=1e-16)


@every_loss
def test_weights_of_samples_hold_for_each_of_their_places(loss, prediction, target):
    """A prediction (2, 3, ..., 3): weights (2,) are those of (2, 3) with each number three times."""
    prediction, target = prediction.reshape(2, 3, 3), target.reshape(2, 3, *target.shape[1:])
    v = np.array([0.5, 3.0])
    of_samples = loss.forward(prediction, target, v)
    gradient = loss.backward()
    assert loss.forward(prediction, target, np.repeat(v, 3).reshape(2, 3)) == pytest.approx(of_samples, rel=1e-14)
    np.testing.assert_allclose(loss.backward(), gradient, rtol=1e-13)
    places = V.reshape(2, 3)
    flat = loss.forward(prediction, target, places)
    gradient = loss.backward()
    if loss.reduction != "batchmean":  # whose mean is over the first axis
        rows = prediction.reshape(6, 3), target.reshape(6, *target.shape[2:]), V
        assert loss.forward(*rows) == pytest.approx(flat, rel=1e-14)
        np.testing.assert_allclose(loss.backward().reshape(2, 3, 3), gradient, rtol=1e-13)


def test_each_number_may_have_a_weight_of_its_own():
    loss, v = losses.MSELoss(), np.array([[1.0, 0.0], [2.0, 1.0]])
    assert loss.forward(np.array([[1.0, 5.0], [2.0, 3.0]]), np.zeros((2, 2)), v) == (1 + 8 + 9) / 4
    np.testing.assert_array_equal(loss.backward(), 2 * np.array([[1.0, 0.0], [4.0, 3.0]]) / 4)


@pytest.mark.parametrize("kind", [losses.MSELoss, losses.L1Loss, losses.HuberLoss, losses.SmoothL1Loss])
@pytest.mark.parametrize("gap", [np.inf, np.nan])
def test_a_target_that_is_missing_may_have_the_weight_0(kind, gap):
    loss = kind()
    assert loss.forward(np.array([1.0, 2.0]), [1.0, gap], [1, 0]) == 0
    assert loss.backward().tolist() == [0, 0]


@every_loss
@pytest.mark.parametrize(
    ("v", "error", "message"),
    [
        (np.ones(5), ValueError, r"expected sample_weight of shape \(6,\).*, got \(5,\): one weight a sample"),
        (1.0, ValueError, r"expected sample_weight of shape \(6,\).*, got \(\)"),
        (np.ones((6, 1)), ValueError, r"got \(6, 1\): are they in a column\? Pass sample_weight.reshape\(-1\)"),
        (-V, ValueError, r"needs sample_weight >= 0 and finite, got -3.0 to -0.0 \(5 of 6 are not\)"),
        (V * np.nan, ValueError, "needs sample_weight >= 0 and finite, got nan to nan"),
        (V + np.inf, ValueError, "needs sample_weight >= 0 and finite"),
        (["a"] * 6, TypeError, "expected sample_weight to be numbers, got <U1"),
        (V + 1e308, ValueError, "got sample_weight whose sum is infinite"),
    ],
    ids=["length", "number", "column", "negative", "nan", "infinite", "text", "sum"],
)
@pytest.mark.parametrize("once", [False, True])
def test_weights_that_are_none_are_refused_in_every_batch(loss, prediction, target, v, error, message, once):
    loss.forward(prediction, target)
    kept = loss.cache
    with loss.checking_once() if once else np.errstate():
        loss.forward(prediction, target, V)
        kept = loss.cache
        for call in (loss.forward, loss.total_weight):
            given = (prediction, target, v) if call == loss.forward else (target, v)
            with pytest.raises(error, match=f"^{type(loss).__name__} .*{message}"):
                call(*given)
        assert loss.cache is kept


@every_loss
def test_a_batch_of_a_known_shape_is_not_checked_again(loss, prediction, target, monkeypatch):
    asked, check = [], type(loss).check
    monkeypatch.setattr(type(loss), "check", lambda self, *args: (asked.append(args), check(self, *args)))
    target = np.asarray(target)
    with loss.checking_once():
        for _ in range(3):
            loss.forward(prediction, target, V)
        loss.forward(prediction, target)
    assert len(asked) == 1
