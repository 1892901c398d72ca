"""Networks that PyTorch's two exporters wrote are read, compute the same, and are trained beside the original."""

import copy

import numpy as np
import pytest

import minnet as mn

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="onnxscript, of PyTorch's newer exporter, is not installed")

import torch
from torch_networks import Bert, Encoder, ResNet18, export

EXPORTERS = pytest.mark.parametrize("dynamo", [False, True], ids=["older", "newer"])
# Exported to be trained on: BatchNorm stays by itself, where it would be made a part of the convolution before it.
TO_TRAIN = {
    False: {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False},
    True: {"optimize": False},
}
TOKENS = ({0: "batch", 1: "time"},)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def images(rng, count, size=32):
    return [(rng.normal(size=(count, 3, size, size)).astype(np.float32),) for _ in range(10)]


def sentences(rng, count=3, length=7):
    return [(rng.integers(0, 30, (count, length)),) for _ in range(10)]


OPTIMIZERS = {
    "sgd": (lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9), lambda p: mn.SGD(p, lr=0.05, momentum=0.9)),
    "adam": (lambda p: torch.optim.Adam(p, lr=1e-3), lambda p: mn.Adam(p, lr=1e-3)),
}


def trained_beside(module, model, batches, classes, optimizer, bound):
    """Train both for ten steps on the same batches; compare each output and loss, and what they predict in the end.

    It is in float64, because the roundings of float32, which differ from processor to processor, grow with each step.
    """
    module, model = module.double(), model.astype(np.float64)
    rng = np.random.default_rng(1)
    theirs, ours = (make(p.parameters()) for make, p in zip(OPTIMIZERS[optimizer], (module, model), strict=True))
    loss = mn.SoftmaxCrossEntropyLoss()
    first = None
    for x in batches:
        target = rng.integers(0, classes, len(x[0]))
        xs = [a.astype(model.dtype) if a.dtype.kind == "f" else a for a in x]
        output = module(*map(torch.tensor, xs))
        value = torch.nn.functional.cross_entropy(output, torch.tensor(target))
        theirs.zero_grad()
        value.backward()
        theirs.step()
        y = model.forward(*xs)
        mine = loss.forward(y, target)
        ours.zero_grad()
        model.backward(loss.backward())
        ours.step()
        np.testing.assert_allclose(y, output.detach().numpy(), rtol=bound, atol=bound)
        assert mine == pytest.approx(value.item(), rel=bound)
        first = first if first is not None else y
    with torch.no_grad():
        expected = module.eval()(*map(torch.tensor, xs)).numpy()
    np.testing.assert_allclose(model.eval().forward(*xs), expected, rtol=2 * bound, atol=2 * bound)


def resnet(dynamo, width, size, tmp_path, optimizer, bound, dtype=np.float32):
    module = ResNet18(width).train()
    x = torch.randn(4, 3, size, size)
    export(module, (x,), tmp_path / "m.onnx", dynamo, ({0: "batch"},), **TO_TRAIN[dynamo])
    model = mn.onnx.load(tmp_path / "m.onnx", train=True).astype(dtype)
    assert sum(p.data.size for p in model.parameters()) == sum(p.numel() for p in module.parameters())
    module.to(torch.float64 if dtype == np.float64 else torch.float32)
    batches = images(np.random.default_rng(0), 4, size)
    trained_beside(module, model, batches, 10, optimizer, bound)
    return model


@pytest.mark.slow
@EXPORTERS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_small_resnet18_learns_the_same(dynamo, optimizer, tmp_path):
    model = resnet(dynamo, 4, 64, tmp_path, optimizer, 1e-9, np.float64)
    assert type(model) is mn.Graph
    assert "layer3_0_downsample_1" in model.layers.names or dynamo


@pytest.mark.slow
@EXPORTERS
def test_resnet18_of_full_width_learns_the_same(dynamo, tmp_path):
    resnet(dynamo, 64, 64, tmp_path, "sgd", 1e-5, np.float64)


@pytest.mark.slow
@EXPORTERS
def test_a_resnet18_exported_to_predict(dynamo, tmp_path):
    module = ResNet18(4).eval()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    export(module, (torch.randn(2, 3, 64, 64),), tmp_path / "m.onnx", dynamo, ({0: "batch"},))
    model = mn.onnx.load(tmp_path / "m.onnx")
    x = np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype(np.float32)
    with torch.no_grad():
        np.testing.assert_allclose(model.forward(x), module(torch.tensor(x)).numpy(), rtol=1e-5, atol=1e-5)
    assert not any(isinstance(layer, mn.BatchNorm2d) for layer in model)  # it is a part of the convolutions


@pytest.mark.slow
@EXPORTERS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", [Encoder, Bert])
def test_encoders_learn_the_same(kind, dynamo, optimizer, tmp_path):
    module = kind().train()
    axes = TOKENS if kind is Bert or not dynamo else ({0: "batch"},)
    export(copy.deepcopy(module).eval(), (torch.randint(0, 30, (3, 7)),), tmp_path / "m.onnx", dynamo, axes)
    model = mn.onnx.load(tmp_path / "m.onnx", train=True)
    trained_beside(module, model, sentences(np.random.default_rng(0)), 3, optimizer, 1e-5)


@pytest.mark.slow
@EXPORTERS
def test_an_encoder_with_a_mask_of_padding(dynamo, tmp_path):
    module = Encoder().eval()
    ids, mask = torch.randint(0, 30, (3, 7)), torch.zeros(3, 7, dtype=torch.bool)
    export(module, (ids, mask), tmp_path / "m.onnx", dynamo, TOKENS * 2)
    model = mn.onnx.load(tmp_path / "m.onnx")
    for length in (5, 9) if dynamo else (7,):  # the older exporter writes the length of PyTorch's own attention down
        ids = torch.randint(0, 30, (4, length))
        mask = torch.arange(length)[None] >= torch.tensor([[length], [2], [3], [4]])
        with torch.no_grad():
            expected = module(ids, mask).numpy()
        np.testing.assert_allclose(model.forward(ids.numpy(), mask.numpy()), expected, rtol=1e-5, atol=1e-5)
    mn.save(model, tmp_path / "m.safetensors")
    again = mn.load_model(tmp_path / "m.safetensors")
    assert np.array_equal(again.forward(ids.numpy(), mask.numpy()), model.forward(ids.numpy(), mask.numpy()))


@pytest.mark.slow
@EXPORTERS
def test_a_new_encoder_has_no_layers_in_common(dynamo, tmp_path):
    """The layers of a new encoder are copies of each other, of which the exporters store one, without biases of 0."""
    module = Encoder().eval()
    export(module, (torch.randint(0, 30, (3, 7)),), tmp_path / "m.onnx", dynamo, ({0: "batch"},))
    model = mn.onnx.load(tmp_path / "m.onnx")
    theirs = sum(p.numel() for p in module.parameters()) - 13 * 16 * dynamo  # the positions that 7 tokens do not use
    assert sum(p.data.size for p in model.parameters()) == theirs


@pytest.mark.slow
@EXPORTERS
def test_a_chain_becomes_a_sequential(dynamo, tmp_path):
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(64, 5), torch.nn.Softmax(-1),
    ).eval()  # fmt: skip
    export(module, (torch.randn(2, 1, 8, 8),), tmp_path / "m.onnx", dynamo, ({0: "batch"},))
    model = mn.onnx.load(tmp_path / "m.onnx")
    kinds = [mn.Conv2d, mn.ReLU, mn.MaxPool2d, mn.Flatten, mn.Linear, mn.Softmax]
    assert type(model) is mn.Sequential
    assert [type(layer) for layer in model] == kinds
    x = np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        np.testing.assert_allclose(model.forward(x), module(torch.tensor(x)).numpy(), rtol=1e-5, atol=1e-6)
    assert "365 parameters, 365 of them trainable" in mn.summary(model, (1, 8, 8))


@pytest.mark.slow
@EXPORTERS
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["plain", "stack"])
def test_recurrent_layers(dynamo, kind, options, tmp_path):
    class Reads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = getattr(torch.nn, kind)(5, 6, batch_first=True, **options)
            self.head = torch.nn.Linear(6 * (1 + bool(options)), 3)

        def forward(self, x):
            return self.head(self.rnn(x)[0][:, -1])

    module = Reads().eval()
    export(module, (torch.randn(4, 7, 5),), tmp_path / "m.onnx", dynamo, ({0: "batch"},))
    model = mn.onnx.load(tmp_path / "m.onnx", train=True)
    x = np.random.default_rng(0).normal(size=(3, 7, 5)).astype(np.float32)
    y = module(torch.tensor(x))
    np.testing.assert_allclose(model.forward(x), y.detach().numpy(), rtol=1e-5, atol=1e-6)
    y.sum().backward()
    model.backward(np.ones((3, 3), np.float32))
    total = sum(float(p.grad.sum()) for p in model.parameters())
    assert total == pytest.approx(sum(p.grad.sum().item() for p in module.parameters()), rel=1e-4)


@pytest.mark.slow
@EXPORTERS
def test_weights_of_normalizations_are_learned_if_pytorch_learns_them(dynamo, tmp_path):
    """Those in a Sequential, named by numbers, too; the ones and zeros that stand for no weights are not."""
    nn = torch.nn
    module = nn.Sequential(
        nn.Conv1d(3, 4, 2),
        nn.InstanceNorm1d(4, affine=True),
        nn.PReLU(4),
        nn.GroupNorm(2, 4),
        nn.BatchNorm1d(4, affine=False),
        nn.Flatten(),
        nn.Linear(28, 4),
        nn.LayerNorm(4, elementwise_affine=False),
        nn.LayerNorm(4),
    )
    export(module.train(), (torch.randn(2, 3, 8),), tmp_path / "m.onnx", dynamo, ({0: "batch"},), **TO_TRAIN[dynamo])
    model = mn.onnx.load(tmp_path / "m.onnx", train=True)
    assert sum(p.data.size for p in model.parameters()) == sum(p.numel() for p in module.parameters())
    batches = [(np.random.default_rng(i).normal(size=(3, 3, 8)).astype(np.float32),) for i in range(10)]
    trained_beside(module, model, batches, 4, "sgd", 1e-5)


@pytest.mark.slow
@EXPORTERS
def test_batch_norm_of_volumes(dynamo, tmp_path):
    module = torch.nn.Sequential(torch.nn.Conv3d(2, 3, 2), torch.nn.BatchNorm3d(3)).train()
    export(module, (torch.randn(2, 2, 4, 3, 3),), tmp_path / "m.onnx", dynamo, ({0: "batch"},), **TO_TRAIN[dynamo])
    assert type(mn.onnx.load(tmp_path / "m.onnx", train=True)[1]) is mn.BatchNorm3d


@pytest.mark.slow
@EXPORTERS
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_exported_to_train_on_learn_the_same(dynamo, kind, tmp_path):
    """Without folding of constants, the gates are put into ONNX's order by operators of the graph."""

    class Reads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.read = getattr(torch.nn, kind)(4, 3, 2, bidirectional=True, batch_first=True)
            self.head = torch.nn.Linear(6, 2)

        def forward(self, x):
            return self.head(self.read(x)[0].mean(1))

    module = Reads().train()
    export(module, (torch.randn(2, 5, 4),), tmp_path / "m.onnx", dynamo, ({0: "batch"},), **TO_TRAIN[dynamo])
    model = mn.onnx.load(tmp_path / "m.onnx", train=True)
    assert sum(p.data.size for p in model.parameters()) == sum(p.numel() for p in module.parameters())
    batches = [(np.random.default_rng(i).normal(size=(3, 5, 4)).astype(np.float32),) for i in range(10)]
    trained_beside(module, model, batches, 2, "sgd", 1e-5)
