"""What a checkpoint keeps of users' objects: what the same script, started again, takes back.

`minnet.saving.schema` refuses data of another kind than the script made, and texts that may say where to write. An
honest run has such data, too: an attribute that was a list is an array now, a text is "3/17". So they are looked for
before they are written, left out, and named, and a script that is not changed is never refused.
"""

import copy
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minnet.core.forms import has_place
from minnet.core.objects import keeps_state
from minnet.core.state import State
from minnet.saving.run_parts import Beginning, Survey, decides
from minnet.saving.schema import alike, is_own

_SIMPLE = (int, float, bool)
_PATH = "it holds a text that may be a path, which is always the script's"


def leave_out(survey: Survey, state: State, beginning: Beginning) -> None:
    """Leave out of a state what the script would not take back; `beginning` notes what of it was changed."""
    first = beginning.forms is None
    forms: State = {} if beginning.forms is None else beginning.forms
    for path, owner, data in list(sections(survey, state)):
        if is_own(owner):
            continue
        if first:
            forms |= {_place(path, name): _form(value) for name, value in data.items()}
        left_out = [name for name, value in data.items() if not _is_kept(_place(path, name), value, beginning, forms)]
        whole = not all(name.startswith((".", "[", "(")) for name in data) and path in state["objects"]
        for name in data.copy() if left_out and whole else left_out:
            del data[name]
        if left_out and whole:
            del state["objects"][path]
    beginning.forms = forms


def sections(survey: Survey, state: State) -> Iterator[tuple[str, Any, State]]:
    """Yield each object with its path and its data."""
    parts = survey.parts
    yield "trainer", parts.trainer, state["attributes"]
    for name, data in state["metrics"].items():
        yield f"metrics[{name!r}]", parts.metrics[name], data
    for name, owner in parts.owners().items():
        for path, layer in owner.named_layers():
            yield f"{name}.{path}" if path else name, layer, state[name][path]
    for i, (callback, (_, data)) in enumerate(zip(parts.callbacks, state["callbacks"], strict=True)):
        if not decides(callback):
            yield f"callbacks[{i}]", callback, data
    of_loaders = [("loader", state["loader"]), ("loader", state["run"]["began"] or {})]
    of_loaders += [(f"sets[{name!r}]", data) for name, data in state["sets"].items()]
    of_loaders += [(f"{path}.source", data["source"]) for path, data in of_loaders if "source" in data]
    for path, data in of_loaders:
        yield path, parts.loaders()[path], data.get("attributes", {})
        for name, inner in data.get("objects", {}).items():
            yield path + name, survey.found.get(path + name), inner
    for path, data in state["objects"].items():
        if not keeps_state(survey.found[path]):
            yield path, survey.found[path], data


def _place(path: str, name: Any) -> str:
    return f"{path}{name}" if str(name).startswith((".", "[", "(")) else f"{path}.{name}"


def _is_kept(place: str, value: Any, beginning: Beginning, forms: State) -> bool:
    """Whether the value that is at a place now is kept; where None was, anything is."""
    before = forms.get(place)  # None if training made it
    if type(value) in _SIMPLE and type(value) is type(before):
        return True
    if has_place(place.rpartition(".")[2], value):
        if repr(value) != repr(before):  # else the script makes it again
            beginning.left_out[place] = _PATH
        return False
    try:
        alike(place, before, value)
    except ValueError as error:
        text = str(error).replace(f"{place} ", "it ").replace("where the run has", "and was")
        beginning.left_out[place] = f"{text} when the run began: let it begin as None"
        return False
    return True


def _form(value: Any) -> Any:
    """Return what stands for a value in comparisons of its form: a copy, without the numbers of arrays."""
    if isinstance(value, np.ndarray):
        return np.broadcast_to(np.zeros((), value.dtype), value.shape)
    if isinstance(value, list | tuple):
        return type(value)(map(_form, value))
    if isinstance(value, Mapping):
        copied: Any = copy.copy(value)
        for name, item in value.items():
            copied[name] = _form(item)
        return copied
    return copy.copy(value) if isinstance(value, set | deque) else value
