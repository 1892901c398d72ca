"""From PyTorch to minnet: a state_dict, from a file or as a dict, is loaded into a model."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from minnet.core.console import warn
from minnet.core.layer import Layer
from minnet.errors import CheckpointError, DataWarning
from minnet.layers.embedding import Embedding
from minnet.saving.load_report import LoadReport
from minnet.saving.messages import brief, listed
from minnet.saving.selection import Rename, select
from minnet.saving.weights import OPTIONS, naming, set_mode, tell
from minnet.torch.given import arrays_of
from minnet.torch.layouts import COUNT, Values
from minnet.torch.names import Names
from minnet.torch.pairing import COUNTER, propose
from minnet.torch.tensors import Placed, joined

L = TypeVar("L", bound=Layer)


def load_state_dict(
    model: L,
    file_or_dict: str | os.PathLike[str] | Mapping[str, Any],
    *,
    strict: bool = True,
    prefix: str = "",
    rename: Rename | None = None,
    key: str | None = None,
    report: Callable[[LoadReport], object] | None = None,
    train: bool = False,
) -> L:
    """Load a state_dict of PyTorch's into a model of the same structure.

    Layouts are converted: matrices (out, in) become (in, out), gates and the projections of attention are unpacked.
    float16 and bfloat16 become float32, and all numbers the dtype of the model's arrays, as PyTorch does it.

    Layers are found by their names, never by their order. ``nn.Sequential`` and `Sequential` number their layers alike,
    and an attribute ``self.encoder`` there is a layer with the name ``encoder`` here. For other names, there is
    `rename`; if a file does not fit, the error proposes one. BatchNorm's ``num_batches_tracked`` may be missing or
    left over.

    Parameters
    ----------
    model
        The model, which is changed in place, or a part of one.
    file_or_dict
        A file that ``torch.save`` wrote (``.pt``, ``.pth``; of either form), a safetensors file, or a dict of names
        and tensors or arrays. It is read without PyTorch.
    strict, prefix, report, train
        As for `minnet.load`.
    rename
        As for `minnet.load`, from names in the file to those in the model, which may be PyTorch's or minnet's:
        ``{"fc1": "layers[0]"}`` and ``{"fc1": "0"}`` mean the same.
    key
        Where a file holds other things beside the state_dict, the key under which it stands, such as ``"model"``. By
        default it is found if there is only one.

    Returns
    -------
    model
        The same object, in eval mode until it is trained, unless `train`.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    CheckpointError
        If the file is damaged or malicious, or does not fit the model: the message lists the first differences. The
        model is unchanged.

    Examples
    --------
    >>> import minnet as mn
    >>> model = mn.Sequential(mn.Linear(3, 2), mn.ReLU())
    >>> theirs = {"0.weight": np.ones((2, 3), np.float32), "0.bias": np.zeros(2, np.float32)}
    >>> mn.torch.load_state_dict(model, theirs)[0].weight.data.shape
    (3, 2)
    """
    if not isinstance(model, Layer):
        raise TypeError(
            f"load_state_dict(model, file) expected a Layer, got {type(model).__name__}: make the model first"
        )
    where, arrays = arrays_of(file_or_dict, key)
    with naming(where):
        given, left_out = select(arrays, prefix, rename)
    fit = _compare(where, model, given, left_out)
    if fit.problems and (strict or not fit.report.loaded):
        raise CheckpointError("\n  ".join(fit.lines()))
    for name, array in model.named_arrays():
        if name in fit.values:
            array.data = fit.values[name]
    _warn_of_padding(model, fit.values)
    tell(fit.report, strict, report)
    return set_mode(model, train)


def _warn_of_padding(model: Layer, loaded: Mapping[str, Values]) -> None:
    """Warn if a row that pads is not zero, of which y is: in PyTorch, y is that row."""
    for path, layer in model.named_layers():
        if not isinstance(layer, Embedding) or layer.padding_idx is None or joined(path, "weight") not in loaded:
            continue
        if layer.weight.data[layer.padding_idx].any():
            warn(
                f"{path or 'the model'} = {layer.describe()} returns 0 for {layer.padding_idx}, where PyTorch's "
                "returns that row of the weights, which is not 0 here: unless a mask leaves these places out, make it "
                "without padding_idx",
                DataWarning,
            )


class _Fit(NamedTuple):
    """How a state_dict fits a model."""

    report: LoadReport
    values: dict[str, Values]  # of the model's arrays that are loaded, by path
    problems: list[str]
    proposal: dict[str, str]

    def lines(self) -> list[str]:
        """Return the lines of the error."""
        places = f"{len(self.problems):,} place{'s' * (len(self.problems) > 1)}"
        lines = [f"{self.report.path} does not fit the model, in {places}:", *listed(self.problems)]
        pairs = [f"{brief(repr(old))}: {brief(repr(new))}" for old, new in self.proposal.items()]
        if list(self.proposal.values()) == [""]:
            lines += [f"If the model is a part of what was saved: prefix={pairs[0].removesuffix(': ' + repr(''))}"]
        elif pairs:
            lines += [
                "If the layers belong together in the order in which they stand:",
                f"rename={{{', '.join(pairs)}}}",
            ]
        return [*lines, OPTIONS] if self.report.missing else lines


def _compare(where: str, model: Layer, given: Mapping[str, Values], left_out: list[str]) -> _Fit:
    """Compare a model with the tensors that are selected for it, and convert those that fit."""
    names = Names(model)
    own = {id(array): path for path, array in model.named_arrays()}  # a shared one under its first path
    values: dict[str, Values] = {}
    mismatched: dict[str, str] = {}
    unexpected = []
    for name, values_given in given.items():
        tensor = names.find(name)
        if tensor is None:
            if name.rpartition(".")[2] != COUNTER:
                unexpected.append(name)
            continue
        if problem := _problem(where, name, tensor, values_given):
            mismatched |= {own[id(array)]: problem for array in tensor.arrays}
            continue
        for array, part in zip(tensor.arrays, tensor.layout.from_torch(values_given), strict=True):
            path, part = own[id(array)], _cast(part, array.data.dtype)
            if path in values and not np.array_equal(values[path], part, equal_nan=True):
                mismatched[path] = f"{name}: shared with another tensor in the model, and different from it in {where}"
            values[path] = part
    values = {path: part for path, part in values.items() if path not in mismatched}
    missing = [t for t in names.tensors if any(own[id(a)] not in values for a in t.arrays)]
    lacking = {own[id(array)]: t for t in missing if t.layout is not COUNT for array in t.arrays}
    lacking = {path: t for path, t in lacking.items() if path not in values and path not in mismatched}
    report = LoadReport(where, tuple(values), tuple(lacking), mismatched, tuple(unexpected), tuple(left_out))
    problems = [f"{path}{_there(path, t)}: in the model, not in {where}" for path, t in lacking.items()]
    problems += [*dict.fromkeys(mismatched.values()), *(f"{name}: in {where}, not in the model" for name in unexpected)]
    return _Fit(report, values, problems, propose(names, given, missing) if problems else {})


def _there(path: str, tensor: Placed) -> str:
    return f" ({tensor.name!r})" if tensor.name != path else ""


def _problem(where: str, name: str, tensor: Placed, given: Values) -> str | None:
    """Return how a tensor differs from what the model needs, or None."""
    shape = tensor.values().shape
    if given.shape != shape:
        return f"{name}: shape {shape} in the model, as PyTorch has it, and {given.shape} in {where}"
    if given.dtype.kind not in ("iuf" if tensor.layout is COUNT else "f"):
        return f"{name}: floats in the model, and {given.dtype} in {where}"
    for array in tensor.arrays:
        if given.dtype.itemsize > array.data.dtype.itemsize and given.dtype.kind == "f":
            finite = np.isfinite(given)
            if not np.isfinite(_cast(given[finite], array.data.dtype)).all():
                return f"{name}: its numbers are too large for {array.data.dtype}: model.astype(np.float64) first"
    return None


def _cast(values: Values, dtype: "np.dtype[Any]") -> Values:
    with np.errstate(over="ignore"):
        return values.astype(dtype)
