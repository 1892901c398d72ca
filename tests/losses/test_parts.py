"""Losses whose prediction is several arrays: what they accept, how they weigh samples, and how a Trainer uses them."""

import copy

import numpy as np
import pytest
from helpers import frozen
from scores import LABELS, Z

import minnet as mn
from minnet import losses
from minnet.core.trees import leaves, mapped, taken

RNG = np.random.default_rng(5)
A, B, C = (frozen(RNG.normal(size=(6, 3))) for _ in range(3))
SIGNS = frozen(np.array([1, -1, 1, -1, -1, 1]))
V = frozen(np.array([1.0, 0.5, 2.0, 0.0, 1.0, 3.0]))
CASES = {  # a loss with its options, a prediction and a target
    "cosine": (losses.CosineEmbeddingLoss(), (A, B), SIGNS),
    "cosine, margin": (losses.CosineEmbeddingLoss(0.3), {"x2": A, "x1": B}, SIGNS),
    "triplet": (losses.TripletMarginLoss(), (A, B, C), LABELS),
    "triplet, named": (losses.TripletMarginLoss(p=1, swap=True), {"negative": A, "anchor": B, "positive": C}, LABELS),
    "ranking": (losses.MarginRankingLoss(0.5), (A, B), np.where(Z > 0, 1, -1)),
    "gauss": (losses.GaussianNLLLoss(), (A, B * B + 0.1), C),
    "gauss, row": (losses.GaussianNLLLoss(full=True), {"mean": A, "var": B[:, :1] ** 2 + 0.1}, C),
    "gauss, no axis": (losses.GaussianNLLLoss(), (A, B[:, 0] ** 2 + 0.1), C),
}
every_loss = pytest.mark.parametrize(("loss", "prediction", "target"), CASES.values(), ids=CASES)
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def reduced(loss, reduction):
    loss = copy.copy(loss)
    loss.reduction = reduction
    return loss


def sent_back(loss, value):
    return loss.backward(np.ones_like(value)) if loss.reduction == "none" else loss.backward()


@every_reduction
@every_loss
def test_the_gradient_has_the_form_of_the_prediction_and_its_slopes(loss, prediction, target, reduction):
    loss = reduced(loss, reduction)
    value = loss.forward(prediction, target, V)
    chosen = RNG.normal(size=np.shape(value)) if reduction == "none" else None
    gradient = loss.backward(chosen) if reduction == "none" else loss.backward()
    assert type(gradient) is type(prediction)
    if isinstance(prediction, dict):
        assert list(gradient) == list(prediction)
    direction = mapped(lambda x: RNG.normal(size=x.shape), prediction)

    def moved(h):
        parts = [x + h * d for x, d in zip(leaves(prediction), leaves(direction), strict=True)]
        tree = dict(zip(prediction, parts, strict=True)) if isinstance(prediction, dict) else tuple(parts)
        found = loss.forward(tree, target, V)
        return found if chosen is None else (found * chosen).sum()

    slope = (moved(1e-6) - moved(-1e-6)) / 2e-6
    claimed = sum((g * d).sum() for g, d in zip(leaves(gradient), leaves(direction), strict=True))
    assert [g.shape for g in leaves(gradient)] == [x.shape for x in leaves(prediction)]
    assert claimed == pytest.approx(slope, rel=1e-6)


@every_loss
def test_the_mean_is_weighted(loss, prediction, target):
    single = reduced(loss, "sum")
    counts = [loss.total_weight(target[n : n + 1]) for n in range(6)]
    each = [single.forward(taken(prediction, slice(n, n + 1)), target[n : n + 1]) for n in range(6)]
    assert loss.total_weight(target, V) == pytest.approx(float(V @ counts), rel=1e-14)
    assert loss.forward(prediction, target, V) == pytest.approx(float(V @ each) / float(V @ counts), rel=1e-14)
    assert single.forward(prediction, target, V) == pytest.approx(float(V @ each), rel=1e-14)


@every_reduction
@every_loss
def test_a_weight_of_two_is_the_sample_twice_and_of_zero_leaves_it_out(loss, prediction, target, reduction):
    loss, without = reduced(loss, reduction), reduced(loss, reduction)
    rows = [0, 1, 1, 2, 4, 5, 5, 5]
    value = loss.forward(prediction, target, [1, 2, 1, 0, 1, 3])
    copies = without.forward(taken(prediction, rows), target[rows])
    assert np.sum(value) == pytest.approx(np.sum(copies), rel=1e-14)
    for gradient, single in zip(leaves(sent_back(loss, value)), leaves(sent_back(without, copies)), strict=True):
        added = np.zeros_like(gradient)
        np.add.at(added, rows, single)
        np.testing.assert_allclose(gradient, added, rtol=1e-13, atol=1e-16)
        assert not gradient[3].any()


@every_reduction
@every_loss
def test_weights_of_zero_and_empty_batches(loss, prediction, target, reduction):
    loss = reduced(loss, reduction)
    value = loss.forward(prediction, target, np.zeros(6))
    assert not np.any(value)
    assert not any(gradient.any() for gradient in leaves(sent_back(loss, value)))
    value = loss.forward(taken(prediction, slice(0)), target[:0])
    assert np.sum(value) == 0
    assert [len(gradient) for gradient in leaves(sent_back(loss, value))] == [0] * len(prediction)


@every_loss
def test_parts_of_a_batch_add_up(loss, prediction, target):
    whole = loss.forward(prediction, target, V)
    gradient, total = loss.backward(), loss.total_weight(target, V)
    value, parts = 0.0, []
    for part in (slice(0, 3), slice(3, 4), slice(4, 6)):
        share = loss.total_weight(target[part], V[part]) / total
        value += share * loss.forward(taken(prediction, part), target[part], V[part])
        parts.append(mapped(lambda dx, share=share: share * dx, loss.backward()))
    assert value == pytest.approx(whole, rel=1e-14)
    for i, g in enumerate(leaves(gradient)):
        np.testing.assert_allclose(np.concatenate([leaves(part)[i] for part in parts]), g, rtol=1e-13, atol=1e-16)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(loss, prediction, target, dtype):
    prediction = mapped(lambda x: x.astype(dtype), prediction)
    loss = reduced(loss, "none")
    value = loss.forward(prediction, target)
    assert value.dtype == dtype
    assert all(gradient.dtype == dtype for gradient in leaves(loss.backward(np.ones_like(value))))


@every_loss
def test_more_axes_are_more_samples(loss, prediction, target):
    tree = mapped(lambda x: x.reshape(2, 3, *x.shape[1:]), prediction)
    value = loss.forward(tree, target.reshape(2, 3, *target.shape[1:]))
    gradient = loss.backward()
    assert value == pytest.approx(loss.forward(prediction, target), rel=1e-14)
    for folded, flat in zip(leaves(gradient), leaves(loss.backward()), strict=True):
        np.testing.assert_allclose(folded.reshape(flat.shape), flat, rtol=1e-13)


# -- what is no such prediction, or no such target


@pytest.mark.parametrize(
    ("prediction", "error", "message"),
    [
        (A, TypeError, r"a tuple \(x1, x2\), or a dict with these names, got an array of shape \(6, 3\)"),
        ((A, B, C), ValueError, r"a tuple \(x1, x2\), .*, got a tuple of 3"),
        ([A, B], TypeError, "got a list"),
        ({"x1": A, "x3": B}, ValueError, r"got a dict of 'x1', 'x3': pass them together, loss\(\(x1, x2\), target\)"),
        ((A, B[:, :2]), ValueError, r"expected x1, x2 of one shape, got \(6, 3\), \(6, 2\)"),
        ((A, B.astype(np.float32)), TypeError, "computes in float64, got float32"),
        ((A, B.tolist()), TypeError, "expected a NumPy array, got list"),
    ],
)
def test_predictions_of_another_form(prediction, error, message):
    with pytest.raises(error, match=f"CosineEmbeddingLoss.*{message}"):
        losses.CosineEmbeddingLoss().forward(prediction, SIGNS)


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (SIGNS[:, None], ValueError, r"a target of shape \(6,\), got \(6, 1\): pass y.reshape\(6,\)"),
        (SIGNS[:5], ValueError, r"a target of shape \(6,\), got \(5,\): one for each loss"),
        (SIGNS > 0, TypeError, "a target of numbers, got bool"),
        (np.array(["a"] * 6), TypeError, "a target of numbers, got <U1"),
        ((SIGNS + 1) // 2, ValueError, r"labels that are -1 or 1, got 0: labels 0 and 1\? pass 2 \* y - 1"),
        (2 * SIGNS, ValueError, "labels that are -1 or 1, got 2"),
        ({"y": SIGNS}, TypeError, "target to be one array, got a dict of 'y'"),
    ],
)
def test_targets_of_another_form(target, error, message):
    with pytest.raises(error, match=f"CosineEmbeddingLoss expected.*{message}"):
        losses.CosineEmbeddingLoss().forward((A, B), target)


# -- in a Trainer


class Siamese(mn.Layer):
    """The embeddings of several inputs, by one encoder."""

    def __init__(self, encoder):
        self.encoder = encoder

    def forward(self, *inputs):
        self.cache = len(inputs)
        return tuple(np.split(self.encoder.forward(np.concatenate(inputs)), len(inputs)))

    def backward(self, dy):
        return tuple(np.split(self.encoder.backward(np.concatenate(dy)), self.cache))


def encoder():
    return mn.Sequential(mn.Linear(3, 8, rng=0), mn.Tanh(), mn.Linear(8, 2, rng=1))


@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"threads": 2}])
def test_a_triplet_network_learns_and_its_evaluation_does_not_depend_on_the_batches(options):
    if "threads" in options:
        pytest.importorskip("threadpoolctl")
    x = RNG.normal(size=(90, 3)).astype(np.float32)
    kind = (x[:, 0] > 0).astype(int)
    by_kind = [np.flatnonzero(kind == k) for k in (0, 1)]
    positive = x[[RNG.choice(by_kind[k]) for k in kind]]
    negative = x[[RNG.choice(by_kind[1 - k]) for k in kind]]
    model, triplets = Siamese(encoder()), (x, positive, negative)
    loss = losses.TripletMarginLoss()
    trainer = mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=0.02), **options)
    loader = mn.DataLoader(triplets, kind, batch_size=20)
    history = trainer.fit(loader, epochs=15, evaluate={"test": (triplets, kind)}, progress=False)
    assert history[-1]["test_loss"] < 0.5 * history[0]["test_loss"]
    whole = loss.forward(trainer.predict(triplets), None)
    for size in (1, 7, 90):
        found = trainer.evaluate((triplets, kind), batch_size=size)["loss"]
        assert found == pytest.approx(whole, rel=1e-5)


def test_a_pair_with_weights_of_samples():
    x, y = RNG.normal(size=(2, 40, 3)).astype(np.float32), np.where(RNG.random(40) < 0.5, 1, -1)
    model, v = Siamese(encoder()), RNG.uniform(0, 2, 40)
    loss = losses.CosineEmbeddingLoss(0.2)
    trainer = mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1))
    pairs = x[0], x[1]
    trainer.fit(mn.DataLoader(pairs, y, batch_size=8, sample_weight=v), epochs=2, progress=False)
    found = trainer.evaluate((pairs, y, v), batch_size=7)["loss"]
    assert found == pytest.approx(loss.forward(trainer.predict(pairs), y, v), rel=1e-5)


def test_heads_of_a_mean_and_a_variance():
    X = RNG.uniform(-1, 1, (100, 2)).astype(np.float32)
    y = X[:, :1] + 0.3 * RNG.normal(size=(100, 1))
    heads = mn.Heads(mean=mn.Linear(2, 1, rng=0), var=mn.Sequential(mn.Linear(2, 1, rng=1), mn.Softplus()))
    loss = losses.GaussianNLLLoss()
    metrics = {"mae": mn.metrics.Of("mean", mn.metrics.MAE())}
    trainer = mn.Trainer(heads, loss, mn.Adam(heads.parameters(), lr=0.05), metrics=metrics)
    history = trainer.fit(mn.DataLoader(X, y, batch_size=20), epochs=40, evaluate={"test": (X, y)}, progress=False)
    assert history[-1]["test_loss"] < history[0]["test_loss"] - 0.5
    assert np.sqrt(trainer.predict(X)["var"]).mean() == pytest.approx(0.3, rel=0.3)
    assert history[-1]["test_mae"] == pytest.approx(np.abs(trainer.predict(X)["mean"] - y).mean(), rel=1e-5)


def test_the_wrong_number_of_outputs_is_an_error_before_the_first_step():
    model = encoder()
    before = model.state_dict()
    trainer = mn.Trainer(model, losses.CosineEmbeddingLoss(), mn.SGD(model.parameters(), lr=0.1))
    with pytest.raises(TypeError, match=r"CosineEmbeddingLoss expected the prediction to be a tuple \(x1, x2\)"):
        trainer.fit(mn.DataLoader(np.asarray(A, np.float32), SIGNS), epochs=1, progress=False)
    assert all((before[name] == array).all() for name, array in model.state_dict().items())
