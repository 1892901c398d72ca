"""Networks in PyTorch as people write them, to be exported, read and trained beside each other."""

import contextlib
import io
import logging
import math
import warnings

from pytorch import torch

nn, functional = torch.nn, torch.nn.functional


class Block(nn.Module):
    """Two convolutions and a way around them, as torchvision's BasicBlock."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        around = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + around)


class ResNet18(nn.Module):
    """ResNet-18, of which the first block has `width` channels (64 in the paper)."""

    def __init__(self, width=64, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for i, (inputs, outputs, stride) in enumerate(((1, 1, 1), (1, 2, 2), (2, 4, 2), (4, 8, 2)), 1):
            blocks = Block(inputs * width, outputs * width, stride), Block(outputs * width, outputs * width)
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8 * width, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Encoder(nn.Module):
    """Embeddings, positions, and PyTorch's own encoder."""

    def __init__(self, size=16, dropout=0.0):
        super().__init__()
        self.tokens = nn.Embedding(30, size)
        self.positions = nn.Embedding(20, size)
        self.norm = nn.LayerNorm(size)
        layer = nn.TransformerEncoderLayer(size, 2, 32, dropout, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(size, 3)

    def forward(self, ids, mask=None):
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.tokens(ids) + self.positions(places))
        return self.head(self.encoder(x, src_key_padding_mask=mask)[:, 0])


class Bert(nn.Module):
    """Attention written by hand, as in Hugging Face's models."""

    def __init__(self, size=16, heads=2):
        super().__init__()
        self.heads, self.size = heads, size
        self.embeddings = nn.Embedding(30, size)
        self.query, self.key, self.value, self.output = (nn.Linear(size, size) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.up, self.down = nn.Linear(size, 32), nn.Linear(32, size)
        self.classifier = nn.Linear(size, 3)

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, self.size // self.heads).permute(0, 2, 1, 3)

    def forward(self, ids):
        x = self.embeddings(ids)
        query, key, value = (self.split(part(x)) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(-1, -2) / math.sqrt(self.size // self.heads)
        y = (torch.softmax(scores, -1) @ value).permute(0, 2, 1, 3).reshape(x.shape)
        x = self.norm1(x + self.output(y))
        return self.classifier(self.norm2(x + self.down(functional.gelu(self.up(x)))).mean(1))


def export(module, inputs, path, dynamo, axes=None, **options):
    """Export a module with one of PyTorch's two exporters; `axes` is, for each input, axis → the name of its size."""
    names = [f"x{i}" for i in range(len(inputs))]
    if dynamo:
        shapes = None if axes is None else tuple({i: torch.export.Dim(n) for i, n in one.items()} for one in axes)
        options |= {"dynamic_shapes": shapes, "verbose": False}
    else:
        options |= {"dynamic_axes": dict(zip(names, axes or (), strict=False)), "input_names": names}
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(module, inputs, path, dynamo=dynamo, **options)
    finally:
        logging.disable(before)
