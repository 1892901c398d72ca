"""CompiledSteps does many training steps in one call of compiled code: see `minnet.compiled.kernels`."""

import math
import threading
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.supported import BYTES, chain, parts
from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.data.epoch import Epoch
from minnet.data.loader import DataLoader
from minnet.losses import Loss
from minnet.optimizers import SGD, Optimizer
from minnet.optimizers.base import RISKY, keeps_finite
from minnet.saving.checkpoint import announce

Done = tuple[int, float, float]  # see kernels.train
Together = Callable[[Callable[[int], Done], Callable[[], None]], list[Done]]  # see ParallelSteps.together
Places = dict[int, tuple[int, dict[str, Any]]]  # of each Parameter's id: its place in the optimizer, and its group

FEW = 32  # outputs of a layer, up to which the kernels' loops are faster than BLAS
SECONDS = 0.05  # of one call: so long may Ctrl-C and the progress bar have to wait
PATIENCE = 1.0  # seconds of compiling after which one should say so


class CompiledSteps:
    """The training steps of one `fit`, many in a call: by the layers' formulas, but with sums that round otherwise.

    What is done does not depend on how many steps a call does. A step that the compiled code does not do, for it is
    out of the ordinary, is left to the Trainer, which sees the same weights, and knows what to say.

    Parameters
    ----------
    model, loss, optimizer
        What is trained; `minnet.compiled.supported` has checked that its steps can be compiled.
    loader
        Whose batches.
    threads
        How many threads do a step together.
    """

    def __init__(self, model: Layer, loss: Loss, optimizer: Optimizer, loader: DataLoader, threads: int) -> None:
        from minnet.compiled import kernels  # which takes half a second, and Numba

        import_module("scipy.linalg.cython_blas")  # or ParallelSteps could not tell its BLAS how many threads to use
        layers, groups = chain(model), optimizer.param_groups
        grouped = [(parameter, group) for group in groups for parameter in group["params"]]  # as optimizer.parameters
        own = optimizer, {id(parameter): (i, group) for i, (parameter, group) in enumerate(grouped)}, kernels
        few = [linear.weight.data.shape[1] <= FEW for linear, _ in layers]
        activations = [kernels.ACTIVATIONS[type(activation).__name__] for _, activation in layers]
        self._given = model, loss, optimizer, loader
        self._optimizer, self._loader, self._kernels = optimizer, loader, kernels
        self._layout = np.array([few, activations]).T.copy()
        self._loss: int = kernels.LOSSES[type(loss).__name__]
        self._weights = [_Slot(linear.weight, turned, *own) for (linear, _), turned in zip(layers, few, strict=True)]
        self._biases = [_Slot(linear.bias or _no_bias(linear.weight), False, *own) for linear, _ in layers]
        self._slots = self._weights + self._biases
        numbers = sum(slot.parameter.data.size for slot in self._slots)
        self._gradients = np.empty((threads, numbers), self._weights[0].parameter.data.dtype)
        self._X, self._y, self._dtype = loader.X, loader.y, self._weights[0].parameter.data.dtype
        self._size = 1  # how many steps take about SECONDS
        self._parts = parts(*self._given)

    def compile(self) -> None:
        """Have the code compiled for data of this kind, or read from the disk; say so, if that takes long."""
        if not self._is_as_it_was():
            return
        hint = threading.Timer(PATIENCE, announce, ["compiling the training step (up to half a minute, but once) ..."])
        hint.daemon = True
        hint.start()
        try:
            self._train(lambda work, _: [work(0)], np.empty(0, np.int64), 0.0)
        finally:
            hint.cancel()

    def run(
        self, epoch: Epoch, together: Together, most: int, loss_sum: float
    ) -> tuple[int, int, float, float, Array, NDArray[Any]]:
        """Do some of an epoch's next steps.

        Parameters
        ----------
        epoch
            Whose batches.
        together
            What runs a function in each thread: `ParallelSteps.together`.
        most
            How many steps, at most.
        loss_sum
            The sum of losses, each times its samples, to go on from.

        Returns
        -------
        steps, samples, loss_sum, last_loss, prediction, target
            How many steps were done, 0 if the next one is left to the Trainer; how many samples they learned from;
            the sum; the loss of the last step; predictions and targets of all steps.
        """
        loader, begin, nothing = self._loader, time.perf_counter(), np.empty(0)
        if epoch.X is not self._X or epoch.y is not self._y or not self._is_as_it_was():
            return 0, 0, loss_sum, math.nan, nothing, nothing
        rows = epoch.take(min(most, self._size))
        samples, loss_sum, loss, prediction = self._train(together, rows, loss_sum)
        steps = math.ceil(samples / loader.batch_size)
        if samples < len(rows):
            epoch.rewind(steps)
            self._size = max(1, steps)
        elif (took := time.perf_counter() - begin) > SECONDS:
            self._size = max(1, self._size // 2)
        elif took < SECONDS / 3 and steps == self._size:
            self._size *= 2
        if steps:
            for slot in self._slots:
                slot.parameter.zero_grad()  # what is there is of an earlier step
        return steps, samples, loss_sum, loss, prediction[:samples], self._y.take(rows[:samples], 0)

    def _is_as_it_was(self) -> bool:
        """Whether no part has been replaced since the run began, and the arrays are what the kernels take."""
        if not all(slot.is_of(self._dtype) for slot in self._slots) or not keeps_finite(self._optimizer):
            return False
        return parts(*self._given) == self._parts

    def _train(self, together: Together, rows: NDArray[np.int64], total: float) -> tuple[int, float, float, Array]:
        """Call the compiled code, once for each thread."""
        kernels, X, y = self._kernels, self._X, self._y
        parts = len(self._gradients)
        tables = np.array([[slot.row() for slot in self._slots]] * parts)
        weights, biases = (tuple(slot.arrays() for slot in slots) for slots in (self._weights, self._biases))
        outputs = biases[-1][0]
        prediction = np.empty((len(rows), outputs.size), outputs.dtype)
        square = self._loss == kernels.LOSSES["MSELoss"]
        meeting, sums = np.zeros(2, np.int64), np.empty((parts, 1 + 2 * len(weights)))

        def work(part: int) -> Done:
            found: Done = kernels.train(
                part,
                parts,
                meeting,
                sums,
                self._gradients,
                weights,
                biases,
                self._layout,
                tables,
                self._loss,
                kernels.SGD if isinstance(self._optimizer, SGD) else kernels.ADAM,
                X.reshape(len(X), -1),
                np.float32(self._loader.scale) if X.dtype == BYTES else None,
                np.empty(0, np.int64) if square else y,
                y if square else np.empty((0, 0), self._dtype),
                rows,
                min(self._loader.batch_size, len(X)),
                RISKY,
                total,
                prediction,
            )
            return found

        def give_up() -> None:
            meeting[1] = 1  # who waits there goes home

        samples, total, loss = together(work, give_up)[0]
        if samples:
            for slot, arrays, row in zip(self._slots, weights + biases, tables[0], strict=True):
                slot.take_over(arrays, int(row[kernels.STEP]))
        return samples, total, loss, prediction


class _Slot:
    """A Parameter, and what the optimizer has for it, as the kernels take it."""

    def __init__(
        self, parameter: Parameter, transposed: bool, optimizer: Optimizer, places: Places, kernels: ModuleType
    ) -> None:
        self.parameter, self._transposed = parameter, transposed
        self._optimizer, self._kernels = optimizer, kernels
        self._place, self._group = places.get(id(parameter), (-1, {}))
        self._nothing = np.empty((0,) * parameter.data.ndim, parameter.data.dtype)

    def is_of(self, dtype: np.dtype[Any]) -> bool:
        """Whether the Parameter, and all that is remembered of it, are arrays that the kernels can write into."""
        shape, arrays = self.parameter.data.shape, [self.parameter.data]
        if self._place >= 0:
            arrays += [kept[self._place] for kept in self._optimizer.state.values()]
        return all(
            array.dtype == dtype and array.shape == shape and array.flags.carray
            for array in arrays
            if isinstance(array, np.ndarray)
        )

    def row(self) -> list[float]:
        """Return its row of the kernels' table."""
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
        """Return the values, and up to two arrays that the optimizer remembers, of zeros if there are none yet."""
        found = [self.parameter.data]
        for name in self._names():
            array = self._optimizer.state[name][self._place] if name in self._optimizer.state else None
            found.append(np.zeros_like(self.parameter.data) if array is None else array)
        if self._transposed:
            found = [np.ascontiguousarray(array.T) for array in found]
        return (*found, *[self._nothing] * (3 - len(found)))

    def take_over(self, arrays: tuple[Array, ...], step: int) -> None:
        """Take over what the kernels wrote to these arrays, and how often the Parameter was trained."""
        if not self._is_trained():
            return
        self._optimizer.state["step"][self._place] = step
        own = [self.parameter.data, *(self._optimizer.buffer(name, self._place) for name in self._names())]
        for kept, array in zip(own, arrays, strict=False):
            if kept is not array:
                kept[...] = array.T if self._transposed else array

    def _is_trained(self) -> bool:
        return self._place >= 0 and self.parameter.trainable

    def _names(self) -> tuple[str, ...]:
        if not self._is_trained():
            return ()
        if isinstance(self._optimizer, SGD):
            return ("velocity",) if self._group["momentum"] else ()
        return ("mean", "square")


def _no_bias(weight: Parameter) -> Parameter:
    """Return the zeros that a layer without a bias adds, which no optimizer trains."""
    return Parameter(np.zeros(weight.data.shape[1]), weight.data.dtype)
