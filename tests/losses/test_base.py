"""What every loss promises, whatever it computes."""

import copy
import math
import pickle

import numpy as np
import pytest
from scores import LABELS, LOG_P, P, Z

from minnet.core.layer import Layer
from minnet.inspection.gradcheck import check_layer
from minnet.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    Loss,
    MSELoss,
    MultiMarginLoss,
    NLLLoss,
    SmoothL1Loss,
    SoftmaxCrossEntropyLoss,
)
from minnet.losses.base import weight_of

SIGNS = np.where(Z > 0, 1, -1)
FIT = {  # what each loss takes: a prediction and a target
    CrossEntropyLoss: (P, LABELS),
    NLLLoss: (LOG_P, LABELS),
    SoftmaxCrossEntropyLoss: (Z, LABELS),
    MultiMarginLoss: (Z, LABELS),
    MSELoss: (Z, P),
    L1Loss: (Z, P),
    HuberLoss: (Z, P),
    SmoothL1Loss: (Z, P),
    BCELoss: (P, P[::-1]),
    BCEWithLogitsLoss: (Z, P),
    HingeLoss: (Z, SIGNS),
    KLDivLoss: (LOG_P, P[::-1]),
}
ALL = list(FIT)
CLASSIFIERS = ALL[:4]
WITH_LABELS = ALL[:3]  # these have a sample_weight, too
for shared in (Z, P, LOG_P, LABELS, SIGNS):
    shared.flags.writeable = False


def number_of_losses(kind):
    """Return M: one loss a row for classes, and one a number otherwise."""
    return len(Z) if kind in CLASSIFIERS else Z.size


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("prediction", [np.eye(2, dtype=int), np.eye(2, dtype=np.float16), [[1.0, 0.0], [0.0, 1.0]]])
def test_a_prediction_of_another_dtype(kind, prediction):
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\(\) expected .*: pass "):
        kind().forward(prediction, [0, 1])


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("labels", [[], np.zeros(0), np.zeros(0, int)])
def test_an_empty_batch_loses_nothing(kind, labels):
    loss = kind()
    target = labels if kind in CLASSIFIERS else np.zeros((0, 3))
    assert loss.forward(np.zeros((0, 3), np.float32), target) == 0.0
    assert loss.backward().shape == (0, 3)
    assert loss.backward().dtype == np.float32


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_value_is_a_float_and_the_gradient_has_the_predictions_dtype(kind, dtype):
    loss = kind()
    assert type(loss.forward(FIT[kind][0].astype(dtype), FIT[kind][1])) is float
    assert loss.backward().dtype == dtype


@pytest.mark.parametrize("kind", ALL)
def test_a_copy_of_a_batch_does_not_change_loss_or_gradient(kind):
    """A mean, so the learning rate need not know N: two copies of a batch halve each sample's share."""
    loss, twice = kind(), kind()
    value = loss.forward(*FIT[kind])
    doubled = twice.forward(*(np.concatenate([array] * 2) for array in FIT[kind]))
    assert doubled == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(2 * twice.backward()[:6], loss.backward(), rtol=1e-14)


@pytest.mark.parametrize("kind", ALL)
def test_backward_can_be_asked_twice_and_its_answers_stay(kind):
    loss = kind()
    loss.forward(*FIT[kind])
    first = loss.backward()
    saved = first.copy()
    np.testing.assert_array_equal(loss.backward(), saved)
    loss.forward(*(array[::-1] for array in FIT[kind]))
    loss.backward()
    np.testing.assert_array_equal(first, saved)


@pytest.mark.parametrize("kind", ALL)
def test_backward_needs_a_forward_in_training_mode(kind):
    loss = kind()
    with pytest.raises(RuntimeError, match=rf"{kind.__name__}.backward\(\) before forward\(\)"):
        loss.backward()
    loss.eval().forward(*FIT[kind])
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        loss.backward()


@pytest.mark.parametrize("kind", ALL)
def test_a_refused_batch_leaves_the_last_good_one(kind):
    loss = kind()
    loss.forward(*FIT[kind])
    gradient = loss.backward()
    with pytest.raises(ValueError, match="expected"):
        loss.forward(FIT[kind][0][:2], FIT[kind][1][:1])
    np.testing.assert_array_equal(loss.backward(), gradient)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda loss: pickle.loads(pickle.dumps(loss))])
def test_copies_compute_the_same(kind, copied_by):
    assert copied_by(kind()).forward(*FIT[kind]) == kind().forward(*FIT[kind])


@pytest.mark.parametrize("kind", ALL)
def test_a_loss_is_a_layer_that_says_whether_it_classifies(kind):
    assert issubclass(kind, Layer)
    assert kind.classifies == (kind in CLASSIFIERS)
    assert repr(kind()) == f"{kind.__name__}()"


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_an_unfinished_loss_says_what_is_missing(method):
    with pytest.raises(NotImplementedError, match=rf"Loss has no {method}: define {method}\(self"):
        getattr(Loss(), method)(*[Z, Z][: 2 * (method == "forward")])


# -- reduction


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_three_reductions_are_of_the_same_losses(kind, dtype):
    prediction, target = FIT[kind][0].astype(dtype), FIT[kind][1]
    mean, total, none = (kind(reduction=r) for r in ("mean", "sum", "none"))
    losses = none.forward(prediction, target)
    assert isinstance(losses, np.ndarray)
    assert losses.dtype == dtype
    assert losses.shape == (Z.shape[:1] if kind in CLASSIFIERS else Z.shape)
    assert total.forward(prediction, target) == pytest.approx(losses.sum(dtype=float), rel=1e-6)
    assert mean.forward(prediction, target) == pytest.approx(losses.mean(dtype=float), rel=1e-6)

    ones = np.ones_like(losses)
    np.testing.assert_allclose(none.backward(ones), total.backward(), rtol=1e-6)
    np.testing.assert_allclose(none.backward(ones / losses.size), mean.backward(), rtol=1e-5)
    assert {gradient.dtype for gradient in (none.backward(ones), total.backward(), mean.backward())} == {losses.dtype}


@pytest.mark.parametrize("kind", ALL)
def test_each_loss_depends_on_its_own_sample_only(kind):
    prediction, target = FIT[kind]
    loss = kind(reduction="none")
    losses = loss.forward(prediction, target)
    dy = np.zeros_like(losses)
    dy[2] = 1
    gradient = loss.backward(dy)
    assert gradient[2].any()
    assert not np.delete(gradient, 2, axis=0).any()
    np.testing.assert_allclose(loss.forward(prediction[2:3], target[2:3]), losses[2:3], rtol=1e-14)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_every_reduction_keeps_the_contract(kind, reduction):
    assert check_layer(kind(reduction=reduction), *FIT[kind])


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 3, 3), (2, 1, 3, 3), (0, 3), (2, 0, 3)])
def test_any_leading_axes(kind, reduction, shape):
    loss, flat = kind(reduction=reduction), kind(reduction=reduction)
    rows = math.prod(shape[:-1])
    prediction, target = (np.resize(array, (rows, *array.shape[1:])) for array in FIT[kind])
    value = loss.forward(prediction.reshape(shape), target.reshape((*shape[:-1], *target.shape[1:])))
    expected = flat.forward(prediction, target)
    np.testing.assert_allclose(np.ravel(value), np.ravel(expected), rtol=1e-13)
    if reduction == "none":
        assert value.shape == (shape[:-1] if kind in CLASSIFIERS else shape)
        dy = np.random.default_rng(1).normal(size=expected.shape)
        gradients = loss.backward(dy.reshape(value.shape)), flat.backward(dy)
    else:
        gradients = loss.backward(), flat.backward()
    np.testing.assert_allclose(gradients[0], gradients[1].reshape(shape), rtol=1e-13)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_number_may_be_passed_back_to_a_loss_that_is_one(kind, reduction):
    """So that a loss can be one term of several."""
    loss = kind(reduction=reduction)
    loss.forward(*FIT[kind])
    np.testing.assert_allclose(loss.backward(-0.5), -0.5 * loss.backward(), rtol=1e-14)


@pytest.mark.parametrize("kind", ALL)
def test_backward_of_all_losses_needs_to_know_what_became_of_them(kind):
    loss = kind(reduction="none")
    losses = loss.forward(*FIT[kind])
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\(reduction='none'\).backward expected dy, of shape \(6,"):
        loss.backward()
    with pytest.raises(ValueError, match="expected dy of the output's shape"):
        loss.backward(losses[:-1])
    with pytest.raises(TypeError, match="backward expected float64"):
        loss.backward(losses.astype(np.float32))
    with pytest.raises(TypeError, match="backward expected float64"):
        loss.backward(1.0)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dy", [np.ones(6), [1.0], "1", 1j])
def test_backward_of_one_number_takes_no_array(kind, dy):
    loss = kind()
    loss.forward(*FIT[kind])
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\(\).backward expected no dy, or a number"):
        loss.backward(dy)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("reduction", ["average", "Mean", None, True])
def test_an_unknown_reduction(kind, reduction):
    with pytest.raises(ValueError, match=f"^{kind.__name__} expected reduction to be one of 'mean', .*'none', got"):
        kind(reduction=reduction)


@pytest.mark.parametrize("kind", ALL)
def test_results_share_no_memory_with_what_is_kept(kind):
    loss = kind(reduction="none")
    losses = loss.forward(*FIT[kind])
    dy = np.ones_like(losses)
    gradient = loss.backward(dy).copy()
    losses[...] = np.nan
    loss.backward(dy)[...] = np.nan
    np.testing.assert_array_equal(loss.backward(dy), gradient)


# -- numbers that are none, and numbers that are large


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_nan_is_named(kind, reduction):
    prediction = FIT[kind][0].copy()
    prediction[2, 1] = np.nan
    loss = kind(reduction=reduction)
    loss.forward(*FIT[kind])
    kept = loss.cache
    with pytest.raises(ValueError, match=f"^{kind.__name__} got .*NaN: the model diverged .lower the learning rate"):
        loss.forward(prediction, FIT[kind][1])
    assert loss.cache is kept


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in CLASSIFIERS and kind is not HingeLoss])
def test_nan_in_the_target_is_named(kind):
    prediction, target = FIT[kind]
    target = target.copy()
    target[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN in the target"):
        kind().forward(prediction, target)


SCORES = [kind for kind in ALL if FIT[kind][0] is Z]


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_scores_of_ten_thousand_are_no_trouble(kind, dtype, reduction):
    """Warnings are errors in these tests; here, every floating-point exception is, too."""
    prediction = (1e4 * np.sign(Z)).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = kind(reduction=reduction)
        value = loss.forward(prediction, FIT[kind][1])
        assert np.isfinite(value).all()
        gradient = loss.backward(np.ones_like(value) if reduction == "none" else None)
    assert np.isfinite(gradient).all()


# -- options


def test_a_loss_of_ones_own_needs_no_options():
    class Cubic(Loss):
        def forward(self, prediction, target):
            self.cache = prediction - target
            return float((np.abs(self.cache) ** 3).mean())

        def backward(self):
            return 3 * self.cache * np.abs(self.cache) / max(self.cache.size, 1)

    loss = Cubic()
    assert (repr(loss), loss.reduction) == ("Cubic()", "mean")
    loss.forward(Z, P)
    assert loss.backward().shape == Z.shape


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (CrossEntropyLoss([1, 2, 0.5]), "CrossEntropyLoss(weight=[1. , 2. , 0.5])"),
        (CrossEntropyLoss(np.arange(50)), "CrossEntropyLoss(weight=[0., 1., ..., 48., 49.])"),
        (NLLLoss(ignore_index=-1, label_smoothing=0.1), "NLLLoss(ignore_index=-1, label_smoothing=0.1)"),
        (MSELoss(reduction="sum"), "MSELoss(reduction='sum')"),
        (HuberLoss(0.5), "HuberLoss(delta=0.5)"),
        (MultiMarginLoss(2), "MultiMarginLoss(p=2)"),
        (KLDivLoss(log_target=True, reduction="batchmean"), "KLDivLoss(log_target=True, reduction='batchmean')"),
    ],
    ids=str,
)
def test_a_loss_describes_what_is_not_the_default(loss, text):
    assert repr(loss) == text


def test_a_required_argument_is_described_without_its_name():
    class Own(Loss):
        def __init__(self, power, scale=2):
            self.power, self.scale = power, scale

    assert repr(Own(3)) == "Own(3)"
    assert repr(Own(3, 4)) == "Own(3, scale=4)"


# -- losses one by one


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_one_sample_times_a_number_can_be_passed_back(kind, dtype):
    """NumPy makes a number of an array without axes as soon as something is computed with it."""
    loss, whole = kind(reduction="none"), kind()
    prediction, label = FIT[kind][0][1].astype(dtype), 1
    value = loss.forward(prediction, label)
    whole.forward(prediction, label)
    expected = whole.backward()
    for dy in (value / value, 2 * value / (2 * value), np.float32(1), 1.0, 1, np.ones((), dtype)):
        gradient = loss.backward(dy)
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, expected, rtol=1e-6)
    loss.forward(FIT[kind][0], LABELS)
    with pytest.raises(TypeError, match=r"expected float64, the dtype of its output, got a single float32, which is"):
        loss.backward(np.float32(1))


@pytest.mark.parametrize("smoothing", [0, 0.5])
@pytest.mark.parametrize("kind", WITH_LABELS)
def test_infinity_does_not_reach_a_sample_that_is_ignored(kind, smoothing):
    loss = kind(reduction="none", ignore_index=0, label_smoothing=smoothing)
    loss.forward(FIT[kind][0], LABELS)
    with np.errstate(all="raise"):
        gradient = loss.backward(np.where(LABELS == 0, np.inf, 1.0))
    assert not gradient[LABELS == 0].any()
    assert np.isfinite(gradient).all()


def test_infinity_does_not_reach_a_sample_that_is_right_by_the_margin():
    hinge, margin, dy = HingeLoss(reduction="none"), MultiMarginLoss(reduction="none"), np.array([np.inf, 1.0])
    hinge.forward(np.array([2.0, 0.5]), [1, 1])
    assert hinge.backward(dy).tolist() == [0, -1]
    margin.forward(np.array([[3.0, 0.0], [0.0, 0.0]]), [0, 0])
    assert margin.backward(dy).tolist() == [[0, 0], [-0.5, 0.5]]


# -- what a mean counts


@pytest.mark.parametrize("kind", ALL)
def test_the_total_weight_is_what_the_sum_is_divided_by(kind):
    prediction, target = FIT[kind]
    for loss in (kind(), *([kind([0.5, 2, 3], ignore_index=1)] if kind in WITH_LABELS else [])):
        summed = copy.copy(loss)
        summed.reduction = "sum"
        mean, total, weight = loss.forward(prediction, target), summed.forward(prediction, target), 0.0
        assert total == pytest.approx(mean * loss.total_weight(target), rel=1e-14)
        assert summed.total_weight(target) == loss.total_weight(target)
        assert type(loss.total_weight(target)) is float
        for row in range(len(target)):
            weight += loss.total_weight(target[row : row + 1])
        assert weight == loss.total_weight(target)
        assert loss.total_weight(target[:0]) == 0


def test_the_total_weight_of_the_losses_with_other_means():
    assert KLDivLoss(reduction="batchmean").total_weight(P) == len(P)
    assert KLDivLoss().total_weight(P) == P.size
    assert MultiMarginLoss(weight=[1, 2, 3]).total_weight(LABELS) == len(LABELS)
    assert BCEWithLogitsLoss(pos_weight=5).total_weight(P) == P.size
    assert SoftmaxCrossEntropyLoss([1, 2, 10]).total_weight(LABELS.tolist()) == 2 * (1 + 2 + 10)
    assert SoftmaxCrossEntropyLoss([1, 2, 10], ignore_index=-1).total_weight(np.array([[2, -1], [-1, 1]])) == 12
    assert SoftmaxCrossEntropyLoss(ignore_index=0).total_weight(LABELS) == 4
    assert SoftmaxCrossEntropyLoss().total_weight(2) == 1


class Own(Loss):
    def forward(self, prediction, target):
        return 0.0

    def backward(self):
        return np.zeros(3)


class Masked(Own):
    def total_weight(self, target):
        return target[1].sum()


def test_a_loss_that_does_not_say_counts_samples():
    x = np.zeros((6, 3))
    assert Own().total_weight(np.zeros((4, 2))) == 4
    pair = np.zeros((6, 2)), np.arange(6)  # not two samples
    assert weight_of(Own(), x, pair) == weight_of(MSELoss(), x, pair) == weight_of(Own(), x, None) == 6
    assert weight_of(MSELoss(), x, np.zeros((6, 2))) == 12
    assert weight_of(SoftmaxCrossEntropyLoss(ignore_index=0), x, [0, 1, 1, 0, 2, 0]) == 3
    assert weight_of(Masked(), x, pair) == 15
    patched = Own()
    patched.total_weight = lambda target: 2
    assert weight_of(patched, x, pair) == 2
    assert type(weight_of(Masked(), x, pair)) is float  # NumPy's would turn float32 into float64


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf, None, np.ones(2)])
def test_a_total_weight_that_is_none_is_refused(weight):
    loss = MSELoss()
    loss.total_weight = lambda target: weight
    with pytest.raises(ValueError, match=r"MSELoss\.total_weight must return a finite number >= 0, got "):
        weight_of(loss, np.zeros((6, 2)), np.zeros((6, 2)))
