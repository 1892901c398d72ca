"""Every layer, loss and container meets the requirements in docs/design.md. A new one is a line in a list below."""

import pickle
import threading

import numpy as np
import pytest

import minnet as mn
from minnet.core.trees import cast_tree, first
from minnet.inspection.gradcheck import check_layer

random = np.random.default_rng(7)
X = random.normal(size=(4, 3))
IMAGES = random.normal(size=(4, 2, 3))
ODD = np.zeros((2, 1))
P = mn.Softmax().forward(X)
LABELS = np.array([0, 2, 1, 2])

LAYERS = [
    (mn.Linear(3, 2, rng=0), X),
    (mn.Linear(3, 2, bias=False, rng=0), X),
    (mn.Linear(1, 1, rng=0), ODD),
    (mn.ReLU(), X),
    (mn.Sigmoid(), X),
    (mn.Tanh(), X),
    (mn.Softmax(), X),
    (mn.Softmax(), ODD),
    (mn.LogSoftmax(), X),
    (mn.Flatten(), IMAGES),
    (mn.Dropout(0.4, rng=0), X),
    (mn.Sequential(mn.Linear(3, 5, rng=0), mn.Tanh(), mn.Dropout(0.5, rng=1), mn.Linear(5, 2, rng=2)), X),
    (mn.Sequential(mn.Flatten(), mn.Linear(6, 3, rng=0), mn.Softmax()), IMAGES),
    (mn.Residual(mn.Linear(3, 3, rng=0), mn.ReLU()), X),
    (mn.Residual(mn.Residual(mn.Tanh()), mn.Linear(3, 3, rng=0)), X),
]
WIDE = mn.Linear(3, 5, rng=0)  # whose weight a Tied layer shares
EMBEDDED = random.normal(size=(2, 3, 4))
PHOTOS = random.normal(size=(3, 2, 5, 4))
SIGNALS = random.normal(size=(2, 2, 6))
VOLUMES = random.normal(size=(2, 2, 2, 3, 2))
REAL = np.array([[1, 1, 0], [0, 0, 0]], bool)  # which steps of two sequences are: of the second one, none
LAYERS += [
    (mn.LeakyReLU(0.1), X),
    (mn.ELU(), X),
    (mn.SELU(), X),
    (mn.GELU(), X),
    (mn.GELU(approximate="tanh"), X),
    (mn.SiLU(), X),
    (mn.Softplus(), X),
    (mn.Hardtanh(), X),
    (mn.ReLU6(), X),
    (mn.CELU(0.7), X),
    (mn.Mish(), X),
    (mn.Hardswish(), 4 * X),
    (mn.Hardsigmoid(), 4 * X),
    (mn.Hardshrink(), X),
    (mn.Softshrink(), X),
    (mn.Threshold(0.1, -2.0), X),
    (mn.LogSigmoid(), X),
    (mn.Softsign(), X),
    (mn.Tanhshrink(), X),
    (mn.PReLU(), X),
    (mn.PReLU(3), X),
    (mn.PReLU(2), PHOTOS),
    (mn.GLU(), random.normal(size=(4, 6))),
    (mn.GLU(1), PHOTOS),
    (mn.Identity(), X),
    (mn.Reshape(3, 2), IMAGES),
    (mn.Permute(0, 2, 1), IMAGES),
    (mn.Add(mn.Identity()), ODD),
    (mn.Add(mn.Identity(), mn.Linear(3, 3, rng=0)), X),
    (mn.Concat(mn.Tanh()), ODD),
    (mn.Concat(mn.Tanh(), mn.Linear(3, 2, rng=0), mn.Dropout(0.5, rng=1)), X),
    (mn.Dropout2d(0.4, rng=0), PHOTOS),
    (mn.Dropout(1.0), X),
    (mn.DropPath(0.4, rng=0), X),
    (mn.Residual(mn.Tanh(), mn.DropPath(0.5, rng=0)), X),
    (mn.Sequential(WIDE, mn.Tanh(), mn.Tied(WIDE, rng=1)), X),
    (mn.Tied(mn.Linear(2, 3, rng=0), rng=1), X),
    (mn.Tied(mn.Linear(1, 1, rng=0), bias=False), ODD),
    (mn.Conv1d(2, 3, 3, rng=0), SIGNALS),
    (mn.Conv1d(2, 2, 2, stride=3, padding=1, dilation=2, groups=2, rng=0), SIGNALS),
    (mn.Conv2d(2, 3, 3, padding="same", rng=0), PHOTOS),
    (mn.Conv2d(2, 4, (2, 1), stride=(3, 2), padding=1, dilation=2, groups=2, bias=False, rng=0), PHOTOS),
    (mn.Conv2d(2, 3, (5, 4), rng=0), PHOTOS),  # the kernel is the image
    (mn.Conv2d(1, 1, 1, rng=0), np.ones((2, 1, 1, 1))),
    (mn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode="reflect", rng=0), PHOTOS),
    (mn.Conv2d(2, 2, (2, 3), padding="same", padding_mode="replicate", groups=2, rng=0), PHOTOS),
    (mn.Conv1d(2, 3, 4, padding=2, dilation=2, padding_mode="circular", rng=0), SIGNALS),
    (mn.Conv3d(2, 3, 2, padding=1, stride=2, rng=0), VOLUMES),
    (mn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1, rng=0), SIGNALS),
    (mn.ConvTranspose2d(2, 3, 2, rng=0), PHOTOS),
    (mn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2, rng=0), PHOTOS),
    (mn.MaxPool2d(2), PHOTOS),
    (mn.MaxPool2d(2, stride=3, padding=1), PHOTOS),  # a stride beyond the kernel
    (mn.MaxPool2d(2, stride=3, dilation=2, ceil_mode=True), PHOTOS),
    (mn.MaxPool1d(3, stride=2, padding=1, ceil_mode=True), SIGNALS),
    (mn.MaxPool3d(2, stride=1), VOLUMES),
    (mn.AvgPool2d(2, stride=1, padding=1), PHOTOS),
    (mn.AvgPool2d(2, stride=3, padding=1, ceil_mode=True), PHOTOS),
    (mn.AvgPool2d(2, divisor_override=3), PHOTOS),
    (mn.AvgPool1d(4, ceil_mode=True, count_include_pad=False), SIGNALS),
    (mn.AvgPool3d(2, stride=1, padding=1), VOLUMES),
    (mn.AdaptiveAvgPool1d(4), SIGNALS),
    (mn.AdaptiveAvgPool2d(3), PHOTOS),
    (mn.AdaptiveAvgPool3d((1, 2, None)), VOLUMES),
    (mn.AdaptiveMaxPool1d(4), SIGNALS),
    (mn.AdaptiveMaxPool2d((3, None)), PHOTOS),
    (mn.AdaptiveMaxPool3d((2, 2, 1)), VOLUMES),
    (mn.GlobalAvgPool2d(), PHOTOS),
    (mn.BatchNorm1d(3), X),
    (mn.BatchNorm1d(1), ODD),
    (mn.BatchNorm1d(3), X[:1]),
    (mn.BatchNorm1d(2, momentum=None), IMAGES),
    (mn.BatchNorm2d(2), PHOTOS),
    (mn.BatchNorm2d(2, affine=False, track_running_stats=False), PHOTOS),
    (mn.BatchNorm3d(2), VOLUMES),
    (mn.InstanceNorm1d(2, affine=True), SIGNALS),
    (mn.InstanceNorm2d(2), PHOTOS),
    (mn.InstanceNorm2d(2, affine=True, track_running_stats=True, bias=False), PHOTOS),
    (mn.InstanceNorm3d(2, affine=True, track_running_stats=True), VOLUMES),
    (mn.ConstantPad1d((0, 3), -1.5), SIGNALS),
    (mn.ConstantPad2d((1, -2, 0, 1), 2), PHOTOS),
    (mn.ConstantPad3d(1, 2), VOLUMES),
    (mn.ZeroPad1d(2), SIGNALS),
    (mn.ZeroPad2d((1, 2, 0, 3)), PHOTOS),
    (mn.ZeroPad3d((0, 1, 2, 0, 0, 1)), VOLUMES),
    (mn.ReflectionPad1d((5, 2)), SIGNALS),
    (mn.ReflectionPad2d((3, -1, 0, 4)), PHOTOS),
    (mn.ReflectionPad3d(1), VOLUMES),
    (mn.ReplicationPad1d((0, 9)), SIGNALS),
    (mn.ReplicationPad2d((1, 2, -1, 0)), PHOTOS),
    (mn.ReplicationPad3d(1), VOLUMES),
    (mn.CircularPad1d(6), SIGNALS),
    (mn.CircularPad2d((1, 4, 0, 2)), PHOTOS),
    (mn.CircularPad3d(1), VOLUMES),
    (mn.Upsample(scale_factor=1.5), PHOTOS),
    (mn.Upsample((3, 9), mode="bilinear"), PHOTOS),
    (mn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), PHOTOS),
    (mn.Upsample(4, mode="linear"), SIGNALS),
    (mn.Upsample(scale_factor=(0.5, 2, 1.5), mode="trilinear"), VOLUMES),
    (mn.PixelShuffle(2), random.normal(size=(2, 8, 2, 3))),
    (mn.PixelUnshuffle(2), random.normal(size=(2, 3, 4, 2))),
    (mn.ChannelShuffle(2), random.normal(size=(2, 6, 3))),
    (mn.LayerNorm(3), X),
    (mn.LayerNorm((2, 3)), IMAGES),
    (mn.LayerNorm(1), ODD),
    (mn.RMSNorm(3), X),
    (mn.Normalize([1, 2, 3], [0.5, 1, 2]), X),
    (mn.Normalize(0.5, 2.0), ODD),
    (mn.Normalize.of(PHOTOS), PHOTOS),
    (mn.Normalize([1, 2, 3], 2.0, axis=-1), IMAGES),
    (mn.Sequential(mn.Normalize.of(X), mn.Linear(3, 2, rng=0)), X),
    (mn.GroupNorm(2, 4), random.normal(size=(3, 4, 2, 3))),
    (mn.GroupNorm(1, 1), ODD),
    (mn.LearnedPosition(6, 3, rng=0), IMAGES),
    (mn.SinusoidalPosition(3), IMAGES),
    (mn.MultiHeadAttention(4, 2, rng=0), EMBEDDED),
    (mn.MultiHeadAttention(4, 2, bias=False, causal=True, dropout=0.3, rng=0), EMBEDDED),
    (mn.MultiHeadAttention(1, 1, rng=0), np.ones((2, 1, 1))),
    (mn.TransformerBlock(4, 2, 6, rng=0), EMBEDDED),
    (mn.TransformerBlock(4, 2, 5, 0.0, norm_first=False, activation=mn.Tanh(), rng=0), EMBEDDED),
    (mn.RNN(4, 2, rng=0), EMBEDDED),
    (mn.RNN(1, 1, rng=0), np.ones((2, 1, 1))),
    (mn.GRU(4, 2, rng=0), EMBEDDED),
    (mn.LSTM(4, 2, rng=0), EMBEDDED),
    (mn.LSTM(4, 2, bidirectional=True, rng=0), EMBEDDED),
    (mn.LSTM(4, 2, num_layers=2, dropout=0.3, bidirectional=True, rng=0), EMBEDDED),
    (mn.GRU(4, 2, num_layers=2, bias=False, rng=0), EMBEDDED),
    (mn.GRU(1, 1, 2, bidirectional=True, rng=0), np.ones((2, 1, 1))),
    (mn.RNN(4, 2, 3, nonlinearity="relu", dropout=0.5, rng=0), EMBEDDED),
    (mn.TransformerBlock(4, 2, 5, 0.0, activation="gelu", bias=False, layer_norm_eps=0.1, rng=0), EMBEDDED),
    (mn.Select(-1), EMBEDDED),
    (mn.Select(0, axis=-1), EMBEDDED),
    (mn.Select(0), np.ones((2, 1, 1))),
    (mn.PoolTime("mean"), EMBEDDED),
    (mn.PoolTime("max"), EMBEDDED),
    (mn.PoolTime("last"), np.ones((2, 1, 1))),
]
# Layers of which something else is asked than one array of floats.
SEVERAL = [  # inputs, or outputs
    (mn.Heads(mn.Tanh(), mn.Linear(3, 2, rng=0)), X),
    (mn.Heads(a=mn.Sequential(mn.Linear(3, 2, rng=0), mn.Dropout(0.5, rng=1)), b=mn.Identity()), X),
    (mn.Inputs(mn.Linear(3, 2, rng=0), mn.Tanh()), X, X),
    (mn.Inputs(a=mn.Linear(3, 2, rng=0), b=mn.Identity()), {"b": X, "a": X}),
    (mn.Sequential(mn.Inputs(a=mn.Identity(), b=mn.Tanh()), mn.Heads(c=mn.Tanh())), {"a": X, "b": X}),
]
SEVERAL += [
    *((kind(), X, X + 5) for kind in (mn.Sum, mn.Subtract, mn.Multiply, mn.Divide)),
    (mn.Sum(), X, ODD[:1], X[0]),
    (mn.MatMul(), X, X.T.copy()),
    (mn.Graph(a=mn.Linear(3, 2, rng=0), b=mn.Tanh(), sum=mn.Sum(), wires={"sum": ("a", "b", "a")}), X),
]
OTHERS = [
    (mn.Embedding(5, 2, padding_idx=3, rng=0), np.array([1, 3, 3])),
    (mn.Embedding(5, 2, rng=0), np.array([[1, 3, 3], [4, 0, 1]])),
    (mn.MultiHeadAttention(4, 2, rng=0), EMBEDDED, REAL),
    (mn.MultiHeadAttention(4, 2, rng=0), EMBEDDED, REAL, random.normal(size=(2, 3, 4))),
    (
        mn.MultiHeadAttention(4, 2, kdim=3, vdim=5, rng=0),
        EMBEDDED,
        REAL,
        random.normal(size=(2, 3, 3)),
        random.normal(size=(2, 3, 5)),
    ),
    (mn.TransformerBlock(4, 2, 6, causal=True, rng=0), EMBEDDED, REAL),
    (mn.GRU(4, 2, 2, dropout=0.3, bidirectional=True, rng=0), EMBEDDED, random.normal(size=(4, 2, 2)), REAL),
    (mn.TransformerDecoderBlock(4, 2, 3, rng=0), EMBEDDED, EMBEDDED[::-1].copy()),
    (
        mn.TransformerDecoderBlock(4, 2, 3, 0.3, False, False, rng=0),
        EMBEDDED,
        EMBEDDED[:, :2].copy(),
        REAL,
        REAL[:, :2],
    ),
    (
        mn.Decoder(mn.TransformerDecoderBlock(4, 2, 3, rng=0), mn.Tanh(), mn.TransformerDecoderBlock(4, 2, 3, rng=1)),
        EMBEDDED,
        EMBEDDED[:, :2].copy(),
        REAL,
    ),
    (
        mn.EncoderDecoder(
            mn.GRU(4, 2, bidirectional=True, rng=0), mn.Decoder(mn.TransformerDecoderBlock(4, 1, 2, rng=1))
        ),
        EMBEDDED,
        EMBEDDED[:, :2].copy(),
        REAL,
    ),
    (mn.Select(1), EMBEDDED, REAL),
    (mn.PoolTime("mean"), EMBEDDED, REAL),
    (mn.PoolTime("max"), EMBEDDED, REAL),
    (mn.Sequential(mn.GRU(4, 3, rng=0), mn.PoolTime("last"), mn.Linear(3, 2, rng=0)), EMBEDDED, REAL),
    (
        mn.Sequential(mn.Embedding(5, 4, rng=0), mn.LSTM(4, 3, rng=1), mn.Linear(3, 2, rng=2)),
        np.array([[1, 3], [4, 0]]),
    ),
]
LOSSES = [
    (mn.CrossEntropyLoss(), P, LABELS),
    (mn.NLLLoss(), np.log(P), LABELS),
    (mn.SoftmaxCrossEntropyLoss(), X, LABELS),
    (mn.MSELoss(), X, P),
]
LOSSES += [
    (mn.L1Loss(), X, P),
    (mn.HuberLoss(0.7), X, P),
    (mn.SmoothL1Loss(0.7), X, P),
    (mn.BCELoss(), P, np.round(P, 1)),
    (mn.BCEWithLogitsLoss(), X, P),
    (mn.KLDivLoss(), np.log(P), P[::-1].copy()),
    (mn.HingeLoss(), X, np.sign(X)),
    (mn.MultiMarginLoss(), X, LABELS),
    (mn.SoftMarginLoss(), X, np.sign(X)),
    (mn.HingeEmbeddingLoss(0.7), X, np.sign(X)),
    (mn.MarginRankingLoss(0.1), (X, X[::-1].copy()), np.sign(X)),
    (mn.CosineEmbeddingLoss(0.1), (X, X[::-1].copy()), np.array([1, -1, -1, 1])),
    (mn.TripletMarginLoss(2.0), (X, X[::-1].copy(), X[[1, 0, 3, 2]]), LABELS),
    (mn.TripletMarginLoss(2.0, p=3, swap=True), (X, X[::-1].copy(), X[[1, 0, 3, 2]]), LABELS),
    (mn.GaussianNLLLoss(full=True), {"var": X * X + 0.1, "mean": X[::-1].copy()}, P),
    (mn.GaussianNLLLoss(reduction="sum"), (X, X[:, :1] ** 2 + 0.1), P),
    (mn.PoissonNLLLoss(), X, 3 * P),
    (mn.PoissonNLLLoss(log_input=False, full=True), P, 3 * P[::-1].copy()),
    (mn.CTCLoss(), mn.LogSoftmax().forward(random.normal(size=(2, 4, 3))), np.array([[1, 2, -1], [2, 2, -1]])),
    (
        mn.CTCLoss(2, reduction="sum"),
        mn.LogSoftmax().forward(random.normal(size=(2, 4, 3))),
        {"targets": np.array([[1, 0], [0, 0]]), "input_lengths": np.array([4, 3]), "target_lengths": np.array([2, 1])},
    ),
    (mn.CrossEntropyLoss([1, 2, 0.5], ignore_index=2, label_smoothing=0.1), P, LABELS),
    (mn.NLLLoss([1, 2, 0.5], ignore_index=2, label_smoothing=0.1), np.log(P), LABELS),
    (mn.SoftmaxCrossEntropyLoss([1, 2, 0.5], ignore_index=2, label_smoothing=0.1, reduction="sum"), X, LABELS),
    (mn.SoftmaxCrossEntropyLoss(reduction="none"), X, LABELS),
    (
        mn.MultiLoss({"a": mn.SoftmaxCrossEntropyLoss(), "b": mn.MSELoss(), "c": None}, weights={"b": 0.3}),
        {"c": X, "b": X, "a": X},
        {"a": LABELS, "b": 2 * X},
    ),
    (mn.MultiLoss([mn.MSELoss(), None, mn.SoftmaxCrossEntropyLoss()], [0, 1, 2]), (X, X, X), (X[::-1], LABELS)),
]
# What works on single numbers, or on rows: any number of leading axes goes, none included.
BY_NUMBER_OR_ROW = (
    *(mn.Linear, mn.Softmax, mn.LogSoftmax, mn.Dropout, mn.Identity, mn.RMSNorm),
    *(mn.ReLU, mn.Sigmoid, mn.Tanh, mn.LeakyReLU, mn.Hardtanh, mn.ELU, mn.CELU, mn.GELU, mn.SiLU, mn.Softplus),
    *(mn.Mish, mn.Hardswish, mn.Hardsigmoid, mn.Hardshrink, mn.Softshrink, mn.Threshold),
    *(mn.LogSigmoid, mn.Softsign, mn.Tanhshrink),
)
CONTAINERS = (mn.Sequential, mn.Residual, mn.Add, mn.Concat)
ROWWISE = [
    (layer, x)
    for layer, x in LAYERS
    if all(
        isinstance(k, CONTAINERS)
        or (isinstance(k, BY_NUMBER_OR_ROW) and not isinstance(k, (mn.Dropout2d, mn.DropPath)))
        for _, k in layer.named_layers()
    )
]


def name(value):
    return value.describe() if isinstance(value, mn.Layer) else "x".join(map(str, np.shape(first(value))))


def test_nothing_is_missing_from_the_lists():
    public = [getattr(mn, name) for name in mn.__all__]
    ours = {c for c in public if isinstance(c, type) and issubclass(c, mn.Layer)} - {mn.Layer, mn.Loss}
    assert {type(layer) for layer, *_ in LAYERS + OTHERS + SEVERAL + LOSSES} >= ours


@pytest.mark.parametrize(
    "case", LAYERS + OTHERS + SEVERAL + LOSSES, ids=lambda case: f"{name(case[0])}-{name(case[1])}"
)
def test_gradients_and_requirements(case):
    assert "every requirement met" in check_layer(*case)


@pytest.mark.parametrize(("layer", "x"), ROWWISE, ids=name)
@pytest.mark.parametrize("leading", [(), (1,), (2,), (2, 3), (2, 1, 3), (0, 2)])
def test_any_leading_axes(layer, x, leading):
    x = np.random.default_rng(1).normal(size=(*leading, x.shape[-1]))
    layer = pickle.loads(pickle.dumps(layer)).astype(np.float64).eval()
    rows = layer.forward(x.reshape(-1, x.shape[-1]))
    y = layer.forward(x)
    assert y.shape[:-1] == leading
    np.testing.assert_allclose(y.reshape(rows.shape), rows, rtol=1e-12)
    layer.train()
    dy = np.ones_like(layer.forward(x))
    assert layer.backward(dy).shape == x.shape


@pytest.mark.parametrize("leading", [(), (1,), (2, 3), (0,), (0, 2)])
@pytest.mark.parametrize("loss", [mn.CrossEntropyLoss(), mn.NLLLoss(), mn.SoftmaxCrossEntropyLoss()], ids=name)
def test_losses_take_any_leading_axes(loss, leading):
    generator = np.random.default_rng(2)
    scores = generator.normal(size=(*leading, 3))
    prediction = {mn.CrossEntropyLoss: mn.Softmax(), mn.NLLLoss: mn.LogSoftmax()}.get(type(loss), mn.Flatten)
    prediction = prediction.forward(scores) if isinstance(prediction, mn.Layer) else scores
    labels = generator.integers(0, 3, leading)
    value = loss.forward(prediction, labels)
    gradient = loss.backward()
    assert isinstance(value, float)
    assert gradient.shape == prediction.shape
    assert np.isfinite(gradient).all()
    if 0 in leading:
        assert value == 0.0
    else:
        rows = loss.forward(prediction.reshape(-1, 3), labels.reshape(-1))
        assert value == pytest.approx(rows, rel=1e-13)


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
@pytest.mark.parametrize("bad", [np.int64, np.uint8, np.float16, np.complex128, np.str_, bool])
def test_other_dtypes_are_refused_with_the_cure(layer, x, bad):
    cure = r"x\.astype\(np\.float32\)( / 256, or leave it to a DataLoader.*)?"
    with pytest.raises(TypeError, match=rf"(?m)float32.* got .*: pass {cure}$"):
        layer.forward(np.ones(x.shape).astype(bad))


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
def test_a_list_is_refused_with_the_cure(layer, x):
    with pytest.raises(TypeError, match=r"expected a NumPy array, got list: pass np\.asarray"):
        layer.forward(x.tolist())


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
@pytest.mark.parametrize("wrong", ["one more column", "one more row", "an axis less", "dtype", "list", "None"])
def test_a_wrong_gradient_is_refused_before_anything_changed(layer, x, wrong):
    layer = pickle.loads(pickle.dumps(layer)).astype(np.float64).train()
    dy = np.ones_like(layer.forward(x))
    bad = {
        "one more column": np.ones((*dy.shape[:-1], dy.shape[-1] + 1)),
        "one more row": np.ones((len(dy) + 1, *dy.shape[1:])),
        "an axis less": dy[0],
        "dtype": dy.astype(np.int64),
        "list": dy.tolist(),
        "None": None,
    }[wrong]
    for parameter in layer.parameters():
        parameter.grad[...] = 7
    for backward in (layer.backward, layer.accumulate_grad):
        with pytest.raises((ValueError, TypeError), match="expected"):
            backward(bad)
    assert all((parameter.grad == 7).all() for parameter in layer.parameters())


@pytest.mark.parametrize("case", LAYERS + LOSSES, ids=lambda case: name(case[0]))
def test_backward_before_forward_says_so(case):
    layer = pickle.loads(pickle.dumps(case[0]))
    arguments = [] if isinstance(layer, mn.Loss) else [np.ones((4, 3))]
    with pytest.raises(RuntimeError, match=r"backward\(\) before forward\(\): call forward first"):
        layer.backward(*arguments)
    layer.eval().forward(*[cast_tree(x, np.dtype(np.float32)) for x in case[1:]])
    with pytest.raises(RuntimeError, match=r"in eval mode nothing is kept\. Before backward\(\), call train\(\)"):
        layer.backward(*arguments)


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=name)
def test_threads_may_share_a_layer_in_eval_mode(layer, x):
    layer = pickle.loads(pickle.dumps(layer)).astype(np.float64).eval()
    inputs = [x * factor for factor in (1.0, 2.0, -1.0, 0.5)]
    expected = [layer.forward(x) for x in inputs]
    wrong = []

    def work(i):
        for _ in range(50):
            if not np.array_equal(layer.forward(inputs[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("case", LAYERS + LOSSES, ids=lambda case: name(case[0]))
def test_each_describes_itself_in_one_line(case):
    assert case[0].describe().startswith(type(case[0]).__name__ + "(")
    assert "\n" not in case[0].describe()
