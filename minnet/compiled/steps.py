"""CompiledSteps does many training steps in one call of compiled code: see `minnet.compiled.kernels`."""

import math
import threading
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.supported import BYTES, chain, replaceable
from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.data.epoch import Epoch
from minnet.data.loader import DataLoader
from minnet.losses import Loss
from minnet.optimizers import SGD, Optimizer
from minnet.optimizers.base import RISKY, keeps_finite
from minnet.saving.checkpoint import announce

Found = tuple[int, float, float]  # see kernels.train
Together = Callable[[Callable[[int], Found], Callable[[], None]], list[Found]]
Places = dict[int, tuple[int, dict[str, Any]]]  # of each Parameter's id: its place in the optimizer, and its group

FEW = 32  # a layer of up to so many outputs is faster by the kernels' loops than by BLAS
SECONDS = 0.05  # for one call, because Ctrl-C and the progress bar have to wait for its end
PATIENCE = 1.0  # seconds of compiling after which a message says so


class Done(NamedTuple):
    """What `CompiledSteps.run` did."""

    steps: int  # 0 if the next step is left to the layers' own methods
    samples: int
    loss_sum: float  # of losses times samples
    last_loss: float
    prediction: Array  # of all samples
    target: NDArray[Any]


class CompiledSteps:
    """The training steps of one `fit` by compiled code, many in a call.

    The results do not depend on how many steps a call does. They differ from those of the layers' methods in how sums
    are rounded. A step that needs the layers' checks is not done: the caller does it with the layers' methods, which
    see the same weights and raise the errors.

    Parameters
    ----------
    model, loss, optimizer, loader
        What to train with; `minnet.compiled.supported` has checked them.
    threads
        How many threads do a step together.

    Attributes
    ----------
    parts : tuple
        The model, loss and optimizer, by which the caller sees that a callback has replaced one.
    """

    def __init__(self, model: Layer, loss: Loss, optimizer: Optimizer, loader: DataLoader, threads: int) -> None:
        from minnet.compiled import kernels  # which takes half a second, and Numba

        import_module("scipy.linalg.cython_blas")  # before BLAS libraries are told how many threads to use
        layers, groups = chain(model), optimizer.param_groups
        grouped = [(parameter, group) for group in groups for parameter in group["params"]]  # as optimizer.parameters
        own = optimizer, {id(parameter): (i, group) for i, (parameter, group) in enumerate(grouped)}, kernels, threads
        few = [linear.weight.data.shape[1] <= FEW for linear, _ in layers]
        activations = [kernels.ACTIVATIONS[type(activation).__name__] for _, activation in layers]
        self.parts = model, loss, optimizer
        self._loss, self._optimizer, self._loader = loss, optimizer, loader
        self._kernels, self._threads = kernels, threads
        self._layout = np.array([few, activations]).T.copy()
        self._weights = [_Slot(linear.weight, turned, *own) for (linear, _), turned in zip(layers, few, strict=True)]
        self._biases = [_Slot(linear.bias or _no_bias(linear.weight), False, *own) for linear, _ in layers]
        self._slots = self._weights + self._biases
        self._widths = [layers[0][0].weight.data.shape[0], *(linear.weight.data.shape[1] for linear, _ in layers)]
        self._X, self._y, self._dtype = loader.X, loader.y, layers[0][0].weight.data.dtype
        self._made: tuple[int, list[Any]] = 0, []  # the number of rows of the buffers, and the buffers of each thread
        self._size = 1  # how many steps take about SECONDS
        self._checked = replaceable(*self.parts, loader)

    def compile(self) -> None:
        """Have the code compiled for data of this kind, or read from the disk; a message says so if that takes long."""
        if not self._is_unchanged():
            return
        hint = threading.Timer(PATIENCE, announce, ["compiling the training step (up to half a minute, but once) ..."])
        hint.daemon = True
        hint.start()
        try:
            self._train(lambda work, _: [work(0)], np.empty(0, np.int64), 0.0)
        finally:
            hint.cancel()

    def run(self, epoch: Epoch, together: Together, most: int, loss_sum: float) -> Done:
        """Do some of an epoch's next steps.

        Parameters
        ----------
        epoch
            The pass over the loader.
        together
            Called with two functions, work and fail: it calls work(0), work(1), … at the same time, each in a thread
            of its own, and returns what they return. If one raises an error, it calls fail(), which ends the others.
        most
            How many steps, at most.
        loss_sum
            The sum of losses, each times its samples, to add to.
        """
        begin = time.perf_counter()
        if epoch.X is not self._X or epoch.y is not self._y or not self._is_unchanged():
            return Done(0, 0, loss_sum, math.nan, np.empty(0), np.empty(0))
        rows = epoch.take(min(most, self._size))
        samples, loss_sum, last_loss, prediction = self._train(together, rows, loss_sum)
        steps = math.ceil(samples / self._loader.batch_size)
        if samples < len(rows):
            epoch.rewind(steps)
            self._size = max(1, steps)
        elif (took := time.perf_counter() - begin) > SECONDS:
            self._size = max(1, self._size // 2)
        elif took < SECONDS / 3 and steps == self._size:
            self._size *= 2
        if steps:
            for slot in self._slots:
                slot.parameter.zero_grad()  # they hold the gradients of an earlier step
        return Done(steps, samples, loss_sum, last_loss, prediction[:samples], self._y.take(rows[:samples], 0))

    def _is_unchanged(self) -> bool:
        """Whether no part has been replaced since the run began, and the kernels can write into the arrays."""
        if not all(slot.is_of(self._dtype) for slot in self._slots) or not keeps_finite(self._optimizer):
            return False
        return replaceable(*self.parts, self._loader) == self._checked

    def _train(self, together: Together, rows: NDArray[np.int64], loss_sum: float) -> tuple[int, float, float, Array]:
        """Call the compiled code, once for each thread."""
        kernels, threads, y = self._kernels, self._threads, self._y
        loss, size = kernels.LOSSES[type(self._loss).__name__], min(self._loader.batch_size, len(self._X))
        square = loss == kernels.MEAN_SQUARE
        data = kernels.Data(
            self._X.reshape(len(self._X), -1),
            np.float32(self._loader.scale) if self._X.dtype == BYTES else None,
            np.empty(0, np.int64) if square else y,
            y if square else np.empty((0, 0), self._dtype),
            rows,
            size,
        )
        arrays = [slot.arrays() for slot in self._slots]  # of weights before biases
        weights, biases = arrays[: len(self._weights)], arrays[len(self._weights) :]
        network = kernels.Network(
            kernels.Slots(*zip(*weights, strict=True)), kernels.Slots(*zip(*biases, strict=True)), self._layout, loss
        )
        tables = np.array([[slot.row() for slot in self._slots]] * threads)
        rule = kernels.Rule(kernels.SGD if isinstance(self._optimizer, SGD) else kernels.ADAM, tables, RISKY)
        shared = kernels.Shared(np.zeros(2, np.int64), np.empty((threads, 1 + 2 * len(weights))))
        prediction, buffers = np.empty((len(rows), self._widths[-1]), self._dtype), self._buffers(size // threads + 1)

        def work(thread: int) -> Found:
            found: Found = kernels.train(thread, data, network, rule, shared, buffers[thread], loss_sum, prediction)
            return found

        def fail() -> None:
            shared.barrier[1] = 1

        samples, loss_sum, last_loss = together(work, fail)[0]
        if samples:
            for slot, copies, row in zip(self._slots, arrays, tables[0], strict=True):
                slot.copy_back(copies, int(row[kernels.STEP]))
        return samples, loss_sum, last_loss, prediction

    def _buffers(self, rows: int) -> list[Any]:
        """Return each thread's buffers, which are made again only for another number of rows."""
        if rows != self._made[0]:
            pairs = [
                [tuple(_aligned((rows, width), self._dtype) for width in self._widths) for _ in range(2)]
                for _ in range(self._threads)
            ]
            self._made = rows, [self._kernels.Buffers(*pair) for pair in pairs]
        return self._made[1]


class _Slot:
    """A Parameter with its part of the optimizer's state, as the kernels take it."""

    def __init__(
        self,
        parameter: Parameter,
        transposed: bool,
        optimizer: Optimizer,
        places: Places,
        kernels: ModuleType,
        threads: int,
    ) -> None:
        self.parameter, self._transposed = parameter, transposed
        self._optimizer, self._kernels = optimizer, kernels
        self._place, self._group = places.get(id(parameter), (-1, {}))
        self._unused = np.empty((0,) * parameter.data.ndim, parameter.data.dtype)
        self._gradients = _aligned((threads, parameter.data.size), parameter.data.dtype)

    def is_of(self, dtype: np.dtype[Any]) -> bool:
        """Whether the kernels can write into the Parameter's array, and into those of the optimizer's state."""
        shape, arrays = self.parameter.data.shape, [self.parameter.data]
        if self._place >= 0:
            arrays += [entries[self._place] for entries in self._optimizer.state.values()]
        return all(
            array.dtype == dtype and array.shape == shape and array.flags.carray
            for array in arrays
            if isinstance(array, np.ndarray)
        )

    def row(self) -> list[float]:
        """Return the Parameter's row of the kernels' table."""
        group, state = self._group, self._optimizer.state
        if not self._is_trained():
            return [0.0] * self._kernels.COLUMNS
        decays = group["decay_biases"] or self.parameter.data.ndim > 1
        begins = "velocity" not in state or state["velocity"][self._place] is None
        if isinstance(self._optimizer, SGD):
            own = (group["momentum"], group["dampening"], group["nesterov"])
        else:
            own = (*group["betas"], group["eps"])
        return [
            1.0,
            state["step"][self._place],
            begins,
            group["lr"],
            group["weight_decay"] if decays else 0.0,
            group["decoupled_weight_decay"],
            *own,
        ]

    def arrays(self) -> tuple[Array, ...]:
        """Return the values, two arrays of the optimizer's state (zeros at first), and one for gradients."""
        found = [self.parameter.data]
        for name in self._names():
            array = self._optimizer.state[name][self._place] if name in self._optimizer.state else None
            found.append(np.zeros_like(self.parameter.data) if array is None else array)
        if self._transposed:
            found = [np.ascontiguousarray(array.T) for array in found]
        return (*found, *[self._unused] * (3 - len(found)), self._gradients)

    def copy_back(self, arrays: tuple[Array, ...], step: int) -> None:
        """Copy what the kernels wrote into these arrays to where it belongs; `step` is the Parameter's steps so far."""
        if not self._is_trained():
            return
        self._optimizer.state["step"][self._place] = step
        own = [self.parameter.data, *(self._optimizer.buffer(name, self._place) for name in self._names())]
        for to, array in zip(own, arrays, strict=False):
            if to is not array:
                to[...] = array.T if self._transposed else array

    def _is_trained(self) -> bool:
        return self._place >= 0 and self.parameter.trainable

    def _names(self) -> tuple[str, ...]:
        if not self._is_trained():
            return ()
        if isinstance(self._optimizer, SGD):
            return ("velocity",) if self._group["momentum"] else ()
        return ("mean", "square")


def _aligned(shape: tuple[int, int], dtype: np.dtype[Any]) -> Array:
    """Return an empty array that begins at a cache line, where vector instructions are 1.2 times as fast."""
    line, size = 64, math.prod(shape) * dtype.itemsize
    raw = np.empty(size + line, np.uint8)
    start = -raw.ctypes.data % line
    return raw[start : start + size].view(dtype).reshape(shape)


def _no_bias(weight: Parameter) -> Parameter:
    """Return the zeros that a layer without a bias adds, which no optimizer trains."""
    return Parameter(np.zeros(weight.data.shape[1]), weight.data.dtype)
