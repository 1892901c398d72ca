"""Labels, and how much each sample counts: what the three cross-entropies share."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
from scores import CLASSIFIERS, FIT, LABELS

from minnet import (
    Conv2d,
    CrossEntropyLoss,
    Identity,
    LogSoftmax,
    NLLLoss,
    Permute,
    Softmax,
    SoftmaxCrossEntropyLoss,
)
from minnet.errors import DataWarning
from minnet.inspection.gradcheck import check_layer
from minnet.losses import MultiMarginLoss

# -- labels


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (LABELS - 1, ValueError, r"from 0 to 2 for 3 classes, got -1 \(at 0\): count classes from 0"),
        (LABELS + 1, ValueError, r"got 3 \(at 1\): .*: pass y - 1, if .*\(2 of 6 are outside\)"),
        (LABELS + 2, ValueError, r"from 0 to 2 for 3 classes, got 4 \(at 1\): .* one output a class"),
        (LABELS.astype(np.uint8) + 253, ValueError, r"got 253 \(at 0\)"),
        (np.eye(3)[LABELS], ValueError, r"one-hot labels\? pass the class numbers, y.argmax\(axis=-1\)"),
        (np.eye(3, dtype=int)[LABELS], ValueError, r"one-hot labels\? pass the class numbers, y.argmax\(axis=-1\)"),
        (np.eye(4)[LABELS], ValueError, r"one-hot labels of width 4 for 3 classes\? .* y.argmax\(axis=-1\)"),
        (LABELS[:, None], ValueError, r"labels in a column\? Pass y"),
        (LABELS[None], ValueError, r"must come from the same samples"),
        (LABELS[:5], ValueError, r"expected labels of shape \(6,\) for predictions of shape \(6, 3\), got \(5,\)"),
        (0, ValueError, r"expected labels of shape \(6,\)"),
        ([], ValueError, r"expected labels of shape \(6,\)"),
        (LABELS.astype(float), TypeError, r"integers, 0 to 2, got float64: class numbers\? pass y.astype\(np.int64\)"),
        (np.full(6, np.nan), TypeError, "got float64"),
        (LABELS > 0, TypeError, r"integers, 0 to 2, got bool: class numbers\? pass y.astype\(np.int64\)"),
        (["cat", "dog"] * 3, TypeError, r"got <U3: number the classes from 0: names, y = np.unique"),
        ([None] * 6, TypeError, "got object: number the classes from 0"),
        (None, ValueError, r"expected labels of shape \(6,\)"),
    ],
    ids=lambda value: str(value).replace("\n", "") if not isinstance(value, type) else "",
)
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_labels_that_are_none(kind, labels, error, message):
    with pytest.raises(error, match=f"^{kind.__name__} (?=expected labels).*{message}"):
        kind().forward(FIT[kind], labels)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 3)])
def test_the_cure_for_a_column_of_labels_works_whatever_the_shape(shape):
    """Here y.reshape(-1) would not give labels of shape () or (2, 3)."""
    with pytest.raises(ValueError, match="labels in a column") as caught:
        SoftmaxCrossEntropyLoss().forward(np.zeros(shape), np.zeros((*shape[:-1], 1), int))
    assert "reshape(-1)" not in str(caught.value)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_a_prediction_without_classes(kind, shape):
    with pytest.raises(ValueError, match=f"^{kind.__name__}.*no class axis"):
        kind().forward(np.ones(shape), np.zeros(shape[:-1], int))


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("labels", [LABELS.tolist(), LABELS.astype(np.uint8), LABELS.astype(np.int8), tuple(LABELS)])
def test_labels_may_be_any_integers(kind, labels):
    assert kind().forward(FIT[kind], labels) == kind().forward(FIT[kind], LABELS)


def test_labels_may_be_bytes_for_more_than_128_classes():
    scores = np.zeros((1, 256))
    scores[0, 200] = 1000
    assert SoftmaxCrossEntropyLoss().forward(scores, np.array([200], np.uint8)) == 0


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_single_sample_is_a_batch_of_one(kind):
    single, batch = kind(), kind()
    assert single.forward(FIT[kind][1], 2) == batch.forward(FIT[kind][1:2], [2])
    np.testing.assert_array_equal(single.backward(), batch.backward()[0])


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_the_total_weight_of_labels_that_are_none(kind):
    for options in ({"weight": [1, 2, 3]}, {"ignore_index": 0}):
        with pytest.raises(TypeError, match=f"^{kind.__name__} expected labels that are integers, got float64: cla"):
            kind(**options).total_weight(LABELS.astype(float))
    with pytest.raises(
        ValueError, match=rf"^{kind.__name__} expected labels from 0 to 2 for 3 classes, got 3 \(at 1\)"
    ):
        kind([1, 2, 3]).total_weight(LABELS + 1)
    assert kind([1, 2, 3], ignore_index=3).total_weight([]) == 0


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_part_without_weight_is_a_sum_where_label_smoothing_counts_other_classes(kind):
    loss, labels = kind([1, 1, 0], label_smoothing=0.3), np.full(6, 2)
    assert loss.forward(FIT[kind], labels) == 0
    part, factor = loss.as_part(loss.total_weight(labels))
    assert part is not loss
    summed = kind([1, 1, 0], label_smoothing=0.3, reduction="sum").forward(FIT[kind], labels)
    assert factor * part.forward(FIT[kind], labels) == summed > 1
    assert loss.reduction == "mean"
    assert loss.as_part(2.5) == (loss, 2.5)
    plain = kind([1, 1, 0])
    assert plain.as_part(0.0) == (plain, 0.0)


@pytest.mark.parametrize("kind", [NLLLoss, SoftmaxCrossEntropyLoss, MultiMarginLoss])
def test_classes_along_axis_1_that_fit_along_the_last_too(kind):
    """Of C = H = W, only the order in memory tells, and only until the array is copied."""
    x, labels = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32), np.zeros((2, 4, 4), int)
    channels, last = Conv2d(3, 4, 1, rng=0).forward(x), LogSoftmax() if kind is NLLLoss else Identity()
    with pytest.warns(
        DataWarning, match=rf"^{kind.__name__} expected the classes along the last axis.* Permute\(0, 2, 3, 1\)"
    ):
        kind().check(last.forward(channels), labels)
    kind().forward(last.forward(Permute(0, 2, 3, 1).forward(channels)), labels)
    for order in "CF":
        kind().forward(last.forward(channels.copy(order)), labels)


def test_the_order_of_other_arrays_is_no_convolutions():
    for prediction in (np.zeros((3, 4, 4)), np.zeros((3, 4, 4)).swapaxes(1, 2), np.zeros((1, 4, 4))):
        SoftmaxCrossEntropyLoss().forward(np.sin(prediction), np.zeros(prediction.shape[:-1], int))


# -- how much each sample counts

WEIGHT = [0.5, 2.0, 0.0]
V = np.array([1, 0.5, 2, 0, 1, 3])
SOME_IGNORED = np.where([False, True, False, False, True, False], -100, LABELS)
THREE = [(Softmax, CrossEntropyLoss), (LogSoftmax, NLLLoss), (None, SoftmaxCrossEntropyLoss)]


def cases():
    """All combinations of the options, with labels and sample weights to match."""
    for weight, ignored, smoothing, v in itertools.product((None, WEIGHT), (None, -100), (0, 0.25), (None, V)):
        labels = LABELS if ignored is None else SOME_IGNORED
        yield {"weight": weight, "ignore_index": ignored, "label_smoothing": smoothing}, labels, v


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_all_options_together_keep_the_contract(kind, reduction):
    for options, labels, v in cases():
        assert check_layer(kind(**options, reduction=reduction), FIT[kind], labels, *[v] * (v is not None))


def test_class_weights_by_hand():
    """Labels 0 and 1 of weights 1 and 3: the mean is (1 · log 4 + 3 · log 2) / (1 + 3)."""
    loss = CrossEntropyLoss([1, 3])
    value = loss.forward(np.array([[0.25, 0.75], [0.5, 0.5]]), [0, 1])
    assert value == pytest.approx((math.log(4) + 3 * math.log(2)) / 4, rel=1e-15)
    np.testing.assert_allclose(loss.backward(), [[-1 / (4 * 0.25), 0], [0, -3 / (4 * 0.5)]], rtol=1e-15)


def test_label_smoothing_by_hand():
    """With two classes and ε = 0.2, the right one counts for 0.9, and the other for 0.1."""
    loss = CrossEntropyLoss(label_smoothing=0.2)
    value = loss.forward(np.array([[0.25, 0.75]]), [0])
    assert value == pytest.approx(-0.9 * math.log(0.25) - 0.1 * math.log(0.75), rel=1e-15)
    np.testing.assert_allclose(loss.backward(), [[-0.9 / 0.25, -0.1 / 0.75]], rtol=1e-15)


def test_smoothed_scores_are_best_where_the_softmax_is_the_smoothed_label():
    loss = SoftmaxCrossEntropyLoss(label_smoothing=0.3)
    loss.forward(np.log([[0.1, 0.8, 0.1]]) + 5, [1])
    np.testing.assert_allclose(loss.backward(), 0, atol=1e-15)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_sample_weight_of_two_is_a_sample_twice(kind):
    weighted, twice = kind(), kind()
    value = weighted.forward(FIT[kind], LABELS, [1, 2, 1, 1, 0, 1])
    rows = [0, 1, 1, 2, 3, 5]
    assert value == pytest.approx(twice.forward(FIT[kind][rows], LABELS[rows]), rel=1e-14)
    gradient, copies = weighted.backward(), twice.backward()
    np.testing.assert_allclose(gradient[1], copies[1] + copies[2], rtol=1e-14)
    assert not gradient[4].any()


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_ignored_samples_might_as_well_be_absent(kind):
    loss, without = kind(ignore_index=-100), kind()
    kept = SOME_IGNORED != -100
    assert loss.forward(FIT[kind], SOME_IGNORED) == pytest.approx(
        without.forward(FIT[kind][kept], LABELS[kept]), rel=1e-14
    )
    gradient = loss.backward()
    np.testing.assert_allclose(gradient[kept], without.backward(), rtol=1e-14)
    assert not gradient[~kept].any()


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("ignored", [0, 2, 255, -1])
def test_any_label_can_be_the_ignored_one(kind, ignored):
    labels = np.where(np.arange(6) < 3, ignored, LABELS)
    labels = labels.astype(np.uint8) if ignored >= 0 else labels
    counts = labels != ignored
    loss = kind(ignore_index=np.int64(ignored))
    assert loss.forward(FIT[kind], labels) == pytest.approx(kind().forward(FIT[kind][counts], LABELS[counts]))


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_no_label_is_ignored_unless_asked_for(kind):
    """PyTorch's default would leave these out in silence."""
    with pytest.raises(
        ValueError, match=r"got -100 \(at 1\): count classes from 0.* leave such samples out, ignore_in"
    ):
        kind().forward(FIT[kind], SOME_IGNORED)
    with pytest.raises(ValueError, match=r"got -1 \(at 0\)"):
        kind(ignore_index=-100).forward(FIT[kind], LABELS - 1)
    with pytest.raises(ValueError, match=r"got 3 \(at 2\)"):
        kind(ignore_index=-100).forward(FIT[kind], np.array([-100, 0, 3, 0, 0, 0]))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0, 0.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_where_nothing_counts_the_loss_is_0_and_so_is_the_gradient(kind, dtype, smoothing, reduction):
    """All ignored, all of weight 0, or nobody there: PyTorch's mean is NaN."""
    options = {"label_smoothing": smoothing, "reduction": reduction}
    prediction, empty = FIT[kind].astype(dtype), np.zeros((0, 3), dtype)
    trials = [
        (kind(ignore_index=-100, **options), prediction, np.full(6, -100), None),
        (kind(**options), prediction, LABELS, np.zeros(6)),
        (kind([0, 0, 0], **options), prediction, LABELS, None),
        (kind(WEIGHT, ignore_index=-100, **options), empty, [], []),
    ]
    if reduction == "mean" or not smoothing:  # a smoothed label counts other classes, too
        trials.append((kind([1, 1, 0], **options), prediction, np.full(6, 2), None))
    for loss, rows, labels, v in trials:
        with np.errstate(all="raise"):
            value = loss.forward(rows, labels, v)
            gradient = loss.backward(np.ones_like(value) if reduction == "none" else None)
        assert not np.any(value)
        assert not gradient.any()
        assert gradient.dtype == dtype
        assert gradient.shape == rows.shape


@pytest.mark.parametrize("smoothing", [0, 0.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_infinite_loss_that_does_not_count_is_no_nan(smoothing, dtype):
    log_p = np.array([[0, -np.inf], [-1, np.log(1 - np.exp(-1))]], dtype)
    options = {"ignore_index": -1, "label_smoothing": smoothing}
    for loss, labels, v in (
        (NLLLoss(**options), [-1, 0], None),
        (NLLLoss(**options), [1, 0], [0, 1]),
        (NLLLoss([1, 0], **options), [1, 0], None),
    ):
        value = loss.forward(log_p, labels, v)
        assert math.isfinite(value)
        assert value > 0
        assert np.isfinite(loss.backward()).all()


@pytest.mark.parametrize("gap", [0, 1, 20, 100, 1000, 10_000])
@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_the_three_routes_agree_with_all_options(gap, dtype, precision):
    """The gradient: a reported loss of probabilities saturates, as it does without options."""
    scores = (gap * np.random.default_rng(5).normal(size=(6, 3))).astype(dtype)
    for options, labels, v in cases():
        gradients = []
        for layer, kind in THREE:
            layer, loss = layer() if layer else None, kind(**options)
            value = loss.forward(layer.forward(scores) if layer else scores, labels, v)
            assert math.isfinite(value)
            gradient = loss.backward()
            assert gradient.dtype == dtype
            gradients.append(layer.backward(gradient) if layer else gradient)
        np.testing.assert_allclose(gradients[0], gradients[2], rtol=0, atol=precision)
        np.testing.assert_allclose(gradients[1], gradients[2], rtol=0, atol=precision)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_the_scale_of_weights_does_not_matter_to_a_mean(kind):
    for scale in (1e-310, 1e-20, 1e20):
        loss, plain = kind([scale, 2 * scale, scale]), kind([1, 2, 1])
        value = loss.forward(FIT[kind].astype(np.float32), LABELS)
        assert value == pytest.approx(plain.forward(FIT[kind].astype(np.float32), LABELS), rel=1e-6)
        np.testing.assert_allclose(loss.backward(), plain.backward(), rtol=1e-6)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_options_of_no_effect_have_none(kind):
    plain = kind()
    value, gradient = plain.forward(FIT[kind], LABELS), plain.backward()
    for loss, v in (
        (kind([1, 1, 1]), None),
        (kind([2, 2, 2]), None),
        (kind(ignore_index=-100), None),
        (kind(), np.full(6, 0.1)),
        (kind(), np.ones(6, bool)),
        (kind(label_smoothing=1e-18), None),
    ):
        assert loss.forward(FIT[kind], LABELS, v) == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(loss.backward(), gradient, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_single_sample_takes_a_single_weight(kind):
    for options, labels, v in cases():
        single, batch = kind(**options), kind(**options)
        i = 5 if options["weight"] is None else 2
        v = None if v is None else v[i]
        assert single.forward(FIT[kind][i], labels[i], v) == batch.forward(
            FIT[kind][i : i + 1], labels[i : i + 1], None if v is None else [v]
        )
        np.testing.assert_array_equal(single.backward(), batch.backward()[0])


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_one_class_is_always_right(kind):
    certain = {CrossEntropyLoss: 1.0, NLLLoss: 0.0, SoftmaxCrossEntropyLoss: 7.0}[kind]
    loss = kind([2.0], label_smoothing=0.1)
    assert loss.forward(np.full((3, 1), certain), [0, 0, 0], [1, 0, 2]) == 0


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_weights_belong_to_the_loss(kind):
    """Neither the caller's array nor a copy's is shared, and nothing that is passed in is changed."""
    weight, v = np.ones(3), np.ones(6)
    loss = kind(weight, ignore_index=0)
    value = loss.forward(FIT[kind], LABELS, v)
    weight[...] = 0
    assert loss.forward(FIT[kind], LABELS, v) == value
    assert (v == 1).all()
    for copied in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert copied.forward(FIT[kind], LABELS, v) == value
        copied.weight[...] = 0
    assert loss.forward(FIT[kind], LABELS, v) == value


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weight": [1, -1, 1]}, ValueError, "needs weight >= 0 and finite, got -1.0 to 1.0"),
        ({"weight": [1, np.nan, 1]}, ValueError, "needs weight >= 0 and finite"),
        ({"weight": [[1, 1, 1]]}, ValueError, r"expected weight of shape \(classes,\), got \(1, 3\)"),
        ({"weight": 1.0}, ValueError, r"expected weight of shape \(classes,\), got \(\)"),
        ({"weight": ["a"]}, TypeError, "expected weight to be numbers, got <U1"),
        ({"ignore_index": 1.0}, TypeError, "expected ignore_index to be an int, got float 1.0"),
        ({"ignore_index": True}, TypeError, "expected ignore_index to be an int, got bool"),
        ({"label_smoothing": 1.1}, ValueError, "needs 0 <= label_smoothing <= 1, got 1.1"),
        ({"label_smoothing": -0.1}, ValueError, "needs 0 <= label_smoothing <= 1, got -0.1"),
        ({"label_smoothing": None}, TypeError, "expected label_smoothing to be a number, got NoneType"),
    ],
    ids=str,
)
def test_options_that_are_none(kind, options, error, message):
    with pytest.raises(error, match=f"^{kind.__name__} {message}"):
        kind(**options)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize(
    ("v", "error", "message"),
    [
        (
            np.ones(5),
            ValueError,
            r"expected sample_weight of shape \(6,\), got \(5,\): one weight a sample",
        ),
        (np.ones(3), ValueError, r"got \(3,\): one weight a sample \(weights of classes are an argument of the con"),
        (np.ones((6, 1)), ValueError, r"got \(6, 1\): are they in a column\? Pass sample_weight.reshape\(-1\)"),
        (1.0, ValueError, r"got \(\)"),
        (-np.ones(6), ValueError, "needs sample_weight >= 0 and finite, got -1.0 to -1.0"),
        (np.full(6, np.inf), ValueError, "needs sample_weight >= 0 and finite"),
        (["a"] * 6, TypeError, "expected sample_weight to be numbers, got <U1"),
    ],
    ids=str,
)
def test_sample_weights_that_are_none(kind, v, error, message):
    loss = kind()
    loss.forward(FIT[kind], LABELS)
    kept = loss.cache
    with pytest.raises(error, match=f"^{kind.__name__} .*{message}"):
        loss.forward(FIT[kind], LABELS, v)
    assert loss.cache is kept


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("weight", [[1, 1], [1, 1, 1, 1]])
def test_weights_for_other_classes(kind, weight):
    with pytest.raises(
        ValueError, match=f"^{kind.__name__} has weights for {len(weight)} classes, got a prediction of 3"
    ):
        kind(weight).forward(FIT[kind], LABELS)


# -- the layout in memory


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.uint64, ">i4"])
def test_cells_are_where_the_labels_point(order, dtype):
    rows = np.asarray(np.arange(12.0).reshape(4, 3), order=order)
    loss = NLLLoss(reduction="none")
    labels = np.array([2, 0, 1, 1]).astype(dtype)
    assert (-loss.forward.formula(loss, rows, labels)).tolist() == [2, 3, 7, 10]
    assert loss.backward(np.ones(4)).tolist() == [[0, 0, -1], [-1, 0, 0], [0, -1, 0], [0, -1, 0]]


def test_cells_of_rows_that_are_not_contiguous_are_right_to_read():
    rows = np.arange(24.0).reshape(4, 6)[:, ::2]
    loss = NLLLoss(reduction="none")
    assert (-loss.forward.formula(loss, rows, LABELS[:4])).tolist() == rows[np.arange(4), LABELS[:4]].tolist()
    assert (loss.backward(np.ones(4)) != 0).sum() == 4


@pytest.mark.parametrize("loss", CLASSIFIERS)
@pytest.mark.parametrize("samples", [1, 8, 9, 63, 64, 300])  # with few and with many, in both orders
@pytest.mark.parametrize("label_type", [np.int64, np.uint8, ">i4"])
def test_value_and_gradient_do_not_depend_on_the_layout(loss, samples, label_type):
    z = np.random.default_rng(1).normal(size=(samples, 3))
    prediction = {CrossEntropyLoss: Softmax, NLLLoss: LogSoftmax}.get(loss)
    x = z if prediction is None else prediction().forward(z)
    labels = np.resize(LABELS, samples)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    expected = -sum(log_p[i, label] for i, label in enumerate(labels)) / samples
    gradients = []
    for layout in (np.ascontiguousarray(x), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        ours = loss()
        assert ours.forward(layout, labels.astype(label_type)) == pytest.approx(expected, rel=1e-12)
        gradients.append(ours.backward())
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-12)
    np.testing.assert_allclose(gradients[2], gradients[0], rtol=1e-12)


@pytest.mark.parametrize("loss", CLASSIFIERS)
@pytest.mark.parametrize("samples", [3, 100])
@pytest.mark.parametrize("wrong", [3, -1, -(2**40), 2**40])
def test_one_wrong_label_among_few_or_many(loss, samples, wrong):
    prediction, labels = np.resize(FIT[loss], (samples, 3)), np.resize(LABELS, samples)
    labels[-1] = wrong
    with pytest.raises(ValueError, match=rf"labels from 0 to 2 for 3 classes, got {wrong} \(at {samples - 1}\)"):
        loss().forward(prediction, labels)


@pytest.mark.parametrize("loss", CLASSIFIERS)
def test_a_large_unsigned_label_is_refused(loss):
    labels = np.array([0, 2**64 - 1, 0, 0, 0, 0], np.uint64)
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        loss().forward(FIT[loss], labels)
