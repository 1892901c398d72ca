"""A YAML file, read with the line of each value, so that an error can say where it is."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from minnet.core.extras import require


class Section:
    """A mapping of a YAML file, of which each key is asked for once.

    Parameters
    ----------
    file
        The file's name.
    node
        PyYAML's node of the mapping.
    path
        Where it is in the file, such as ``questions[0]``; "" for the whole.
    """

    def __init__(self, file: str, node: Any, path: str = "") -> None:
        self._file, self._node, self._path = file, node, path
        if type(node).__name__ != "MappingNode":
            self._fail(node, path, "keys with values, such as 'class: Softplus'", node)
        self._nodes: dict[str, Any] = {}
        self._lines: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in self._nodes:
                raise ValueError(f"{file}, line {key.start_mark.line + 1}: {self._name(name)} is given twice")
            self._nodes[name], self._lines[name] = value, key
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text."""
        return str(self._one(key, str, "a text", default))

    def number(self, key: str, default: float | None = None) -> float:
        """Return a number of at least 0."""
        value = self._one(key, (int, float, str), "a number", default)
        if isinstance(value, str):  # YAML takes 1e-3 for a text
            try:
                value = float(value)
            except ValueError:
                self._fail(self._nodes[key], self._name(key), "a number", value)
        if isinstance(value, bool) or not value >= 0:
            self._fail(self._nodes[key], self._name(key), "a number of at least 0", value)
        return float(value)

    def value(self, key: str, default: Any = None) -> Any:
        """Return whatever there is, as Python's lists, dicts, numbers and texts."""
        self._asked.add(key)
        return _plain(self._nodes[key]) if key in self._nodes else default

    def section(self, key: str) -> "Section":
        """Return a mapping."""
        self._required(key, "a mapping")
        return Section(self._file, self._nodes[key], self._name(key))

    def sections(self, key: str) -> list["Section"]:
        """Return a list of mappings."""
        self._required(key, "a list")
        node = self._nodes[key]
        if type(node).__name__ != "SequenceNode" or not node.value:
            self._fail(node, self._name(key), "a list, each item after '- '", node)
        return [Section(self._file, item, f"{self._name(key)}[{i}]") for i, item in enumerate(node.value)]

    def numbers_by_text(self, key: str, known: Iterable[str] = ()) -> dict[str, float]:
        """Return a mapping of names to numbers of at least 0; if names are known, no other may stand there."""
        section = self.section(key)
        found = {name: section.number(name) for name in section}
        if known:
            section.only(known)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def only(self, known: Iterable[str]) -> None:
        """Raise ValueError for a key that is not one of these."""
        known = list(known)
        for key in self._nodes:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
                line = self._lines[key].start_mark.line + 1
                raise ValueError(f"{self._file}, line {line}: {self._name(key)} is not a known key here; {hint}")

    def wrong(self, key: str, expected: str, got: object = None) -> NoReturn:
        """Raise ValueError for the value of a key."""
        node = self._nodes.get(key, self._node)
        self._fail(node, self._name(key), expected, node if got is None else got)

    def _one(self, key: str, kind: Any, expected: str, default: Any) -> Any:
        if key not in self._nodes and default is not None:
            self._asked.add(key)
            return default
        self._required(key, expected)
        value = _plain(self._nodes[key])
        if not isinstance(value, kind):
            self._fail(self._nodes[key], self._name(key), expected, value)
        return value

    def _required(self, key: str, expected: str) -> None:
        self._asked.add(key)
        if key not in self._nodes:
            line = self._node.start_mark.line + 1
            raise ValueError(f"{self._file}, line {line}: {self._name(key)} is missing: expected {expected}")

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _fail(self, node: Any, name: str, expected: str, got: object) -> NoReturn:
        if got is node:
            got = _plain(node)
        where = f"{self._file}, line {node.start_mark.line + 1}"
        raise ValueError(f"{where}: {name or 'the file'}: expected {expected}, got {str(got)[:80]!r}")


def read(path: Path) -> Section:
    """Read a YAML file whose outermost value is a mapping.

    Raises
    ------
    ValueError
        If it is no YAML; the message has one line.
    OSError
        If it cannot be read.
    """
    yaml = require("yaml", "grading")
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name}: expected text in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}, line {mark.line + 1}" if mark else path.name
        raise ValueError(f"{where}: not valid YAML: {getattr(error, 'problem', error)}") from None
    if node is None:
        raise ValueError(f"{path.name}: the file is empty")
    return Section(path.name, node)


def _plain(node: Any) -> Any:
    yaml = require("yaml", "grading")
    try:
        return yaml.constructor.SafeConstructor().construct_document(node)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-99-99
        line = getattr(error, "problem_mark", None) or node.start_mark
        problem = getattr(error, "problem", None) or error
        raise ValueError(f"line {line.line + 1}: this value cannot be read: {problem}") from None
