"""A ResNet-18 and a BERT, built in PyTorch, are loaded from every kind of file, and trained on beside PyTorch."""

import re
from pathlib import Path

import numpy as np
import pytest
from pytorch import torch
from safetensors.torch import save_file

import minnet as mn

nn = torch.nn
PAGE = Path(__file__).parents[2] / "docs" / "from-pytorch-and-back.md"
HOW = {
    "zip": torch.save,
    "older": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "safetensors": lambda state, path: save_file(state, path),
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def of_the_page():
    """Return what the page "From PyTorch, and back" defines: the ResNet-18 of minnet's layers."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    namespace = {"mn": mn}
    exec(next(block for block in blocks if "def resnet18" in block), namespace)
    return namespace


class BasicBlock(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """With the names of torchvision's resnet18."""

    def __init__(self, width, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for i in range(4):
            before, out = width * 2 ** max(i - 1, 0), width * 2**i
            stage = nn.Sequential(BasicBlock(before, out, 1 if i == 0 else 2), BasicBlock(out, out, 1))
            setattr(self, f"layer{i + 1}", stage)
        self.fc = nn.Linear(8 * width, classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.self = nn.Module()
        for name in ("query", "key", "value"):
            setattr(self.self, name, nn.Linear(size, size))
        self.output = nn.Module()
        self.output.dense = nn.Linear(size, size)
        self.output.LayerNorm = nn.LayerNorm(size, eps=1e-12)

    def forward(self, x, mask):
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.self.query, self.self.key, self.self.value)
        )
        y = nn.functional.scaled_dot_product_attention(q, k, v, mask[:, None, None, :])
        return self.output.LayerNorm(x + self.output.dense(y.transpose(1, 2).flatten(2)))


class Block(nn.Module):
    def __init__(self, size, heads, hidden):
        super().__init__()
        self.attention = Attention(size, heads)
        self.intermediate = nn.Module()
        self.intermediate.dense = nn.Linear(size, hidden)
        self.output = nn.Module()
        self.output.dense = nn.Linear(hidden, size)
        self.output.LayerNorm = nn.LayerNorm(size, eps=1e-12)

    def forward(self, x, mask):
        x = self.attention(x, mask)
        y = self.output.dense(nn.functional.gelu(self.intermediate.dense(x)))
        return self.output.LayerNorm(x + y)


class Bert(nn.Module):
    """With the names of the most used one; token types are all the first."""

    def __init__(self, words=50, size=16, heads=4, hidden=32, layers=2, longest=12, classes=3):
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(words, size)
        self.embeddings.position_embeddings = nn.Embedding(longest, size)
        self.embeddings.LayerNorm = nn.LayerNorm(size, eps=1e-12)
        self.embeddings.register_buffer("position_ids", torch.arange(longest)[None])
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Block(size, heads, hidden) for _ in range(layers))
        self.pooler = nn.Module()
        self.pooler.dense = nn.Linear(size, size)
        self.classifier = nn.Linear(size, classes)

    def forward(self, words, mask):
        parts = self.embeddings
        x = parts.word_embeddings(words) + parts.position_embeddings(parts.position_ids[:, : words.shape[1]])
        x = parts.LayerNorm(x)
        for block in self.encoder.layer:
            x = block(x, mask)
        return self.classifier(torch.tanh(self.pooler.dense(x[:, 0])))


def bert(words=50, size=16, heads=4, hidden=32, layers=2, longest=12, classes=3):
    """Return the same of minnet's layers."""
    blocks = []
    for _ in range(layers):
        block = mn.TransformerBlock(size, heads, hidden, dropout=0.0, norm_first=False, activation=mn.GELU())
        block.attention_norm, block.network_norm = mn.LayerNorm(size, 1e-12), mn.LayerNorm(size, 1e-12)
        blocks.append(block)
    return mn.Sequential(
        embeddings=mn.Sequential(
            word_embeddings=mn.Embedding(words, size),
            position_embeddings=mn.LearnedPosition(longest, size),
            LayerNorm=mn.LayerNorm(size, 1e-12),
        ),
        encoder=mn.Sequential(layer=mn.Sequential(*blocks)),
        first=mn.Select(0),
        pooler=mn.Sequential(dense=mn.Linear(size, size), tanh=mn.Tanh()),
        classifier=mn.Linear(size, classes),
    )


INSIDE = {  # of a block: the name there, and the name here
    "attention.self": "attention",
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "network.0",
    "output.dense": "network.2",
    "output.LayerNorm": "network_norm",
}
BERT_NAMES = {"embeddings.position_ids": None} | {
    f"encoder.layer.{i}.{there}": f"encoder.layer.{i}.{here}" for i in range(2) for there, here in INSIDE.items()
}


def of_images(width=4, size=32, dtype=np.float64):
    """Return both ResNets, the names, and a batch."""
    page = of_the_page()
    theirs = ResNet(width, 10).to(torch.float64 if dtype is np.float64 else torch.float32)
    ours = page["resnet18"](width, 10).astype(dtype)
    random = np.random.default_rng(0)
    return theirs, ours, page["resnet_name"], (random.normal(size=(4, 3, size, size)).astype(dtype),)


def of_words(dtype=np.float64):
    """Return both BERTs, the names, and a batch."""
    theirs = Bert().to(torch.float64 if dtype is np.float64 else torch.float32)
    random = np.random.default_rng(0)
    mask = np.arange(9) < np.array([[9], [4], [7], [1]])
    return theirs, bert().astype(dtype), BERT_NAMES, (random.integers(0, 50, (4, 9)), mask)


NETWORKS = {"resnet": of_images, "bert": of_words}


def close(ours, theirs, bound):
    theirs = theirs.detach().numpy()
    assert np.abs(ours - theirs).max() <= bound * max(np.abs(theirs).max(), 1e-3)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_from_files(network, how, dtype, tmp_path):
    theirs, ours, names, batch = NETWORKS[network](dtype=dtype)
    theirs(*map(torch.tensor, batch))  # so that there are running statistics
    HOW[how](theirs.eval().state_dict(), tmp_path / "weights")
    mn.torch.load_state_dict(ours, tmp_path / "weights", rename=names)
    close(ours(*batch), theirs(*map(torch.tensor, batch)), 1e-6)
    state = mn.torch.state_dict(ours)
    back = mn.torch.to_torch(ours)
    close(ours(*batch), back(*map(torch.tensor, batch)), 1e-6)
    before = {path: array.data.tobytes() for path, array in ours.named_arrays()}
    for array in ours.parameters():
        array.data = np.zeros_like(array.data)
    mn.torch.load_state_dict(ours, state)
    assert {path: array.data.tobytes() for path, array in ours.named_arrays()} == before


def optimizers(name, ours, theirs):
    """Return minnet's and PyTorch's optimizer of the same options."""
    if name == "SGD":
        return (
            mn.SGD(ours.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3),
            torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3),
        )
    return mn.Adam(ours.parameters(), lr=1e-3), torch.optim.Adam(theirs.parameters(), lr=1e-3)


def train_beside(theirs, ours, names, batch, optimizer, bound):
    """Take ten steps with both from the same weights; losses, and then weights and statistics, agree."""
    mn.torch.load_state_dict(ours, theirs.state_dict(), rename=names, train=True)
    mine, other = optimizers(optimizer, ours, theirs.train())
    labels, loss = np.array([3, 0, 9, 2]) % (10 if len(batch) == 1 else 3), mn.SoftmaxCrossEntropyLoss()
    for _ in range(10):
        mine.zero_grad()
        value = loss(ours(*batch), labels)
        ours.backward(loss.backward())
        mine.step()
        other.zero_grad()
        expected = nn.functional.cross_entropy(theirs(*map(torch.tensor, batch)), torch.tensor(labels))
        expected.backward()
        other.step()
        assert abs(value - expected.item()) <= bound * max(expected.item(), 1)
    again = type(ours)(*ours.layers)
    again.layers = ours.layers
    trained = {path: array.data.copy() for path, array in ours.named_arrays()}
    mn.torch.load_state_dict(again, theirs.state_dict(), rename=names)
    for path, array in ours.named_arrays():
        assert np.abs(trained[path] - array.data).max() <= bound * max(np.abs(array.data).max(), 1e-3), path


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("network", NETWORKS)
def test_ten_steps_beside_pytorch(network, optimizer):
    train_beside(*NETWORKS[network](), optimizer, bound=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_ten_steps_of_a_resnet_18_of_full_width(optimizer):
    train_beside(*of_images(width=64, size=64), optimizer, bound=1e-5)


@pytest.mark.filterwarnings("ignore")  # of PyTorch's exporter
@pytest.mark.parametrize("network", NETWORKS)
def test_through_onnx_and_back(network, tmp_path):
    """PyTorch writes ONNX, minnet reads it, and makes a module of it again."""
    pytest.importorskip("onnx", reason="the extra onnx is not installed")
    theirs, _, _, batch = NETWORKS[network](dtype=np.float32)
    tensors = tuple(map(torch.tensor, batch))
    theirs(*tensors)  # so that there are running statistics
    torch.onnx.export(theirs.eval(), tensors, tmp_path / "m.onnx", dynamo=False, opset_version=17)
    model = mn.onnx.load(tmp_path / "m.onnx")
    close(model(*batch), theirs(*tensors), 1e-6)
    close(model(*batch), mn.torch.to_torch(model)(*tensors), 1e-6)
