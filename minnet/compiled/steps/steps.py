"""CompiledSteps does many training steps in one call of compiled code: see `minnet.compiled.steps.whole_steps`."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.steps.pace import SECONDS, Pace
from minnet.compiled.steps.supported import chain, replaceable
from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.data.epoch import Epoch
from minnet.data.loader import DataLoader
from minnet.losses import Loss
from minnet.optimizers import SGD, Optimizer
from minnet.optimizers.base import keeps_finite

Found = tuple[int, float, float]  # see whole_steps.train
Together = Callable[[Callable[[int], Found], Callable[[], None]], list[Found]]

FEW = 32  # a layer of up to so many outputs is faster by the kernels' loops than by BLAS
GROWTH = 16  # by how many times more steps a call may do than the one before it


class Done(NamedTuple):
    """What `CompiledSteps.run` did."""

    steps: int  # 0 if the next step is left to the layers' own methods
    samples: int
    weight: float  # of these samples, see `Loss.total_weight`
    loss_sum: float  # of losses times weights
    last_loss: float
    prediction: Array  # of all samples
    target: NDArray[Any]


class CompiledSteps:
    """The training steps of one `fit` by compiled code, many in a call.

    The results do not depend on how many steps a call does. They differ from those of the layers' methods in how sums
    are rounded. A step that needs the layers' checks is not done: the caller does it with the layers' methods, which
    see the same weights and raise the errors. `minnet.compiled.steps.supported` has checked what it is given.
    """

    def __init__(self, model: Layer, loss: Loss, optimizer: Optimizer, loader: DataLoader, threads: int) -> None:
        from minnet.compiled.foundation import kernels
        from minnet.compiled.foundation.blas import address
        from minnet.compiled.steps import whole_steps  # which takes half a second, and Numba

        layers, _ = chain(model)
        weights = [linear.weight for linear, _ in layers]
        self._X, self._y, self._dtype = loader.X, loader.y, weights[0].data.dtype
        self._widths = [len(weights[0].data), *(weight.data.shape[1] for weight in weights)]
        # A layer without a bias adds zeros, which no optimizer trains.
        zeros = [Parameter(np.zeros(width), self._dtype) for width in self._widths[1:]]
        biases = [linear.bias or zero for (linear, _), zero in zip(layers, zeros, strict=True)]
        few = [width <= FEW for width in self._widths[1:]]
        # For large layers, BLAS's own threads are at least as fast as halves of a batch, because the gradients of the
        # halves have to be added up.
        threads = threads if all(few) else 1
        turned = zip(weights + biases, [*few, *[False] * len(biases)], strict=True)
        self._slots = [_Slot(parameter, transposed, optimizer, threads) for parameter, transposed in turned]
        activations = [kernels.ACTIVATIONS[type(activation).__name__] for _, activation in layers]
        self._layers = np.array([self._widths[:-1], self._widths[1:], few, activations]).T.copy()
        self._blas = address(self._dtype)
        self._loss, self._optimizer, self._loader = loss, optimizer, loader
        self._weight = loss.total_weight(loader.y[:1])  # of a sample, the same for all
        self._code, self._threads = whole_steps, threads
        self._buffers: list[Array] = []
        self._size = 1  # how many steps take about SECONDS
        self._pace = Pace()
        self._replaceable = partial(replaceable, model, loss, optimizer, loader)
        self._checked = self._replaceable()

    def compile(self) -> None:
        """Have the code compiled, or read from the disk, by training on no sample."""
        if self._is_unchanged():
            self._train(None, np.empty(0, np.int64), 0.0)

    def run(self, epoch: Epoch, together: Together, most: int, loss_sum: float) -> Done:
        """Do some of an epoch's next steps, at most so many, and add their losses, each times its weight, to a sum.

        `together` is `ParallelSteps.together`: given work and fail, it calls work(0), work(1), … at the same time,
        each in a thread of its own. If one raises an error, it calls fail(), which ends the others.
        """
        begin = time.perf_counter()
        if epoch.X is not self._X or epoch.y is not self._y or not self._is_unchanged():
            return Done(0, 0, 0.0, loss_sum, math.nan, np.empty(0), np.empty(0))
        rows = epoch.take(min(most, self._size))
        alone = self._threads == 1 or self._pace.is_faster_alone()
        samples, loss_sum, last_loss, prediction = self._train(None if alone else together, rows, loss_sum)
        steps = math.ceil(samples / self._loader.batch_size)
        took = time.perf_counter() - begin
        self._pace.note(alone, steps, took)
        if samples < len(rows):
            epoch.rewind(steps)
            self._size = max(1, steps)
        elif took > SECONDS:
            self._size = max(1, self._size // 2)
        elif took < SECONDS / 3 and steps == self._size:
            self._size = int(self._size * min(SECONDS / 2 / max(took, 1e-9), GROWTH))
        if steps:
            for slot in self._slots:
                slot.parameter.zero_grad()  # they hold the gradients of an earlier step
        target = self._y.take(rows[:samples], 0)
        return Done(steps, samples, samples * self._weight, loss_sum, last_loss, prediction[:samples], target)

    def _is_unchanged(self) -> bool:
        """Whether no part has been replaced since the run began, and the kernels can write into the arrays."""
        if not all(slot.is_of(self._dtype) for slot in self._slots) or not keeps_finite(self._optimizer):
            return False
        return self._replaceable() == self._checked

    def _train(
        self, together: Together | None, rows: NDArray[np.int64], loss_sum: float
    ) -> tuple[int, float, float, Array]:
        """Call the compiled code, once for each thread; without `together`, this thread does the shares of all."""
        code, threads, X = self._code, self._threads, self._X
        size, outputs = min(self._loader.batch_size, len(X)), self._widths[-1]
        loss, y = code.LOSSES[type(self._loss).__name__], self._y.take(rows, 0)
        square = loss == code.MEAN_SQUARE
        labels = np.empty(0, np.int64) if square else y.astype(np.int64, copy=False)
        targets = np.ascontiguousarray(y, self._dtype) if square else np.empty((0, 0), self._dtype)
        source = np.array([X.ctypes.data, len(X), self._widths[0], X.itemsize])
        data = code.Data(source, float(self._loader.scale or 1), rows, labels, targets, size, float(self._weight))
        arrays = [slot.arrays() for slot in self._slots]  # of weights before biases
        places = np.array([[found[0].size, *(array.ctypes.data for array in found)] for found in arrays])
        network = code.Network(self._layers, places, loss, self._blas)
        tables = np.zeros((threads, len(arrays), code.COLUMNS))
        for i, slot in enumerate(self._slots):
            tables[:, i] = slot.row()
        rule = code.Rule(code.SGD if isinstance(self._optimizer, SGD) else code.ADAM, tables)
        sums = np.empty((threads, 1 + 2 * len(self._layers)))
        shared = code.Shared(np.zeros(2, np.int64), sums, self._places_to_work(size // threads + 1))
        prediction = np.empty((len(rows), outputs), self._dtype)

        def work(share: int, until: int | None = None) -> Any:
            last = share + 1 if until is None else until
            return code.train(share, last, data, network, rule, shared, loss_sum, prediction)

        def fail() -> None:
            shared.barrier[1] = 1

        samples, loss_sum, last_loss = work(0, threads) if together is None else together(work, fail)[0]
        if samples:
            for slot, copies, row in zip(self._slots, arrays, tables[0], strict=True):
                slot.copy_back(copies, int(row[code.STEP]))
        return samples, loss_sum, last_loss, prediction

    def _places_to_work(self, rows: int) -> NDArray[np.int64]:
        """Return where each thread has arrays of so many rows, for the layers' inputs and outputs, and their gradients.

        The arrays are made again only for another number of rows.
        """
        if not self._buffers or len(self._buffers[0]) != rows:
            self._buffers = [_aligned((rows, width), self._dtype) for width in self._widths * (2 * self._threads)]
        table = [[buffer.ctypes.data, buffer.shape[1]] for buffer in self._buffers]
        return np.array(table).reshape(self._threads, 2, len(self._widths), 2)


class _Slot:
    """A Parameter with its part of the optimizer's state, as the kernels take it."""

    def __init__(self, parameter: Parameter, transposed: bool, optimizer: Optimizer, threads: int) -> None:
        self.parameter, self._transposed, self._optimizer = parameter, transposed, optimizer
        self._alone = threads == 1
        # The Parameter's index and group in the optimizer, if it has them; an array where the optimizer needs none.
        grouped = ((p, group) for group in optimizer.param_groups for p in group["params"])
        places = ((i, group) for i, (p, group) in enumerate(grouped) if p is parameter)
        self._place, self._group = next(places, (-1, {}))
        self._unused = np.empty((0,) * parameter.data.ndim, parameter.data.dtype)
        self._gradients = [_aligned((1, parameter.data.size), parameter.data.dtype) for _ in range(threads)]

    def is_of(self, dtype: np.dtype[Any]) -> bool:
        """Whether the kernels can write into the Parameter's array, and into those of the optimizer's state."""
        shape, arrays = self.parameter.data.shape, [self.parameter.data]
        if self._place >= 0:
            arrays += [entries[self._place] for entries in self._optimizer.state.values()]
        arrays = [array for array in arrays if isinstance(array, np.ndarray)]  # None and numbers are not written to
        return all(array.dtype == dtype and array.shape == shape and array.flags.carray for array in arrays)

    def row(self) -> list[float]:
        """Return the Parameter's row of the kernels' table; of one that is not trained, a single zero."""
        group, state = self._group, self._optimizer.state
        if not self._is_trained():
            return [0.0]
        step, decays = state["step"][self._place], group["decay_biases"] or self.parameter.data.ndim > 1
        begins = "velocity" not in state or state["velocity"][self._place] is None
        decay = group["weight_decay"] if decays else 0.0
        if isinstance(self._optimizer, SGD):
            own = (group["momentum"], group["dampening"], group["nesterov"])
        else:
            own = (*group["betas"], group["eps"])
        plain = self._alone and isinstance(self._optimizer, SGD) and not group["momentum"]
        direct = plain and self.parameter.data.ndim > 1
        return [1.0, step, begins, direct, group["lr"], decay, group["decoupled_weight_decay"], *own]

    def arrays(self) -> tuple[Array, ...]:
        """Return the values, two arrays of the optimizer's state (zeros at first), and each thread's gradients."""
        found = [self.parameter.data]
        for name in self._names():
            array = self._optimizer.state[name][self._place] if name in self._optimizer.state else None
            found.append(np.zeros_like(self.parameter.data) if array is None else array)
        if self._transposed:
            found = [np.ascontiguousarray(array.T) for array in found]
        return (*found, *[self._unused] * (3 - len(found)), *self._gradients)

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
