"""Every loss, with all its options, is PyTorch's: value and gradient, for configurations drawn at random."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pytorch import examples, tensor, torch

import minnet as mn
from minnet import losses

functional = torch.nn.functional

modest = examples(40)
numbers = st.floats(-20, 20, allow_subnormal=False)
shares = st.floats(0, 1, allow_subnormal=False)
positive = st.floats(0.125, 4)
shapes = array_shapes(min_dims=1, max_dims=4, max_side=4)
tables = array_shapes(min_dims=2, max_dims=2, max_side=5)
reductions = st.sampled_from(["mean", "sum", "none"])


def constant(values):
    """Give PyTorch an option: an array as a tensor, None as None."""
    return None if values is None else torch.tensor(np.asarray(values))


def compare(parity, loss, theirs, prediction, *target, through=None):
    """Compare value and gradient of a loss, with a layer before it if given, and of a function of PyTorch's."""
    part, t = type(loss).__name__, tensor(prediction)
    their_value = theirs(t)
    value = loss.forward(through.forward(prediction) if through else prediction, *target)
    parity(part, "value", value, their_value)
    if loss.reduction == "none":
        dy = np.random.default_rng(0).normal(size=np.shape(value))
        their_value.backward(torch.tensor(dy))
        gradient = loss.backward(dy)
    else:
        their_value.backward()
        gradient = loss.backward()
    parity(part, "dL/d prediction", through.backward(gradient) if through else gradient, t.grad)


@st.composite
def pairs(draw, predictions=numbers, targets=numbers):
    """Draw a prediction and a target of one shape."""
    shape = draw(shapes)
    return draw(arrays(np.float64, shape, elements=predictions)), draw(arrays(np.float64, shape, elements=targets))


# -- number by number


@modest
@given(pair=pairs(), reduction=reductions)
def test_mse_and_l1(parity, pair, reduction):
    x, t = pair
    compare(parity, losses.MSELoss(reduction=reduction), torch_loss("MSELoss", t, reduction=reduction), x, t)
    compare(parity, losses.L1Loss(reduction=reduction), torch_loss("L1Loss", t, reduction=reduction), x, t)


@modest
@given(pair=pairs(), reduction=reductions, knot=positive, zero=st.booleans())
def test_huber_and_smooth_l1(parity, pair, reduction, knot, zero):
    x, t = pair
    huber = torch_loss("HuberLoss", t, reduction=reduction, delta=knot)
    compare(parity, losses.HuberLoss(knot, reduction=reduction), huber, x, t)
    beta = 0 if zero else knot
    smooth = torch_loss("SmoothL1Loss", t, reduction=reduction, beta=beta)
    compare(parity, losses.SmoothL1Loss(beta, reduction=reduction), smooth, x, t)


def torch_loss(name, target, **options):
    return lambda t: getattr(torch.nn, name)(**options)(t, torch.tensor(target))


@modest
@given(pair=pairs(predictions=st.floats(1e-6, 1 - 1e-6), targets=shares), reduction=reductions)
def test_bce(parity, pair, reduction):
    p, t = pair
    compare(parity, losses.BCELoss(reduction=reduction), torch_loss("BCELoss", t, reduction=reduction), p, t)
    weight = np.linspace(0, 2, p.shape[-1])
    theirs = torch_loss("BCELoss", t, reduction=reduction, weight=constant(weight))
    compare(parity, losses.BCELoss(weight=weight, reduction=reduction), theirs, p, t)


@modest
@given(pair=pairs(targets=shares), reduction=reductions, data=st.data())
def test_bce_with_logits(parity, pair, reduction, data):
    z, t = pair
    axes = data.draw(st.integers(0, z.ndim))
    pos_weight = data.draw(st.none() | arrays(np.float64, z.shape[z.ndim - axes :], elements=positive))
    weight = data.draw(st.none() | arrays(np.float64, z.shape[z.ndim - axes :], elements=positive))
    options = {"pos_weight": pos_weight, "weight": weight}
    theirs = torch_loss("BCEWithLogitsLoss", t, reduction=reduction, **{k: constant(w) for k, w in options.items()})
    compare(parity, losses.BCEWithLogitsLoss(reduction=reduction, **options), theirs, z, t)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@modest
@given(pair=pairs(), log_target=st.booleans(), reduction=reductions | st.just("batchmean"))
def test_kl_div(parity, pair, log_target, reduction):
    slope = np.arange(pair[0].shape[-1])  # or rows of equal scores would be probabilities by chance
    x, t = (mn.LogSoftmax().forward(z + slope) for z in pair)
    t = t if log_target else np.exp(t)
    assume(reduction != "batchmean" or x.ndim > 1)  # PyTorch divides a single row by its classes
    loss = losses.KLDivLoss(log_target=log_target, reduction=reduction)
    compare(parity, loss, torch_loss("KLDivLoss", t, reduction=reduction, log_target=log_target), x, t)


@modest
@given(pair=pairs(targets=st.sampled_from([-1.0, 1.0])), reduction=reductions)
def test_hinge(parity, pair, reduction):
    """PyTorch has no such loss, but one of the difference of two scores, of which one is 0 here."""
    z, t = pair
    assume((t * z != 1).all())  # at the kink, PyTorch takes the slope to the left

    def theirs(x):
        return functional.margin_ranking_loss(x, torch.zeros(z.shape), torch.tensor(t), margin=1.0, reduction=reduction)

    compare(parity, losses.HingeLoss(reduction=reduction), theirs, z, t)


# -- with labels


@st.composite
def labelled(draw):
    """Draw scores (..., C), labels (...), and class weights or None."""
    z = draw(arrays(np.float64, shapes, elements=numbers))
    assume(z.min() <= 0 or np.abs(z.sum(axis=-1) - 1).max() > 1e-5)  # not probabilities by chance
    labels = draw(arrays(np.int64, z.shape[:-1], elements=st.integers(0, z.shape[-1] - 1)))
    return z, labels, draw(st.none() | arrays(np.float64, z.shape[-1], elements=positive))


@modest
@given(sample=labelled(), reduction=reductions, p=st.sampled_from([1, 2]), margin=st.floats(-2, 5))
def test_multi_margin(parity, sample, reduction, p, margin):
    z, labels, weight = sample

    def theirs(t):
        rows, y = t.reshape(-1, z.shape[-1]), torch.tensor(labels.reshape(-1))
        value = functional.multi_margin_loss(rows, y, p, margin, constant(weight), reduction=reduction)
        return value.reshape(labels.shape) if reduction == "none" else value

    compare(parity, losses.MultiMarginLoss(p, margin, weight, reduction=reduction), theirs, z, labels)


ROUTES = [(mn.Softmax, mn.CrossEntropyLoss), (mn.LogSoftmax, mn.NLLLoss), (None, mn.SoftmaxCrossEntropyLoss)]


@pytest.mark.parametrize(("layer", "kind"), ROUTES)
@modest
@given(sample=labelled(), reduction=reductions, smoothing=st.just(0.0) | shares, data=st.data())
def test_every_cross_entropy_with_all_options(parity, layer, kind, sample, reduction, smoothing, data):
    """The gradient is compared at the scores: PyTorch has label smoothing for scores only."""
    z, labels, weight = sample
    ignore_index = data.draw(st.sampled_from([None, -100, 255, 0]))
    if ignore_index is not None:
        labels = np.where(data.draw(arrays(bool, labels.shape)), ignore_index, labels)
    v = data.draw(st.none() | arrays(np.float64, labels.shape, elements=positive))
    counts = np.ones(labels.shape) if ignore_index is None else labels != ignore_index
    assume(reduction != "mean" or counts.any())  # where nothing counts, PyTorch's mean is NaN

    def theirs(t):
        rows, y = t.reshape(-1, z.shape[-1]), torch.tensor(labels.reshape(-1))
        options = {"weight": constant(weight), "ignore_index": -100 if ignore_index is None else ignore_index}
        if v is None:
            value = functional.cross_entropy(rows, y, reduction=reduction, label_smoothing=smoothing, **options)
            return value.reshape(labels.shape) if reduction == "none" else value
        each = functional.cross_entropy(rows, y, reduction="none", label_smoothing=smoothing, **options)
        each = (each * torch.tensor(v.reshape(-1))).reshape(labels.shape)
        own = 1 if weight is None else weight[np.where(counts, labels, 0)]
        return {"none": each, "sum": each.sum(), "mean": each.sum() / (v * own * counts).sum()}[reduction]

    loss = kind(weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=smoothing)
    compare(parity, loss, theirs, z, labels, v, through=layer() if layer else None)


@modest
@given(sample=labelled(), reduction=reductions, ignored=st.sampled_from([-100, 1]), data=st.data())
def test_nll_by_itself(parity, sample, reduction, ignored, data):
    z, labels, weight = sample
    labels = np.where(data.draw(arrays(bool, labels.shape)), ignored, labels)
    assume(reduction != "mean" or (labels != ignored).any())

    def theirs(t):
        rows, y = t.reshape(-1, z.shape[-1]), torch.tensor(labels.reshape(-1))
        value = functional.nll_loss(rows, y, constant(weight), ignore_index=ignored, reduction=reduction)
        return value.reshape(labels.shape) if reduction == "none" else value

    loss = mn.NLLLoss(weight, ignore_index=ignored, reduction=reduction)
    compare(parity, loss, theirs, mn.LogSoftmax().forward(z), labels)


@modest
@given(pair=pairs(targets=st.sampled_from([-1.0, 1.0])), reduction=reductions, margin=st.floats(-2, 5))
def test_soft_margin_and_hinge_of_distances(parity, pair, reduction, margin):
    z, t = pair
    compare(
        parity, losses.SoftMarginLoss(reduction=reduction), torch_loss("SoftMarginLoss", t, reduction=reduction), z, t
    )
    assume((z != margin).all())  # at the kink, PyTorch takes the slope to the left
    theirs = torch_loss("HingeEmbeddingLoss", t, margin=margin, reduction=reduction)
    compare(parity, losses.HingeEmbeddingLoss(margin, reduction=reduction), theirs, z, t)


@modest
@given(pair=pairs(targets=st.integers(0, 9).map(float)), reduction=reductions, log=st.booleans(), full=st.booleans())
def test_poisson(parity, pair, reduction, log, full):
    x, t = pair
    x = x if log else np.abs(x) + 1e-3
    theirs = torch_loss("PoissonNLLLoss", t, log_input=log, full=full, eps=1e-6, reduction=reduction)
    compare(parity, losses.PoissonNLLLoss(log, full=full, eps=1e-6, reduction=reduction), theirs, x, t)


# -- of several predictions


def compare_parts(parity, loss, theirs, parts, *target):
    """Compare value and gradients of a loss of several predictions."""
    part, tensors = type(loss).__name__, [tensor(x) for x in parts]
    their_value, value = theirs(*tensors), loss.forward(parts, *target)
    parity(part, "value", value, their_value)
    dy = np.random.default_rng(0).normal(size=np.shape(value))
    their_value.backward(torch.tensor(dy))
    gradients = loss.backward(dy) if loss.reduction == "none" else loss.backward(float(dy))
    for name, gradient, t in zip(loss.parts, gradients, tensors, strict=True):
        parity(part, f"dL/d {name}", gradient, t.grad)


@st.composite
def several(draw, count, shape):
    """Draw so many arrays of one shape, with no two numbers equal."""
    random, chosen = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(shape)
    return tuple(draw(positive) * random.normal(size=chosen) for _ in range(count))


@modest
@given(parts=several(2, tables), reduction=reductions, margin=st.floats(-1, 1), data=st.data())
def test_cosine_embedding(parity, parts, reduction, margin, data):
    t = data.draw(arrays(np.int64, len(parts[0]), elements=st.sampled_from([-1, 1])))

    def theirs(x1, x2):
        return torch.nn.CosineEmbeddingLoss(margin, reduction=reduction)(x1, x2, torch.tensor(t))

    cosines = torch.cosine_similarity(*map(torch.tensor, parts)).numpy()
    assume((np.abs(cosines - margin) > 1e-9).all())  # at the kink, PyTorch takes the slope to the right
    compare_parts(parity, losses.CosineEmbeddingLoss(margin, reduction=reduction), theirs, parts, t)


@modest
@given(
    parts=several(3, array_shapes(min_dims=2, max_dims=3, max_side=4)),
    reduction=reductions,
    margin=positive,
    p=st.sampled_from([1.0, 1.5, 2.0, 3.0, np.inf]),
    swap=st.booleans(),
)
def test_triplet_margin(parity, parts, reduction, margin, p, swap):
    theirs = torch.nn.TripletMarginLoss(margin, p, swap=swap, reduction=reduction)
    compare_parts(parity, losses.TripletMarginLoss(margin, p, swap=swap, reduction=reduction), theirs, parts, None)


@modest
@given(parts=several(2, shapes), reduction=reductions, margin=st.floats(-1, 2), data=st.data())
def test_margin_ranking(parity, parts, reduction, margin, data):
    t = data.draw(arrays(np.float64, parts[0].shape, elements=st.sampled_from([-1.0, 1.0])))

    def theirs(x1, x2):
        return torch.nn.MarginRankingLoss(margin, reduction=reduction)(x1, x2, torch.tensor(t))

    compare_parts(parity, losses.MarginRankingLoss(margin, reduction=reduction), theirs, parts, t)


@modest
@given(
    parts=several(3, shapes), reduction=reductions, full=st.booleans(), form=st.sampled_from(["each", "row", "no axis"])
)
def test_gaussian(parity, parts, reduction, full, form):
    mean, var, t = parts
    var = {"each": var, "row": var[..., :1], "no axis": var[..., 0]}[form] ** 2  # some below eps
    assume(var.ndim > 0)

    def theirs(mean, var):
        return torch.nn.GaussianNLLLoss(full=full, eps=0.01, reduction=reduction)(mean, torch.tensor(t), var)

    loss = losses.GaussianNLLLoss(full=full, eps=0.01, reduction=reduction)
    compare_parts(parity, loss, theirs, (mean, var), t)


# -- of sequences


@examples(150)
@given(data=st.data(), reduction=reductions, zero=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_ctc(parity, data, reduction, zero, seed):
    """At the scores, because PyTorch's gradient at log p is that of what follows a softmax."""
    n, time, classes = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12)), data.draw(st.integers(2, 6))
    blank = data.draw(st.integers(0, classes - 1))
    random = np.random.default_rng(seed)
    targets = random.choice([k for k in range(classes) if k != blank], (n, data.draw(st.integers(0, 6))))
    frames, lengths = random.integers(1, time + 1, n), random.integers(0, targets.shape[1] + 1, n)
    scores = 3 * random.normal(size=(n, time, classes))

    def theirs(z, zero_infinity=zero):
        return functional.ctc_loss(
            torch.log_softmax(z, -1).transpose(0, 1),
            *map(torch.tensor, (targets, frames, lengths)),
            blank=blank,
            reduction=reduction,
            zero_infinity=zero_infinity,
        )

    loss = losses.CTCLoss(blank, zero_infinity=zero, reduction=reduction)
    if not zero:
        with torch.no_grad():
            infinite = not torch.isfinite(theirs(torch.tensor(scores))).all()
        if infinite:  # where PyTorch's gradient is NaN
            value = loss.forward(mn.LogSoftmax().forward(scores), (targets, frames, lengths))
            np.testing.assert_array_equal(np.isinf(value), np.isinf(theirs(torch.tensor(scores)).numpy()))
            return
    compare(parity, loss, theirs, scores, (targets, frames, lengths), through=mn.LogSoftmax())


@pytest.mark.parametrize("time", [400, 1500])
def test_ctc_of_long_sequences(parity, time):
    random = np.random.default_rng(0)
    targets, frames, lengths = random.integers(1, 20, (3, 90)), np.array([time, time - 50, 200]), np.array([90, 40, 80])
    scores = random.normal(size=(3, time, 20))

    def theirs(z):
        log_p = torch.log_softmax(z, -1).transpose(0, 1)
        return functional.ctc_loss(log_p, *map(torch.tensor, (targets, frames, lengths)))

    compare(parity, losses.CTCLoss(), theirs, scores, (targets, frames, lengths), through=mn.LogSoftmax())


# -- with weights of samples


def numbers_of(name, **options):
    """Return minnet's loss and PyTorch's of the same name, which compare number with number."""
    return lambda reduction: getattr(losses, name)(reduction=reduction, **options), lambda x, t: getattr(
        torch.nn, name
    )(
        reduction="none",
        **{key: torch.tensor(value) if key == "pos_weight" else value for key, value in options.items()},
    )(x, torch.tensor(t))


WEIGHTED = {
    "MSELoss": (*numbers_of("MSELoss"), numbers, numbers),
    "L1Loss": (*numbers_of("L1Loss"), numbers, numbers),
    "HuberLoss": (*numbers_of("HuberLoss", delta=0.7), numbers, numbers),
    "SmoothL1Loss": (*numbers_of("SmoothL1Loss", beta=0.7), numbers, numbers),
    "BCELoss": (*numbers_of("BCELoss"), st.floats(1e-6, 1 - 1e-6), shares),
    "BCEWithLogitsLoss": (*numbers_of("BCEWithLogitsLoss", pos_weight=3.0), numbers, shares),
    "HingeLoss": (
        lambda reduction: losses.HingeLoss(reduction=reduction),
        lambda x, t: torch.relu(1 - torch.tensor(t) * x),
        numbers.filter(lambda z: abs(z) != 1),
        st.sampled_from([-1.0, 1.0]),
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "predictions", "targets"), WEIGHTED.values(), ids=WEIGHTED)
@modest
@given(data=st.data(), reduction=reductions)
def test_weights_of_samples(parity, ours, theirs, predictions, targets, data, reduction):
    """PyTorch has no such argument: the losses, not reduced, times the weights, and the mean by hand."""
    x, t = data.draw(pairs(predictions, targets))
    v = data.draw(arrays(np.float64, x.shape[: data.draw(st.integers(1, x.ndim))], elements=positive | st.just(0.0)))
    of_numbers = np.broadcast_to(v.reshape(v.shape + (1,) * (x.ndim - v.ndim)), x.shape)

    def value(z):
        each = theirs(z, t) * torch.tensor(of_numbers.copy())
        return {"none": each, "sum": each.sum(), "mean": each.sum() / (of_numbers.sum() or 1)}[reduction]

    compare(parity, ours(reduction), value, x, t, v)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")
@modest
@given(pair=pairs(), reduction=reductions | st.just("batchmean"), data=st.data())
def test_weights_of_samples_in_a_divergence(parity, pair, reduction, data):
    slope = np.arange(pair[0].shape[-1])
    x, t = (mn.LogSoftmax().forward(z + slope) for z in pair)
    assume(x.ndim > 1)
    v = data.draw(arrays(np.float64, x.shape[:1], elements=positive))
    each_v = np.broadcast_to(v.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)

    def value(z):
        each = functional.kl_div(z, torch.tensor(np.exp(t)), reduction="none") * torch.tensor(each_v.copy())
        divisor = {"batchmean": v.sum(), "mean": each_v.sum()}.get(reduction, 1)
        return each if reduction == "none" else each.sum() / divisor

    compare(parity, losses.KLDivLoss(reduction=reduction), value, x, np.exp(t), v)


@modest
@given(sample=labelled(), reduction=reductions, data=st.data())
def test_weights_of_samples_in_a_margin(parity, sample, reduction, data):
    z, labels, weight = sample
    v = data.draw(arrays(np.float64, labels.shape, elements=positive))

    def value(t):
        rows, y = t.reshape(-1, z.shape[-1]), torch.tensor(labels.reshape(-1))
        each = functional.multi_margin_loss(rows, y, weight=constant(weight), reduction="none")
        each = (each * torch.tensor(v.reshape(-1))).reshape(labels.shape)
        return {"none": each, "sum": each.sum(), "mean": each.sum() / v.sum()}[reduction]

    compare(parity, losses.MultiMarginLoss(weight=weight, reduction=reduction), value, z, labels, v)
