"""A tree is an array, or a tuple or a dict of arrays: what a model with several inputs or outputs takes and returns.

A tuple's arrays are told apart by their places, a dict's by their names. They are the tree's leaves; an array is its
own only leaf. There is one level: no tuple in a dict. Data in several arrays have one length, that of the batch.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from minnet.core.arrays import cast
from minnet.core.checks import named
from minnet.core.samples import as_data
from minnet.core.stored import Stored

T = TypeVar("T")
_KINDS = {"y": ("targets", "target a sample"), "s": ("weights", "weight a sample")}  # first letter of a name → words


def call(function: Callable[..., T], x: Any) -> T:
    """Call a model's `forward` with a tree: f(x) of an array, f(*x) of a tuple, f(**x) of a dict."""
    if type(x) is tuple:
        return function(*x)
    return function(**x) if type(x) is dict else function(x)


def leaves(tree: Any) -> list[Any]:
    """List the arrays of a tree."""
    if type(tree) is tuple:
        return list(tree)
    return list(tree.values()) if type(tree) is dict else [tree]


def first(tree: Any) -> Any:
    """Return the first array of a tree, whose length is that of the batch."""
    if type(tree) is tuple:
        return tree[0]
    return next(iter(tree.values())) if type(tree) is dict else tree


def named_leaves(name: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """Walk the arrays of a tree as (name, array), such as ``('X["tokens"]', ...)`` or ``("X[1]", ...)``."""
    if type(tree) is tuple:
        yield from ((f"{name}[{i}]", leaf) for i, leaf in enumerate(tree))
    elif type(tree) is dict:
        yield from ((f'{name}["{key}"]', leaf) for key, leaf in tree.items())
    else:
        yield name, tree


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return a tree of the same form, of what a function makes of each array."""
    if type(tree) is tuple:
        return tuple(map(function, tree))
    return {key: function(leaf) for key, leaf in tree.items()} if type(tree) is dict else function(tree)


def joined(function: Callable[[list[Any]], Any], trees: list[Any]) -> Any:
    """Return a tree of the form of the given ones, of what a function makes of the arrays that have one place."""
    if type(trees[0]) is tuple:
        return tuple(function(list(same)) for same in zip(*trees, strict=True))
    if type(trees[0]) is dict:
        return {key: function([tree[key] for tree in trees]) for key in trees[0]}
    return function(trees)


def taken(tree: Any, rows: Any) -> Any:
    """Return the rows of each array; `rows` is an index or a slice."""
    return mapped(lambda leaf: leaf[rows], tree)


def cast_tree(x: Any, dtype: "np.dtype[Any] | None") -> Any:
    """Convert floats to the model's dtype, in each array; leave integers and masks alone."""
    return cast(x, dtype) if type(x) is np.ndarray else mapped(lambda leaf: cast(leaf, dtype), x)


def as_tree(owner: str, name: str, data: Any, read: Callable[[str, str, Any], Any] = as_data) -> Any:
    """View data as a tree: a dict or a tuple of what `read` can read as arrays, or that itself.

    A tuple of numbers, or of tuples of numbers, is read as one array, as a list is. Raises as `as_data` does, and
    TypeError for a dict without arrays, or with a key that is no string.
    """
    if isinstance(data, dict):
        if not data or not all(isinstance(key, str) for key in data):
            got = "an empty dict" if not data else f"the key {next(k for k in data if not isinstance(k, str))!r}"
            raise TypeError(
                f"{owner} expected {name} to be an array, or a dict of arrays with names, got {got}: "
                f'pass such as {name}={{"image": ..., "table": ...}}; the model is called with these names'
            )
        return {key: read(owner, f'{name}["{key}"]', leaf) for key, leaf in data.items()}
    if isinstance(data, tuple) and any(map(_is_array, data)):
        return tuple(read(owner, f"{name}[{i}]", leaf) for i, leaf in enumerate(data))
    return read(owner, name, data)


def check_lengths(owner: str, arrays: list[tuple[str, Any]]) -> None:
    """Check that arrays with names have one length; a ValueError that names two of them which differ."""
    (name, one), length = arrays[0], len(arrays[0][1])
    for other_name, other in arrays:
        if len(other) != length:
            what, expected = _KINDS.get(other_name[0], ("samples", "length"))
            cure = "samples are along the first axis"
            if tuples := [known[:-3] for known, _ in arrays if known.endswith("[0]")]:
                cure += f"; a tuple is several arrays of them: pass np.stack({tuples[0]}) if its arrays are the samples"
            raise ValueError(
                f"{owner} got {length} samples in {name} and {len(other)} {what} in {other_name}: expected one "
                f"{expected}. {name} has shape {_shape(one)} and {other_name} {_shape(other)}: {cure}"
            )


def refuse_tree(owner: str, name: str, value: Any, cure: str) -> None:
    """Raise TypeError for a dict or a tuple of arrays, where one array is meant; `cure` says what is for several."""
    if isinstance(value, dict) or (isinstance(value, tuple) and any(map(_is_array, value))):
        got = f"a dict of {', '.join(map(repr, value))}" if isinstance(value, dict) else f"a tuple of {len(value)}"
        raise TypeError(f"{owner} expected {name} to be one array, got {got}: {cure}")


def describe(tree: Any) -> str:
    """Say which shapes a tree's arrays have."""
    if type(tree) is tuple:
        return f"({', '.join(map(_shape, tree))})"
    if type(tree) is dict:
        return "{" + ", ".join(f"{key!r}: {_shape(leaf)}" for key, leaf in tree.items()) + "}"
    return _shape(tree)


def _is_array(item: Any) -> bool:
    """Whether an item of a tuple is an array, or a list of arrays: then the tuple is a tree, and not one array."""
    if isinstance(item, list):
        return bool(item) and _is_array(item[0])
    return hasattr(item, "__array__") and bool(getattr(item, "ndim", 1))


def _shape(leaf: Any) -> str:
    return str(leaf.shape) if isinstance(leaf, np.ndarray | Stored) else named(leaf)
