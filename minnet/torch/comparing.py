"""The tensors of a state_dict are compared with a model, and those that fit are converted."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.saving.load_report import MOST_CHARACTERS, LoadReport
from minnet.saving.messages import brief, listed
from minnet.saving.weights import OPTIONS
from minnet.torch.given import THE_DICT
from minnet.torch.layouts import COUNT, Values
from minnet.torch.names import Names
from minnet.torch.pairing import COUNTER, propose
from minnet.torch.tensors import Placed

CONV1D = ", transposed as in GPT-2's Conv1D: load a dict with the .T of such weights, square ones, too"


class Comparison:
    """How a state_dict fits a model.

    Attributes
    ----------
    values
        Path of an array of the model → its new values. A shared array has its first path, here and below.
    mismatched
        Path → why the tensor that was given does not fit.
    lacking
        Path → the tensor that was not given.
    unexpected
        The names of tensors that belong to nothing in the model.
    """

    def __init__(self, where: str, model: Layer, given: Mapping[str, Values]) -> None:
        self.where, self.given = where, given
        self._there = THE_DICT if where == THE_DICT else "the file"
        self.names = Names(model)
        self.values: dict[str, Values] = {}
        self.mismatched: dict[str, str] = {}
        self.lacking: dict[str, Placed] = {}
        self.unexpected: list[str] = []
        self._paths = {id(array): path for path, array in model.named_arrays()}
        for name, values in given.items():
            if tensor := self.names.find(name):
                self._take(name, values, tensor)
            elif name.rpartition(".")[2] != COUNTER:
                self.unexpected.append(name)
        for path in self.mismatched:
            self.values.pop(path, None)
        for tensor in self.names.tensors:
            for path in self._paths_of(tensor) if tensor.layout is not COUNT else ():
                if path not in self.values and path not in self.mismatched:
                    self.lacking.setdefault(path, tensor)

    def report(self, left_out: list[str]) -> LoadReport:
        """Return it as a report of a load."""
        loaded, missing = tuple(self.values), tuple(self.lacking)
        return LoadReport(self.where, loaded, missing, self.mismatched, tuple(self.unexpected), tuple(left_out))

    def problems(self) -> list[list[str]]:
        """List what does not fit, a line for each: in the model only, in both, in the file only."""
        lacking = []
        for path, tensor in self.lacking.items():
            name = f" ({tensor.name!r})" if tensor.name != path else ""
            lacking.append(f"{path}{name}: in the model, not in {self._there}")
        mismatched = list(dict.fromkeys(self.mismatched.values()))  # of a tensor of several arrays, once
        return [lacking, mismatched, [f"{name}: in {self._there}, not in the model" for name in self.unexpected]]

    def error(self) -> str:
        """Return the text of the error: what does not fit, and what may help."""
        problems = self.problems()
        count = sum(map(len, problems))
        lines = [f"{self.where} does not fit the model, in {count:,} place{'s' * (count > 1)}:"]
        for kind in problems:
            lines += listed(kind, MOST_CHARACTERS)
        lines += self._proposal()
        if self.lacking:
            lines.append(OPTIONS)
        elif self.unexpected:
            lines.append(f"To leave tensors out: rename={{{brief(repr(self.unexpected[0]))}: None}}, or strict=False")
        return "\n  ".join(lines)

    def _proposal(self) -> list[str]:
        """Return what may pair the layers, as it can be pasted."""
        incomplete = [t for t in self.names.tensors if not self.values.keys() >= set(self._paths_of(t))]
        found, alike = propose(self.names, self.given, incomplete)
        if list(found.values()) == [""]:
            return [f"If the model is a part of what was saved: prefix={brief(repr(*found))}"]
        pairs = ", ".join(f"{brief(repr(old))}: {brief(repr(new))}" for old, new in found.items())
        if not pairs:
            return []
        caution = " (several have the same shapes: compare their names)" * alike
        return [f"If the layers belong together in the order in which they stand{caution}:", f"rename={{{pairs}}}"]

    def _paths_of(self, tensor: Placed) -> list[str]:
        return [self._paths[id(array)] for array in tensor.arrays]

    def _take(self, name: str, values: Values, tensor: Placed) -> None:
        """Convert the values that were given for a tensor, or say why they do not fit."""
        paths = self._paths_of(tensor)
        if problem := self._problem(values, tensor):
            self.mismatched |= dict.fromkeys(paths, f"{name}: {problem}")
            return
        for path, array, part in zip(paths, tensor.arrays, tensor.layout.from_torch(values), strict=True):
            new = _cast(part, array.data.dtype)
            if path in self.values and not np.array_equal(self.values[path], new, equal_nan=True):
                self.mismatched[path] = (
                    f"{name}: shared with another tensor in the model, and different from it in {self._there}"
                )
            self.values[path] = new

    def _problem(self, given: Values, tensor: Placed) -> str | None:
        """Return how the values that were given differ from what the model needs, or None."""
        shape, is_count = tensor.values().shape, tensor.layout is COUNT
        if given.shape != shape:
            hint = CONV1D if given.ndim == 2 and given.shape == shape[::-1] else ""
            return f"shape {shape} in the model, as PyTorch has it, and {given.shape} in {self._there}{hint}"
        if given.dtype.kind not in ("iuf" if is_count else "f"):
            return f"floats in the model, and {given.dtype} in {self._there}"
        for dtype in {array.data.dtype for array in tensor.arrays}:
            is_longer = given.dtype.itemsize > dtype.itemsize and not is_count
            if is_longer and not np.isfinite(_cast(given[np.isfinite(given)], dtype)).all():
                return f"its numbers are too large for {dtype}: model.astype(np.float64) first"
        return None


def _cast(values: Values, dtype: "np.dtype[Any]") -> Values:
    with np.errstate(over="ignore"):
        return values.astype(dtype)
