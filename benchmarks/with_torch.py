"""PyTorch on the CPU, eager: the usual loop, on as many threads as there are cores, and two other idioms."""

import itertools
import os
from collections.abc import Callable, Iterator

import numpy as np
import torch
from rounds import Call
from torch import nn
from works import HEADS, Data, Weights, Work, initial_weights, shuffled

torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def contenders(work: Work, data: Data, remark: Callable[[str], None]) -> list["Torch"]:
    """Return PyTorch's ways to do a work."""
    found = [Torch("PyTorch", work, data)]
    if work.key in ("W1", "W3"):
        found.append(WithDataLoader("PyTorch, DataLoader", work, data))
    if work.model == "convolution":
        found.append(ChannelsLast("PyTorch, channels last", work, data))
    return found


def predictors(weights: Weights, x: np.ndarray, remark: Callable[[str], None]) -> list[Call]:
    """Return PyTorch's way to map one image to probabilities."""
    model, image = nn.Sequential(dense(weights), nn.Softmax(dim=-1)).eval(), torch.from_numpy(x)

    @torch.inference_mode()
    def predict() -> torch.Tensor:
        return model(image)

    return [Call("PyTorch", predict)]


class Torch:
    """The usual loop. A batch is gathered by indexing with a slice of the epoch's order, which is the fast way."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        self.name = name
        self.work = work
        self.X, self.y = torch.from_numpy(data.X), torch.from_numpy(data.y)
        self.rows = shuffled(len(self.X), work.batch_size, torch.from_numpy)
        self.model = MODELS[work.model](work)
        self.optimizer = getattr(torch.optim, work.optimizer)(self.model.parameters(), lr=work.lr)

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield one batch after the other."""
        for rows in self.rows:
            yield self.X[rows], self.y[rows]

    def run(self, steps: int) -> None:
        """Do so many steps."""
        for x, y in itertools.islice(self.batches(), steps):
            self.optimizer.zero_grad()
            scores = self.model(x)
            loss = nn.functional.cross_entropy(scores.flatten(0, -2), y.flatten())
            loss.backward()
            self.optimizer.step()

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the model's outputs."""
        with torch.inference_mode():
            return self.model(torch.from_numpy(X)).numpy()


class WithDataLoader(Torch):
    """PyTorch's own DataLoader, as in its tutorials: it reads single samples and stacks them."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        torch.manual_seed(0)
        dataset = torch.utils.data.TensorDataset(self.X, self.y)
        loader = torch.utils.data.DataLoader(dataset, work.batch_size, shuffle=True)
        self.stream = itertools.chain.from_iterable(itertools.repeat(loader))

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield one batch after the other."""
        return self.stream


class ChannelsLast(Torch):
    """Images and weights in the memory order (N, H, W, C), in which PyTorch's CPU convolutions are faster."""

    def __init__(self, name: str, work: Work, data: Data) -> None:
        super().__init__(name, work, data)
        as_images, *layers = self.model
        self.model = nn.Sequential(as_images, ToChannelsLast(), *layers).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=work.lr)


class ToChannelsLast(nn.Module):
    """Change the memory order of images, and nothing else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map x to x."""
        return x.contiguous(memory_format=torch.channels_last)


class LastStep(nn.Module):
    """Keep what a recurrent layer returns for the last step."""

    def forward(self, outputs: tuple[torch.Tensor, object]) -> torch.Tensor:
        """Map ((N, T, H), state) to (N, H)."""
        return outputs[0][:, -1]


def dense(weights: Weights) -> nn.Module:
    """Return Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for W, b in weights:
        layers += [_linear(W, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def convolution(work: Work) -> nn.Module:
    """Return two convolutions, each with ReLU and a pooling, and a Linear layer."""
    layers: list[nn.Module] = [nn.Unflatten(-1, (1, 28, 28))]
    *kernels, (W, b) = initial_weights(work)
    for kernel, bias in kernels:
        conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
        _fill(conv, kernel, bias)
        layers += [conv, nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), _linear(W, b))


def lstm(work: Work) -> nn.Module:
    """Return an LSTM, and a Linear layer that reads its last step."""
    torch.manual_seed(0)
    inputs, hidden, classes = work.sizes
    return nn.Sequential(nn.LSTM(inputs, hidden, batch_first=True), LastStep(), nn.Linear(hidden, classes))


def transformer(work: Work) -> nn.Module:
    """Return two transformer blocks, and a Linear layer that reads every token."""
    torch.manual_seed(0)
    width, hidden, classes = work.sizes
    blocks = [
        nn.TransformerEncoderLayer(width, HEADS, hidden, dropout=0.0, batch_first=True, norm_first=True)
        for _ in range(2)
    ]
    return nn.Sequential(*blocks, nn.Linear(width, classes))


def _linear(W: np.ndarray, b: np.ndarray) -> nn.Linear:
    linear = nn.Linear(*W.shape)
    _fill(linear, W.T, b)
    return linear


def _fill(module: nn.Module, weight: np.ndarray, bias: np.ndarray) -> None:
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weight))
        module.bias.copy_(torch.tensor(bias))


MODELS = {
    "dense": lambda work: dense(initial_weights(work)),
    "convolution": convolution,
    "lstm": lstm,
    "transformer": transformer,
}


def gradients_of_convolutions(work: Work, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Return the gradients of the mean loss of a batch, weights as (out, everything else), for `--check`."""
    model = convolution(work)
    nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y)).backward()
    return [p.grad.numpy().reshape(len(p), -1) if p.ndim == 4 else p.grad.numpy() for p in model.parameters()]
