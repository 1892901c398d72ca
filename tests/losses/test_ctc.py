"""CTCLoss is −log of the sum over all alignments: compared with their list, written out, and with PyTorch in parity."""

import copy
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn
from minnet.core.trees import taken
from minnet.losses import CTCLoss

RNG = np.random.default_rng(3)
LOG_P = mn.LogSoftmax().forward(RNG.normal(size=(4, 6, 4)))
LABELS = np.array([[1, 2, 3], [2, 2, -1], [3, -1, -1], [-1, -1, -1]])
TARGET = {"targets": LABELS, "input_lengths": np.array([6, 5, 6, 3])}
V = np.array([0.5, 2.0, 0.0, 1.0])


def read(path, blank):
    """Return the labels that an alignment says: without repetitions, and then without blanks."""
    return [k for k, _ in itertools.groupby(path) if k != blank]


def by_list(log_p, labels, blank):
    """Return P and γ (T, C) of labels, from all C^T alignments of log p (T, C)."""
    time, classes = log_p.shape
    total, gamma = 0.0, np.zeros((time, classes))
    for path in itertools.product(range(classes), repeat=time):
        if read(path, blank) == list(labels):
            p = math.exp(sum(log_p[t, k] for t, k in enumerate(path)))
            total += p
            gamma[range(time), path] += p
    return total, gamma / total if total else gamma


@settings(deadline=None, max_examples=60, derandomize=True)
@given(data=st.data(), time=st.integers(1, 5), classes=st.integers(2, 4), seed=st.integers(0, 999))
def test_it_is_the_sum_over_all_alignments(data, time, classes, seed):
    blank = data.draw(st.integers(0, classes - 1))
    label = st.integers(0, classes - 1).filter(lambda k: k != blank)
    words = data.draw(st.lists(st.lists(label, max_size=time + 1), min_size=1, max_size=3))
    frames = [data.draw(st.integers(1, time)) for _ in words]
    log_p = mn.LogSoftmax().forward(2 * np.random.default_rng(seed).normal(size=(len(words), time, classes)))
    targets = np.full((len(words), max(map(len, words)) + 1), -1)
    for row, word in zip(targets, words, strict=True):
        row[: len(word)] = word
    loss = CTCLoss(blank, reduction="none")
    losses = loss.forward(log_p, (targets, frames))
    gradient = loss.backward(np.ones(len(words)))
    for n, word in enumerate(words):
        p, gamma = by_list(log_p[n, : frames[n]], word, blank)
        assert losses[n] == pytest.approx(-math.log(p) if p else math.inf, rel=1e-10, abs=1e-10)
        np.testing.assert_allclose(-gradient[n, : frames[n]], gamma, rtol=1e-9, atol=1e-12)
        assert not gradient[n, frames[n] :].any()


def test_all_words_together_have_the_probability_1():
    log_p = LOG_P[:1, :4, :3]
    log_p = log_p - np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    words = [word for size in range(5) for word in itertools.product((1, 2), repeat=size)]
    loss = CTCLoss(reduction="none")
    total = sum(np.exp(-loss.forward(log_p, np.array(word, int).reshape(1, -1))[0]) for word in words)
    assert total == pytest.approx(1, rel=1e-12)


def test_at_each_frame_that_counts_the_gradient_sums_to_minus_1():
    loss = CTCLoss(reduction="sum")
    loss.forward(LOG_P, TARGET)
    counts = np.arange(6) < TARGET["input_lengths"][:, None]
    np.testing.assert_allclose(loss.backward().sum(axis=-1), -1.0 * counts, atol=1e-12)


def test_through_log_softmax_the_gradient_is_p_minus_gamma():
    """So a model without an error has none: if all probability is on one alignment, it is 0."""
    softmax, loss = mn.LogSoftmax(), CTCLoss(reduction="sum")
    z = np.where(np.arange(3) == np.array([0, 1, 1, 0, 2])[:, None], 40.0, 0.0)[None]
    assert loss.forward(softmax.forward(z), [[1, 2]]) < 1e-15
    assert np.abs(softmax.backward(loss.backward())).max() < 1e-15
    p = np.exp(softmax.forward(LOG_P))
    loss.forward(softmax.forward(LOG_P), LABELS)
    np.testing.assert_allclose(softmax.backward(loss.backward()), p + loss.backward(), atol=1e-14)


# -- what has no alignment


def test_a_word_longer_than_its_sequence_has_an_infinite_loss_or_none():
    """22 needs three frames: 2_2."""
    log_p, words = LOG_P[:2, :2], np.array([[2, 2], [1, 2]])
    loss = CTCLoss(reduction="none")
    losses = loss.forward(log_p, words)
    assert losses[0] == math.inf
    assert math.isfinite(losses[1])
    gradient = loss.backward(np.ones(2))
    assert not gradient[0].any()
    assert CTCLoss().forward(log_p, words) == math.inf

    zero = CTCLoss(zero_infinity=True)
    assert zero.forward(log_p, words) == losses[1] / 2 / 2
    np.testing.assert_allclose(zero.backward(), gradient / 2 / 2, rtol=1e-14)
    assert loss.forward(LOG_P[:1, :3], [[2, 2]])[0] < math.inf


def test_a_probability_of_zero_is_no_nan():
    with np.errstate(divide="ignore"):
        log_p = np.log([[[0.5, 0.5, 0], [0.25, 0.75, 0], [1, 0, 0]]])
    loss = CTCLoss(reduction="none")
    assert loss.forward(log_p, [[1]])[0] == pytest.approx(-math.log(0.5 * 0.75 + 0.5 * 0.25 + 0.5 * 0.75))
    assert np.isfinite(loss.backward(np.ones(1))).all()
    assert loss.forward(log_p, [[2]])[0] == math.inf
    assert not loss.backward(np.ones(1)).any()


@pytest.mark.parametrize("lengths", [[0, 3], [3, 0]])
def test_sequences_without_frames_and_words_without_labels(lengths):
    loss = CTCLoss(reduction="none")
    losses = loss.forward(LOG_P[:2], (np.array([[1], [-1]]), lengths))
    blanks = -LOG_P[1, : lengths[1], 0].sum()
    assert losses[0] == math.inf if lengths[0] == 0 else losses[0] < math.inf
    assert losses[1] == pytest.approx(blanks, rel=1e-14, abs=0)
    assert np.isfinite(loss.backward(np.ones(2))).all()


def test_no_frames_no_labels_no_samples():
    loss = CTCLoss()
    assert loss.forward(LOG_P[:, :0], np.full((4, 2), -1)) == 0
    assert loss.backward().shape == (4, 0, 4)
    assert loss.forward(LOG_P[:0], LABELS[:0]) == 0
    assert loss.backward().shape == (0, 6, 4)
    assert loss.forward(LOG_P, np.zeros((4, 0), int)) == pytest.approx(-LOG_P[:, :, 0].sum() / 4, rel=1e-14)
    np.testing.assert_allclose(loss.backward(), np.broadcast_to([-0.25, 0, 0, 0], LOG_P.shape), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_sequences(dtype):
    """P is e^−2000 and less. All labels of one class and all p equal: the number of alignments is a binomial's.

    T frames hold S labels 1, with the blanks that must be between: choose 2 S borders among T + 1 places.
    """
    time, labels = 2000, 300
    log_p = np.full((1, time, 4), -math.log(4), dtype)
    loss = CTCLoss(reduction="none")
    value = loss.forward(log_p, np.full((1, labels), 1))[0]
    count = math.lgamma(time + 2) - math.lgamma(2 * labels + 1) - math.lgamma(time + 2 - 2 * labels)
    assert value == pytest.approx(float(-log_p[0, 0, 0]) * time - count, rel=1e-7 if dtype == np.float32 else 1e-11)
    gradient = loss.backward(np.ones(1, dtype))
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient.sum(axis=-1), -1, rtol=1e-6)
    np.testing.assert_allclose(gradient, gradient[:, ::-1], atol=1e-6)  # it is the same from both ends


def test_far_off_scores_neither_warn_nor_turn_into_nan():
    z = np.zeros((1, 8, 3), np.float32)
    z[..., 2] = 1e30
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        loss = CTCLoss(reduction="sum")
        assert loss.forward(mn.LogSoftmax().forward(z), [[1]]) == pytest.approx(8e30, rel=1e-6)
        assert np.isfinite(loss.backward()).all()


# -- forms of the target, reductions, weights


def test_forms_of_the_target():
    whole = CTCLoss().forward(LOG_P, TARGET)
    lengths = [3, 2, 1, 0]
    for target in (
        (LABELS, [6, 5, 6, 3]),
        (LABELS.tolist(), np.array([6, 5, 6, 3], np.int32), lengths),
        {"target_lengths": lengths, "targets": np.abs(LABELS), "input_lengths": [6, 5, 6, 3]},  # padded by anything
    ):
        assert CTCLoss().forward(LOG_P, target) == whole
    assert CTCLoss().forward(LOG_P, LABELS) == CTCLoss().forward(LOG_P, (LABELS, [6] * 4)) != whole


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_reductions_and_weights(reduction):
    single = CTCLoss(reduction="none")
    each = single.forward(LOG_P, TARGET)
    of_each = single.backward(np.ones(4))
    lengths = np.array([3, 2, 1, 1]) if reduction == "mean" else np.ones(4)  # that of no labels counts as 1
    loss = CTCLoss(reduction=reduction)
    for v in (None, V, np.zeros(4)):
        weights = np.ones(4) if v is None else v
        share = weights / lengths / ((weights.sum() or 1) if reduction == "mean" else 1)
        value = loss.forward(LOG_P, TARGET, v)
        np.testing.assert_allclose(value, share * each if reduction == "none" else (share * each).sum(), rtol=1e-13)
        dy = np.array([1.0, 2.0, 3.0, 4.0]) if reduction == "none" else np.ones(4)
        gradient = loss.backward(dy) if reduction == "none" else loss.backward()
        np.testing.assert_allclose(gradient, (share * dy)[:, None, None] * of_each, rtol=1e-13, atol=1e-16)


def test_the_weight_0_leaves_out_an_infinite_loss():
    loss = CTCLoss()
    value = loss.forward(LOG_P[:2, :2], [[2, 2], [1, 2]], [0, 1])
    assert value == CTCLoss().forward(LOG_P[1:2, :2], [[1, 2]])
    assert not loss.backward()[0].any()


def test_total_weight_and_parts():
    loss = CTCLoss()
    assert loss.total_weight(TARGET) == loss.total_weight((LABELS,)) == loss.total_weight(LABELS) == 4
    assert loss.total_weight(TARGET, V) == V.sum()
    whole = loss.forward(LOG_P, TARGET, V)
    parts = 0.0
    for part in (slice(0, 1), slice(1, 4)):
        y = taken(TARGET, part)
        parts += loss.total_weight(y, V[part]) / V.sum() * loss.forward(LOG_P[part], y, V[part])
    assert parts == pytest.approx(whole, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype):
    loss = CTCLoss(reduction="none")
    assert loss.forward(LOG_P.astype(dtype), TARGET).dtype == dtype
    assert loss.backward(np.ones(4, dtype)).dtype == dtype


def test_in_eval_mode_it_keeps_nothing():
    loss = copy.deepcopy(CTCLoss()).eval()
    loss.forward(LOG_P, TARGET)
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        loss.backward()


# -- in a Trainer


@pytest.mark.parametrize("options", [{}, {"accumulate": 2}])
def test_it_reads_padded_sequences(options):
    """Words of 1 to 3 letters, each a few noisy frames long: after some epochs nearly all are read."""
    random = np.random.default_rng(0)
    words = random.integers(1, 4, (300, 3))
    words[np.arange(3) > random.integers(0, 3, (300, 1))] = -1
    X = []
    for word in words:
        frames = [c for k in word if k > 0 for c in (0, *[k] * random.integers(1, 4))]
        X.append((np.eye(4)[frames] + 0.3 * random.normal(size=(len(frames), 4))).astype(np.float32))
    y = {"targets": words, "input_lengths": np.array([len(x) for x in X])}
    model = mn.Sequential(mn.GRU(4, 16, rng=0), mn.Linear(16, 4, rng=1), mn.LogSoftmax())
    trainer = mn.Trainer(model, CTCLoss(), mn.Adam(model.parameters(), lr=0.02), **options)
    train, test = (
        mn.DataLoader(X[i], taken(y, i), batch_size=20, collate=mn.data.Pad()) for i in (slice(250), slice(250, 300))
    )
    history = trainer.fit(train, epochs=8, evaluate={"test": test}, progress=False)
    assert history[-1]["test_loss"] < 0.1 * history[0]["test_loss"]
    outputs = trainer.predict(X[250:], collate=mn.data.Pad())
    right = [
        read(log_p.argmax(axis=-1).tolist(), 0) == [k for k in word if k > 0]
        for log_p, word in zip(outputs, words[250:], strict=True)
    ]
    assert np.mean(right) > 0.9
    whole = np.mean([CTCLoss().forward(p[None], word[None]) for p, word in zip(outputs, words[250:], strict=True)])
    assert trainer.evaluate(test)["loss"] == pytest.approx(whole, rel=1e-4)


# -- what cannot be


@pytest.mark.parametrize(
    ("prediction", "target", "error", "message"),
    [
        (
            np.exp(LOG_P),
            LABELS,
            ValueError,
            "CTCLoss expected log-probabilities .*, got probabilities: pass their logarithm",
        ),
        (10 * LOG_P + 3, LABELS, ValueError, r"got scores: end the model with LogSoftmax\(\)"),
        (LOG_P[0], LABELS[0], ValueError, r"shape \(N, T, classes\), got \(6, 4\): a single sequence is x\[None\]"),
        ((LOG_P, LOG_P), LABELS, TypeError, "expected prediction to be one array, got a tuple of 2"),
        (
            LOG_P,
            LABELS[0],
            ValueError,
            r"labels of shape \(N, S\) for 4 samples, got \(3,\): the labels of a sample are a row",
        ),
        (LOG_P, LABELS[:3], ValueError, r"for 4 samples, got \(3, 3\)"),
        (
            LOG_P.swapaxes(0, 1),
            LABELS,
            ValueError,
            r"for 6 samples, got \(4, 3\): is the prediction \(T, N, classes\), as PyTorch's\? Pass",
        ),
        (LOG_P, LABELS.astype(float), TypeError, "labels that are integers, 0 to 3, got float64"),
        (LOG_P, np.where(LABELS == 3, 4, LABELS), ValueError, "labels from 0 to 3 for 4 classes, got 4"),
        (LOG_P, np.abs(LABELS) - 1, ValueError, "labels other than the blank, got 0: count labels from 1; pad with -1"),
        (LOG_P, LABELS[:, ::-1], ValueError, "labels that end at the first negative number, got others behind it"),
        (LOG_P, (LABELS, [6, 7, 6, 6]), ValueError, "input_lengths of 0 to 6 frames, .*, got 6 to 7"),
        (
            LOG_P,
            (LABELS, [6, 6, 6]),
            ValueError,
            r"input_lengths to be 4 integers, one a sample, got int64 of shape \(3,\)",
        ),
        (LOG_P, (LABELS, [6.0] * 4), ValueError, "input_lengths to be 4 integers, one a sample, got float64"),
        (LOG_P, (LABELS, [6] * 4, [4] * 4), ValueError, "target_lengths of 0 to 3 labels, .*, got 4 to 4"),
        (
            LOG_P,
            {"labels": LABELS},
            ValueError,
            "a dict of 'targets', 'input_lengths', 'target_lengths', got a dict of 'labels'",
        ),
        (LOG_P, (LABELS, [6] * 4, [1] * 4, 0), ValueError, "got a tuple of 4"),
    ],
)
def test_what_is_no_prediction_and_no_target(prediction, target, error, message):
    with pytest.raises(error, match=f"CTCLoss.*{message}" if not message.startswith("CTCLoss") else message):
        CTCLoss().forward(prediction, target)


def test_the_blank_is_a_class():
    with pytest.raises(ValueError, match="CTCLoss needs blank >= 0, got -1: it is the number of a class"):
        CTCLoss(-1)
    message = r"CTCLoss\(blank=4\) expected more classes, got a prediction of shape \(4, 6, 4\): class 4 is the blank"
    with pytest.raises(ValueError, match=message):
        CTCLoss(4).forward(LOG_P, LABELS)


def test_it_describes_itself():
    assert CTCLoss(3, zero_infinity=True).describe() == "CTCLoss(blank=3, zero_infinity=True)"
