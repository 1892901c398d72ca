"""The server of a student's layers: it runs in the student's process, and does what the grader's process asks for.

Nothing here is trusted: the student's code may change all of it. The grader's process reads its answers as what the
layer computes, and judges these.
"""

import copy
import json
import pickle
import sys
from collections.abc import Callable
from typing import Any, ClassVar
from warnings import catch_warnings, simplefilter

import numpy as np

from minnet.core.layer import Layer
from minnet.grading.remote.described import FLAGS, Description
from minnet.grading.remote.wire import MOST_BYTES, Channel, ChannelError, Opaque
from minnet.inspection.gradcheck import findings

_SMALL = 1 << 20  # bytes; results that are larger are not watched for later changes
_WATCHED = 8  # results of one layer, the latest
_WARNINGS = 5
_LONGEST = 2000  # characters of an error's message

Request = dict[str, Any]


class Served:
    """One layer of the student, and what the other process knows of it."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.description = Description()
        self._known_text = ""
        self._known: dict[int, Any] = {}  # number → copy of an array, as the other process has it
        self._results: dict[int, tuple[Any, Any]] = {}  # number → (result, copy of it)

    def news(self) -> Request:
        """Return what the other process does not know yet: the description, arrays, and results that changed."""
        tree = self.description.of(self.layer)
        text = json.dumps(tree)
        news: Request = {"tree": text if text != self._known_text else None, "arrays": {}, "results": {}}
        self._known_text = text
        if sum(array.nbytes for array in self.description.arrays.values()) > MOST_BYTES:
            raise MemoryError(f"a layer that keeps arrays of more than {MOST_BYTES:,} bytes cannot be checked")
        for number, array in self.description.arrays.items():
            if not _same(array, self._known.get(number)):
                news["arrays"][str(number)] = array
                self._known[number] = np.array(array)
        self._known = {number: self._known[number] for number in self.description.arrays}
        for number, (result, known) in list(self._results.items()):
            if not _same(result, known):
                news["results"][str(number)] = result
                self._results[number] = (result, result.copy())
        return news

    def learn(self, request: Request) -> None:
        """Take over what the other process changed: arrays, flags, states of Generators."""
        for number, values in request.get("arrays", {}).items():
            array = self.description.objects[int(number)]
            array[...] = values
            self._known[int(number)] = values
        for number, flags in request.get("flags", {}).items():
            layer = self.description.objects[int(number)]
            for name, value in zip(FLAGS, flags, strict=True):
                setattr(layer, name, value)
        for number, state in request.get("generators", {}).items():
            self.description.objects[int(number)].bit_generator.state = json.loads(state)

    def results(self, value: Any) -> Any:
        """Return numbers for a result's arrays, which are watched from now on, and whose views they are."""
        parts = value if isinstance(value, tuple) else (value,)
        return [self._watch(part) if isinstance(part, np.ndarray) else None for part in parts]

    def _watch(self, array: Any) -> Any:
        if array.nbytes > _SMALL or array.dtype == object:
            return None
        self._results[id(array)] = (array, array.copy())
        while len(self._results) > _WATCHED:
            del self._results[next(iter(self._results))]
        for number, own in self.description.arrays.items():
            if own.flags.c_contiguous and np.may_share_memory(array, own):
                offset = array.__array_interface__["data"][0] - own.__array_interface__["data"][0]
                return {"number": id(array), "of": number, "offset": offset, "strides": list(array.strides)}
        return {"number": id(array)}


class Server:
    """Answer requests until the channel is closed.

    Parameters
    ----------
    channel
        To the grader's process.
    names
        What the student's file defines.
    explain
        Returns where in the student's file an error was raised.
    changed
        Returns what the student's code replaced in minnet and NumPy.
    """

    busy: ClassVar[bool] = False  # whether a layer of the student computes

    def __init__(
        self,
        channel: Channel,
        names: dict[str, Any],
        explain: Callable[[BaseException], str] = lambda _: "",
        changed: Callable[[], list[str]] = list,
    ) -> None:
        self._channel, self._names, self._explain, self._changed = channel, names, explain, changed
        self._layers: dict[int, Served] = {}
        self._made = 0

    def run(self) -> None:
        """Answer each request."""
        while True:
            request = self._channel.receive()
            try:
                self._channel.send(
                    self._answer(request)
                )  # a message is whole, in memory, before its first byte is sent
            except ChannelError:
                raise
            except BaseException as error:  # SystemExit as well: a student's sys.exit() in forward is an error
                self._channel.send(failure(error, self._explain))

    def _answer(self, request: Request) -> Request:
        for number in request.get("dropped", ()):
            self._layers.pop(number, None)
        if request["do"] == "changed":
            return {"changed": self._changed()}
        if request["do"] == "make":
            return self._keep(self._new(request["class"], request["arguments"], request["named"]))
        served = self._layers[request["layer"]]
        served.learn(request)
        if request["do"] == "copy":
            return self._keep(copy.deepcopy(served.description.objects[request["of"]]))
        if request["do"] == "findings":
            layer = served.description.objects[request["of"]]
            found = findings(layer, *request["inputs"], rng=request["rng"])
            return {"findings": [[finding.check, finding.message] for finding in found]}
        if request["do"] == "pickle":
            return self._keep(_pickled(served.description.objects[request["of"]]))
        return self._call(served, request)

    def _new(self, name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        made = self._names[name](*arguments, **named)
        if not isinstance(made, Layer):
            raise TypeError(f"{name} is not a layer: derive the class from mn.Layer, class {name}(mn.Layer)")
        return made

    def _keep(self, layer: Layer) -> Request:
        self._made += 1
        self._layers[self._made] = served = Served(layer)
        return {"layer": self._made, "news": served.news()}

    def _call(self, served: Served, request: Request) -> Request:
        layer = served.description.objects[request["of"]]
        given: list[Any] = []
        inputs = request["inputs"]
        before = [x.copy() if isinstance(x, np.ndarray) and x.flags.writeable else None for x in inputs]
        with (
            _Watching(served.description.layers, given, request["watch"]),
            np.errstate(all="warn", under="ignore"),
            catch_warnings(record=True) as warned,
        ):
            simplefilter("always")
            Server.busy = True
            try:
                value = getattr(layer, request["method"])(*inputs, **request["named"])
            finally:
                Server.busy = False
        if isinstance(value, Layer):
            value = None  # train() and the like return the layer itself
        value = value if _is_plain(value) else Opaque(type(value).__name__)
        news = served.news()
        return {
            "value": value,
            "news": news,
            "written": [None if was is None or _same(x, was) else x for x, was in zip(inputs, before, strict=True)],
            "results": served.results(value),
            "given": given,
            "warned": _numeric(warned),
        }


class _Watching:
    """Write down what each layer inside another one is given."""

    def __init__(self, layers: list[Layer], given: list[Any], wanted: bool) -> None:
        self._layers, self._given = layers[1:] if wanted else [], given

    def __enter__(self) -> None:
        for layer in self._layers:
            vars(layer)["forward"] = self._noting(layer, layer.forward)

    def _noting(self, layer: Layer, original: Any) -> Any:
        def forward(*inputs: Any, **named: Any) -> Any:
            self._given.append([id(layer), tuple(np.array(x) for x in inputs), dict(named)])
            return original(*inputs, **named)

        return forward

    def __exit__(self, *_: object) -> None:
        for layer in self._layers:
            vars(layer).pop("forward", None)


def failure(error: BaseException, explain: Callable[[BaseException], str]) -> Request:
    """Return an error as an answer: the names of its classes, its message, and where it was raised."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    try:
        text = str(error)[:_LONGEST]
    except Exception:
        text = ""
    return {"error": type(error).__name__[:100], "kinds": kinds, "message": text, "where": explain(error)}


def _numeric(warned: list[Any]) -> list[str]:
    """Return the texts of NumPy's warnings: of a division by zero, an overflow, a mean of nothing."""
    texts = (str(warning.message)[:_LONGEST] for warning in warned if issubclass(warning.category, RuntimeWarning))
    return list(dict.fromkeys(texts))[:_WARNINGS]


def _pickled(layer: Layer) -> Any:
    kind = type(layer)
    if getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind:
        return copy.deepcopy(layer)  # pickle cannot find a class that was made in a function
    return pickle.loads(pickle.dumps(layer))


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | np.generic)


def _same(one: Any, other: Any) -> bool:
    if other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
