"""The inputs of an exported model: their names, shapes and dtypes, which a trial run of the model finds."""

import inspect
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import FLOATS, cast, scaled
from minnet.core.layer import Layer
from minnet.core.trees import call, leaves, mapped
from minnet.layers import Graph
from minnet.layers.containers.sequential import takes_several
from minnet.onnx.writing.value import Size

BATCH, TIME = "batch", "time"
TRIED = (2, 1, 3, 4, 5, 8, 16, 32, 64, 128, 256)  # for sizes that may be any number, until the model takes one
BYTES, INTEGERS = np.dtype(np.uint8), np.dtype(np.int64)


class Input(NamedTuple):
    """One input: its name, its shape with the batch, its dtype, or None if the trial run is to find it; two samples."""

    name: str
    shape: tuple[Size, ...]
    dtype: "np.dtype[Any] | None"
    samples: NDArray[Any] | None = None


def read_inputs(model: Layer, input_shape: Any) -> Any:
    """Return the tree of inputs that `input_shape` describes (see `minnet.onnx.export`); TypeError if it is none."""
    if isinstance(input_shape, dict):
        return {str(name): _input(str(name), shape, model) for name, shape in input_shape.items()}
    if isinstance(input_shape, list | tuple) and any(map(np.ndim, input_shape)):
        names = _argument_names(model, len(input_shape))
        return tuple(_input(name, shape, model) for name, shape in zip(names, input_shape, strict=True))
    return _input("x", input_shape, model)


def try_inputs(model: Layer, inputs: Any) -> tuple[Any, Any]:
    """Run the model on two samples; return the tree of inputs, with their dtypes, and the output.

    An input whose dtype is not given is floats if the model takes them, and else integers, numbers of words. Of sizes
    that may be any number, some are tried.

    Raises
    ------
    TypeError, ValueError
        As the model's layers raise them, if there is no such input that it takes.
    """
    numbers = [np.dtype(model.dtype or np.float32), INTEGERS]
    choices = [
        [leaf.dtype] if leaf.dtype else [np.dtype(np.bool_), *numbers] if leaf.name.endswith("mask") else numbers
        for leaf in leaves(inputs)
    ]
    sizes = TRIED if any(isinstance(n, str | None) for leaf in leaves(inputs) for n in leaf.shape[1:]) else TRIED[:1]
    problem: Exception | None = None
    for size, dtypes in product(sizes, product(*choices)):
        known = _with(inputs, [leaf._replace(dtype=dtype) for leaf, dtype in zip(leaves(inputs), dtypes, strict=True)])
        try:
            with np.errstate(all="ignore"):
                return known, call(model.forward, mapped(partial(_samples, size, model), known))
        except (TypeError, ValueError) as error:  # a ValueError says more: floats where integers belong are a TypeError
            if problem is None or (isinstance(error, ValueError) and not isinstance(problem, ValueError)):
                problem = error
    assert problem is not None
    raise problem


def _input(name: str, shape: Any, model: Layer) -> Input:
    """Read one shape, or the samples that stand for it."""
    if not (isinstance(shape, np.ndarray) and shape.ndim):
        sizes = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
        names = [TIME if axis == 1 and len(sizes) <= 2 else f"{name}_{axis}" for axis in range(1, len(sizes) + 1)]
        return Input(name, (BATCH, *(_size(name, n, word) for n, word in zip(sizes, names, strict=True))), None)
    kinds = {"b": np.dtype(np.bool_), "i": INTEGERS, "u": INTEGERS, "f": np.dtype(model.dtype or shape.dtype)}
    dtype = BYTES if shape.dtype == BYTES else kinds.get(shape.dtype.kind)
    if dtype is None or (dtype.kind == "f" and dtype not in FLOATS):
        raise TypeError(
            f"mn.onnx.export expected {name} to be an array of numbers that a layer takes, got {shape.dtype}"
        )
    samples = np.resize(shape[:2], (2, *shape.shape[1:])) if len(shape) else None
    return Input(name, (BATCH, *shape.shape[1:]), dtype, samples)


def _size(name: str, size: Any, word: str) -> Size:
    """Return one size of an input's shape: a number, or a word if it may be any; `word` is for None."""
    if size is None:
        return word
    if isinstance(size, str) and size.isidentifier():
        return size
    if isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0:
        return int(size)
    raise TypeError(
        f"mn.onnx.export expected input_shape to be the shape of one sample, such as 784 or (1, 28, 28), got the size "
        f"{size!r} for {name}: a size is a number above 0, or None or a word for one that may be any number; of a "
        "model with several inputs, pass a tuple or a dict of shapes"
    )


def _argument_names(model: Layer, count: int) -> list[str]:
    """Return the names of a model's inputs, of which there are several: those in its forward, if it has any."""
    if isinstance(model, Graph) and isinstance(model.inputs, tuple) and len(model.inputs) == count:
        return list(model.inputs)
    arguments = list(inspect.signature(model.forward).parameters.values())
    names = [a.name for a in arguments if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD)]
    if len(names) >= count:
        return names[:count]
    return ["x", "mask"] if count == 2 and not takes_several(model) else [f"x_{i}" for i in range(1, count + 1)]


def _samples(size: int, model: Layer, leaf: Input) -> NDArray[Any]:
    """Return two samples for the trial run: the user's, or random numbers, words number 0, and masks of True."""
    if leaf.samples is not None:
        return cast(scaled(leaf.samples, model.input_scale), model.dtype)
    shape = tuple(n if isinstance(n, int) else size for n in (2, *leaf.shape[1:]))
    if leaf.dtype is None or leaf.dtype.kind == "f":
        return np.random.default_rng(0).normal(size=shape).astype(leaf.dtype or np.float32)
    samples = np.ones(shape, leaf.dtype) if leaf.dtype.kind == "b" else np.zeros(shape, leaf.dtype)
    return cast(scaled(samples, model.input_scale), model.dtype)


def _with(inputs: Any, items: list[Any]) -> Any:
    """Return items, one an input, in the form of the tree."""
    rest = iter(items)
    return mapped(lambda _: next(rest), inputs)
