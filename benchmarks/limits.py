"""The limits of a training step: its matrix products alone, and its optimizer's passes over memory alone.

The products are those of forward and backward, of the same shapes and memory orders, one after the other, on arrays
that are made once. They are computed by NumPy's BLAS on one thread, on as many threads as it chooses, by two Python
threads with half of the batch each and one BLAS thread, and by PyTorch. No step that leaves its products to a library
can take less time. The update reads weights and gradients, and writes the weights.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from rivals import Remark, rival
from works import HEADS, LSTM_STEPS, TOKENS, Work

PREFIX = "limit: "


@dataclass(frozen=True)
class Product:
    """a @ b of (M, K) and (K, N), `times` times; `form` says which of them is a transposed view: "nn", "tn" or "nt"."""

    M: int
    K: int
    N: int
    form: str = "nn"
    batch_axis: str = "M"  # along which half of a batch is half of the product: "M", "K", "N" or "stack"
    times: int = 1
    stack: int = 0  # how many matrices one call multiplies; 0: two-dimensional arrays

    def half(self) -> "Product":
        """Return the product of half of the batch."""
        return replace(self, **{self.batch_axis: getattr(self, self.batch_axis) // 2})

    def arrays(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a, b, and an array for the result."""
        outer = (self.stack,) if self.stack else ()
        a = self._array(rng, outer, self.M, self.K, self.form[0])
        b = self._array(rng, outer, self.K, self.N, self.form[1])
        return a, b, np.empty((*outer, self.M, self.N), np.float32)

    @staticmethod
    def _array(rng: np.random.Generator, outer: tuple[int, ...], rows: int, columns: int, form: str) -> np.ndarray:
        if form == "t":
            return rng.random((*outer, columns, rows), np.float32).swapaxes(-1, -2)
        return rng.random((*outer, rows, columns), np.float32)


def linear(rows: int, inputs: int, outputs: int, backward: bool = True) -> Iterator[Product]:
    """Yield the products of a Linear layer: y = x @ W, dW = xᵀ @ dy, and, unless it reads the data, dx = dy @ Wᵀ."""
    yield Product(rows, inputs, outputs)
    yield Product(inputs, rows, outputs, "tn", "K")
    if backward:
        yield Product(rows, outputs, inputs, "nt")


def dense(work: Work) -> Iterator[Product]:
    """Yield the products of a dense network."""
    for i, (inputs, outputs) in enumerate(pairwise(work.sizes)):
        yield from linear(work.batch_size, inputs, outputs, backward=i > 0)


def convolution(work: Work) -> Iterator[Product]:
    """Yield the products of two convolutions of columns with the batch innermost, and of a Linear layer."""
    *channels, classes = work.sizes
    for i, (inputs, outputs) in enumerate(pairwise(channels)):
        columns = work.batch_size * (28 // 2**i) ** 2
        yield Product(outputs, 9 * inputs, columns, batch_axis="N")
        yield Product(9 * inputs, columns, outputs, "nt", "K")
        if i:
            yield Product(9 * inputs, outputs, columns, "tn", "N")
    yield from linear(work.batch_size, channels[-1] * 49, classes)


def lstm(work: Work) -> Iterator[Product]:
    """Yield the products of an LSTM, whose input, state and a one for the biases are multiplied together."""
    inputs, hidden, classes = work.sizes
    rows, joined, gates = work.batch_size, inputs + hidden + 1, 4 * hidden
    yield Product(rows, joined, gates, times=LSTM_STEPS)
    yield Product(rows, gates, hidden, "nt", times=LSTM_STEPS)
    yield Product(joined, rows * LSTM_STEPS, gates, "tn", "K")
    yield from linear(rows, hidden, classes)


def transformer(work: Work) -> Iterator[Product]:
    """Yield the products of two blocks, and of a Linear layer that reads every token."""
    width, hidden, classes = work.sizes
    rows, stack, d = work.batch_size * TOKENS, work.batch_size * HEADS, width // HEADS
    for _ in range(2):
        for inputs, outputs in ((width, width),) * 4 + ((width, hidden), (hidden, width)):
            yield from linear(rows, inputs, outputs)
        yield Product(TOKENS, d, TOKENS, "nt", "stack", 2, stack)  # Q Kᵀ, dA = do Vᵀ
        yield Product(TOKENS, TOKENS, d, "nn", "stack", 2, stack)  # A V, dQ = dS K
        yield Product(TOKENS, TOKENS, d, "tn", "stack", 2, stack)  # dV = Aᵀ do, dK = dSᵀ Q
    yield from linear(rows, width, classes)


PRODUCTS = {"dense": dense, "convolution": convolution, "lstm": lstm, "transformer": transformer}


def contenders(work: Work, parameters: list[int], remark: Remark) -> list["Limit"]:
    """Return the limits of a work whose Parameters have so many numbers each."""
    if work.batch_size == 1:
        return []
    products = list(PRODUCTS[work.model](work))
    found = [Limit("products, BLAS's threads", _numpy(products)), Limit("update, one pass", _update(parameters))]
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        remark("threadpoolctl is not installed: products on one thread are left out")
    else:
        blas = ThreadpoolController()
        found.insert(0, Limit("products, 1 BLAS thread", _numpy(products), blas))
        found.insert(2, Limit("products, 2 Python threads", _two_threads(products), blas))
    if (torch := rival("with_torch", remark)) is not None:
        found.insert(-1, Limit("products, PyTorch", _torch(products, torch.torch)))
    return found


class Limit:
    """A part of a step, again and again; with a `blas`, on one thread of it."""

    def __init__(self, name: str, step: Callable[[], None], blas: Any = None) -> None:
        self.name, self.step, self.blas = PREFIX + name, step, blas

    def run(self, steps: int) -> None:
        """Do so many."""
        with nullcontext() if self.blas is None else self.blas.limit(limits=1, user_api="blas"):
            for _ in range(steps):
                self.step()


def _numpy(products: list[Product]) -> Callable[[], None]:
    rng = np.random.default_rng(0)
    made = [(product.times, *product.arrays(rng)) for product in products]

    def step() -> None:
        for times, a, b, out in made:
            for _ in range(times):
                np.matmul(a, b, out)

    return step


def _two_threads(products: list[Product]) -> Callable[[], None]:
    halves = [product.half() for product in products]
    steps = _numpy(halves), _numpy(halves)
    pool = ThreadPoolExecutor(1)

    def step() -> None:
        other = pool.submit(steps[1])
        steps[0]()
        other.result()

    return step


def _torch(products: list[Product], torch: Any) -> Callable[[], None]:
    rng = np.random.default_rng(0)
    made = [(product.times, *map(torch.from_numpy, product.arrays(rng))) for product in products]

    def step() -> None:
        for times, a, b, out in made:
            for _ in range(times):
                torch.matmul(a, b, out=out)

    return step


def _update(parameters: list[int]) -> Callable[[], None]:
    """Return p −= g for each Parameter, which is the least that plain SGD reads and writes."""
    pairs = [(np.zeros(size, np.float32), np.zeros(size, np.float32)) for size in parameters]

    def step() -> None:
        for p, g in pairs:
            np.subtract(p, g, p)

    return step
