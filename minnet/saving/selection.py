"""A selection is the part of a file's arrays that is loaded, under the names that the model has for them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from minnet.errors import CheckpointError
from minnet.saving.messages import brief, listed

Arrays = Mapping[str, NDArray[Any]]
Rename = Mapping[str, str | None] | Callable[[str], str | None]


class Selection(NamedTuple):
    """Arrays by the names that the model should have for them, and the names in the file of those that are left out."""

    arrays: dict[str, NDArray[Any]]
    left_out: list[str]


def select(arrays: Arrays, prefix: str = "", rename: Rename | None = None) -> Selection:
    """Select arrays by their names, as `load` describes.

    Raises TypeError if `prefix` or `rename` is of another type, CheckpointError if a part that they name is not in the
    file, or if two arrays get one name.
    """
    new_name = _renaming(rename)
    selected: dict[str, NDArray[Any]] = {}
    left_out: list[str] = []
    was: dict[str, str] = {}
    parts = _under(arrays, prefix)
    for name, array in arrays.items():
        new = new_name(parts[name]) if name in parts else None
        if new is None:
            left_out.append(name)
            continue
        if not isinstance(new, str):
            raise TypeError(f"load expected rename to return a name or None, got {new!r} for {name!r}")
        if new in selected:
            raise CheckpointError(f"two arrays would be called {brief(new)}: {brief(was[new])} and {brief(name)}")
        selected[new], was[new] = array, name
    if isinstance(rename, Mapping):
        _check_used(rename, parts.values())
    return Selection(selected, left_out)


def _under(arrays: Arrays, prefix: str) -> dict[str, str]:
    """Return the names below a prefix, as name → what follows."""
    if not isinstance(prefix, str):
        raise TypeError(f"load expected prefix to be a string, such as 'layers[0]', got {type(prefix).__name__}")
    parts = {name: part for name in arrays if (part := _below(name, prefix)) is not None}
    if prefix and not parts:
        known = ", ".join(listed(list(arrays)[:5])) or "none"
        raise CheckpointError(f"none of its arrays has a name below the prefix {prefix!r}; the first are {known}")
    return parts


def _below(name: str, prefix: str) -> str | None:
    """Return what follows a prefix, which ends where the name of a layer does; None if the name does not begin so."""
    if not prefix:
        return name
    if not name.startswith(prefix):
        return None
    rest = name[len(prefix) :]
    if prefix.endswith(".") or not rest:
        return rest or None
    return rest.removeprefix(".") if rest[0] in ".[" else None


def _renaming(rename: Rename | None) -> Callable[[str], Any]:
    """Return a function that renames."""
    if rename is None:
        return lambda name: name
    if isinstance(rename, Mapping):
        _check_names(rename)
        return lambda name: renamed(name, rename)
    if callable(rename):
        return rename
    raise TypeError(
        f"load expected rename to be a dict of old and new names, or a function, got {type(rename).__name__}"
    )


def renamed(name: str, rename: Mapping[str, str | None]) -> str | None:
    """Return the new name of an array, by its own name in the dict, or by the longest path of a layer around it."""
    if name in rename:
        return rename[name]
    for old in sorted(rename, key=len, reverse=True):
        if (rest := _below(name, old)) is not None:
            new = rename[old]
            if new is None or not new or new.endswith(".") or rest.startswith("["):
                return None if new is None else new + rest
            return f"{new}.{rest}"
    return name


def _check_names(rename: Mapping[str, str | None]) -> None:
    for old, new in rename.items():
        if not (isinstance(old, str) and old and isinstance(new, str | None)):
            raise TypeError(f"load expected rename to map names to names, or to None, got {old!r}: {new!r}")


def _check_used(rename: Mapping[str, str | None], names: Any) -> None:
    """Raise CheckpointError if an entry renames nothing: it is probably misspelt."""
    names = list(names)
    for old in rename:
        if not any(_below(name, old) is not None or name == old for name in names):
            known = ", ".join(listed(names[:5]))
            raise CheckpointError(f"rename has {old!r}, which is no name in the file; the first are {known}")
