"""A Reader reads a drawn digit with a model, says which pixels speak for a digit, learns, and forgets again."""

from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array, Labels
from minnet.core.layer import Layer
from minnet.core.probabilities import is_log_probabilities, is_probabilities
from minnet.data.mnist.synthetic import synthetic_digits
from minnet.errors import NonFiniteError
from minnet.layers import Flatten, Linear, LogSoftmax, Sequential, Softmax
from minnet.losses import CrossEntropyLoss, Loss, NLLLoss, SoftmaxCrossEntropyLoss
from minnet.optimizers import SGD

Pixels = NDArray[np.uint8]

DIGITS = 10
SHAPES = ((784,), (28, 28), (1, 28, 28))  # of a picture, as models take it
RATE = 0.01  # of a step on one digit: the notebook's, where it learns from one digit at a time


class Reading(NamedTuple):
    """What a model says of a picture: ten probabilities, and what each pixel adds to the score of one digit."""

    probabilities: Array
    digit: int
    speaks: Array


class Step(NamedTuple):
    """What a step of SGD changed: the ten probabilities, the loss, and each Parameter, by its path."""

    before: Array
    after: Array
    losses: tuple[float, float]
    changes: dict[str, Array]


class Reader:
    """Read pictures of 784 bytes with a model of ten outputs. Several threads may share a Reader.

    Layers behave as in eval mode all the time, also in a step: dropout drops nothing, and a batch of one digit moves no
    running statistics.

    Parameters
    ----------
    model
        Which takes pictures (N, 784), (N, 28, 28) or (N, 1, 28, 28), and returns (N, 10): probabilities, their
        logarithms, or scores. It belongs to the Reader from now on.
    start
        W₀, (784, 10), from which the training of a single matrix W began. Pixels then speak by what W has learned,
        (W − W₀) times the pixel; without it, by the slope of the score times the pixel, which is W times the pixel for
        a single matrix.

    Raises
    ------
    ValueError
        If the model takes other inputs, has other outputs, or returns NaN.
    """

    def __init__(self, model: Layer, start: Array | None = None) -> None:
        self.model, self.start, self.steps = model, start, 0
        trainable = [parameter for parameter in model.parameters() if parameter.trainable]
        model.train().freeze(statistics=True)
        for parameter in trainable:
            parameter.trainable = True
        self.shape, outputs = _tried(model)
        self.loss = _loss_of(outputs)
        self._scores = _without_softmax(model)
        self._optimizer = SGD(model.parameters(), lr=RATE)
        self._trained = model.state_dict()
        self._lock = Lock()

    @property
    def matrix(self) -> str | None:
        """The path of W, if the model is one matrix (784, 10) and nothing else that learns but a bias."""
        layers = list(self.model.layers) if isinstance(self.model, Sequential) else [self.model]
        linear = [layer for layer in layers if type(layer) is Linear]
        plain = all(type(layer) in (Flatten, Linear, Softmax, LogSoftmax) for layer in layers)
        if not plain or len(linear) != 1:
            return None
        return next(path for path, parameter in self.model.named_parameters() if parameter is linear[0].weight)

    def read(self, pixels: Pixels, digit: int | None = None) -> Reading:
        """Read a picture; `digit` says for which digit the pixels speak, by default for the most probable one."""
        x = self._input(pixels)
        with self._lock:
            probabilities = self._probabilities(x)
            digit = int(probabilities.argmax()) if digit is None else digit
            scores = self._scores.forward(x)
            slopes = self._scores.backward(np.eye(DIGITS, dtype=scores.dtype)[[digit]])
        slopes = slopes.reshape(-1) - (0 if self.start is None else self.start[:, digit])
        return Reading(probabilities, digit, slopes * x.reshape(-1))

    def learn(self, pixels: Pixels, digit: int) -> Step:
        """Do one step of SGD on one picture. If it diverges, it is undone, and that is a NonFiniteError."""
        x, target = self._input(pixels), np.array([digit])
        with self._lock, np.errstate(all="ignore"):
            kept = self.model.state_dict()
            try:
                step = self._step(x, target)
            except NonFiniteError:
                self.model.load_state_dict(kept)
                raise
            self.steps += 1
            changes: dict[str, Array] = {}
            for path, parameter in self.model.named_parameters():
                changes[path] = parameter.data - kept[path]
        return step._replace(changes=changes)

    def forget(self) -> None:
        """Undo all steps."""
        with self._lock:
            self.model.load_state_dict(self._trained)
            self.steps = 0

    def _step(self, x: Array, target: Labels) -> Step:
        before = self._probabilities(x)
        self._optimizer.zero_grad()
        first = self.loss.forward(self.model.forward(x), target)
        self.model.backward(self.loss.backward())
        self._optimizer.step()
        last = self.loss.forward(self.model.forward(x), target)
        after = self._probabilities(x)
        if not np.isfinite([*after, first, last]).all():
            raise NonFiniteError("the probabilities are NaN or infinite after this step")
        return Step(before, after, (first, last), {})

    def _input(self, pixels: Pixels) -> Array:
        return _as_input(self.model, pixels[None], self.shape)

    def _probabilities(self, x: Array) -> Array:
        """Return the ten probabilities, whatever the model's outputs are."""
        output: Array = self.model.forward(x)
        if isinstance(self.loss, NLLLoss):
            output = np.exp(output)
        elif isinstance(self.loss, SoftmaxCrossEntropyLoss):
            output = Softmax().forward(output)
        row: Array = output[0]
        return row


def _as_input(model: Layer, pictures: Pixels, shape: tuple[int, ...]) -> Array:
    """Scale pictures (N, 784) as the model expects them, and give them its shape."""
    scale = 1 if model.input_scale is None else model.input_scale
    x: Array = (pictures * np.float64(scale)).astype(model.dtype or np.float32)
    return x.reshape(-1, *shape)


def _tried(model: Layer) -> tuple[tuple[int, ...], Array]:
    """Return the shape of the pictures that a model takes, and what it says of some digits; ValueError if none fits."""
    pictures, found = synthetic_digits(16, rng=0)[0], []
    for shape in SHAPES:
        try:
            outputs = model.forward(_as_input(model, pictures, shape))
        except (TypeError, ValueError) as error:
            found.append(f"with inputs {shape}, {error}")
            continue
        if isinstance(outputs, np.ndarray) and outputs.shape == (16, DIGITS):
            if not np.isfinite(outputs).all():
                raise ValueError("its outputs are NaN or infinite: did its training diverge?")
            return shape, outputs
        given = f"{outputs.shape[1:]}" if isinstance(outputs, np.ndarray) else f"a {type(outputs).__name__}"
        found.append(f"with inputs {shape}, its output is {given}")
    raise ValueError(f"a model of 784, (28, 28) or (1, 28, 28) inputs and 10 outputs is needed: {found[0]}")


def _loss_of(outputs: Array) -> Loss:
    if is_probabilities(outputs):
        return CrossEntropyLoss()
    return NLLLoss() if is_log_probabilities(outputs) else SoftmaxCrossEntropyLoss()


def _without_softmax(model: Layer) -> Layer:
    """Return the part of a model that computes the scores: it shares the model's layers."""
    if isinstance(model, Sequential) and len(model) > 1 and isinstance(model.layers[-1], Softmax | LogSoftmax):
        part: Layer = model[:-1]
        return part
    return model
