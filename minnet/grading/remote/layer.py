"""A Remote is a layer whose formulas are computed in another process, so that checks can be run on it as on any other.

The checks, their random numbers and what they compare with are in this process, where none of the student's code runs.
"""

import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from minnet.core.layer import Layer
from minnet.grading.remote.mirror import Mirror
from minnet.grading.remote.wire import Gone
from minnet.losses import Loss

Ask = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def interpreting() -> Iterator[None]:
    """Take any error in here for a sign that the answer was not that of `minnet.grading.remote.served`."""
    try:
        yield
    except Exception as error:
        raise Gone("forged", f"the file answered in place of the grader's code ({type(error).__name__})") from None


class Handle:
    """One outermost layer of the other process, and the mirror of it."""

    def __init__(self, ask: Ask, dropped: list[int], answer: dict[str, Any]) -> None:
        self.ask, self.dropped, self.mirror = ask, dropped, Mirror(self._new)
        self._results: dict[int, weakref.ref[Any]] = {}
        with interpreting():
            self.number = int(answer["layer"])
            self.mirror.update(answer["news"])
            self.outermost()
        weakref.finalize(self, dropped.append, self.number)

    def outermost(self) -> "Remote":
        """Return the layer itself."""
        layer = self.mirror.layer
        if not isinstance(layer, Remote):
            raise TypeError("no layer")
        return layer

    def _new(self, node: dict[str, Any]) -> "Remote":
        layer = RemoteLoss() if node["is_loss"] else Remote()
        vars(layer)["_asked"] = Link(self, node["number"], str(node["described"]))
        return layer

    def request(self, do: str, of: int, **more: Any) -> dict[str, Any]:
        """Ask for something that is to be done with the layer, as it is here; return the answer."""
        return self.ask({"do": do, "layer": self.number, "of": of, **self.mirror.changes(), **more})

    def learn(self, answer: dict[str, Any]) -> Any:
        """Take over what a call changed, and return its result."""
        self.mirror.update(answer["news"])
        for number, values in answer["news"]["results"].items():
            if (array := self._alive(int(number))) is not None:
                array[...] = values
        value = answer["value"]
        parts = [
            self._result(part, known) if known and isinstance(part, np.ndarray) else part
            for part, known in zip(value if isinstance(value, tuple) else (value,), answer["results"], strict=True)
        ]
        return tuple(parts) if isinstance(value, tuple) else parts[0]

    def _result(self, value: Any, known: dict[str, Any]) -> Any:
        """Return a result: the array that was returned before if it is the same one, or a view if it is one."""
        number = int(known["number"])
        before = self._alive(number)
        if before is not None and before.shape == value.shape and before.dtype == value.dtype:
            return before
        if "of" in known:
            owner = self.mirror.array(int(known["of"]))
            value = np.ndarray(value.shape, value.dtype, owner.data, int(known["offset"]), known["strides"])
        self._results[number] = weakref.ref(value)
        return value

    def _alive(self, number: int) -> Any:
        found = self._results.get(number)
        return None if found is None else found()


class Link:
    """Which layer of the other process a Remote stands for."""

    def __init__(self, handle: Handle, number: int, described: str) -> None:
        self.handle, self.number, self.described = handle, number, described


class Remote(Layer):
    """y = what the layer of another process computes."""

    @property
    def _link(self) -> Link:
        link: Link = vars(self)["_asked"]  # an attribute that no copy, file or comparison of layers looks at
        return link

    def _call(self, method: str, *inputs: Any, **named: Any) -> Any:
        link = self._link
        patched = {n: layer for n, layer in link.handle.mirror.layers().items() if "forward" in vars(layer)}
        answer = link.handle.request(
            "call", link.number, method=method, inputs=inputs, named=named, watch=bool(patched)
        )
        with interpreting():
            for given, written in zip(inputs, answer["written"], strict=True):
                if written is not None:
                    given[...] = written  # the layer wrote into its argument, as it would have done here
            value = link.handle.learn(answer)
            calls = [(patched.get(number), tuple(given), dict(options)) for number, given, options in answer["given"]]
            warned = [str(text) for text in answer["warned"]]
        for layer, given, options in calls:
            if layer is not None and layer is not self:
                vars(layer)["forward"](*given, **options)
        for text in warned:
            _warn(text)
        return value

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output."""
        return self._call("forward", *inputs, **options)

    def backward(self, *gradients: Any, **options: Any) -> Any:
        """Compute the gradients."""
        return self._call("backward", *gradients, **options)

    def accumulate_grad(self, dy: Any) -> None:
        """Compute the Parameters' gradients."""
        self._call("accumulate_grad", dy)

    def _pass_on(self, method: str, *arguments: Any) -> Self:
        self._call(method, *arguments)
        Layer.changes += 1
        return self

    def train(self) -> Self:
        """Switch to training mode."""
        return self._pass_on("train")

    def eval(self) -> Self:
        """Switch to eval mode."""
        return self._pass_on("eval")

    def freeze(self, statistics: bool = False) -> Self:
        """Keep the Parameters as they are."""
        return self._pass_on("freeze", statistics)

    def unfreeze(self) -> Self:
        """Undo `freeze`."""
        return self._pass_on("unfreeze")

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert to float32 or float64."""
        return self._pass_on("astype", np.dtype(dtype).name)

    def words(self, inputs: Sequence[Any], seed: int) -> dict[str, list[str]]:
        """Ask what the other process itself finds wrong with the layer: check → messages, which quote its source.

        They are words for the student. What passed is known here.
        """
        link = self._link
        answer = link.handle.request("findings", link.number, inputs=list(inputs), rng=seed)
        found: dict[str, list[str]] = {}
        with interpreting():
            for check, message in answer["findings"]:
                found.setdefault(str(check), []).append(str(message))
        return found

    def describe(self) -> str:
        """Say what the layer is."""
        return self._link.described

    def _copied(self, how: str) -> "Remote":
        link = self._link
        return Handle(link.handle.ask, link.handle.dropped, link.handle.request(how, link.number)).outermost()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Remote":
        memo[id(self)] = copied = self._copied("copy")
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle of it is made and read in the other process; what is written here is only its number.
        copied = self._copied("pickle")
        _PICKLED[id(copied)] = copied
        return _unpickled, (id(copied),)


_NUMERIC = {"overflow": "over", "divide": "divide", "invalid": "invalid", "underflow": "under"}


def _warn(text: str) -> None:
    """Warn of what NumPy met in the other process, as NumPy is told to do here: see `numpy.errstate`."""
    kind = _NUMERIC.get(text.partition(" ")[0])
    how = "warn" if kind is None else np.geterr()[kind]  # type: ignore[literal-required]
    if how == "raise":
        raise FloatingPointError(text)
    if how == "call" and callable(function := np.geterrcall()):
        function(text, 0)
    elif how == "warn":
        warnings.warn(text, RuntimeWarning, stacklevel=3)


class RemoteLoss(Remote, Loss):
    """L = what the loss of another process computes."""

    def __init__(self) -> None:
        pass

    def checking_once(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Check each time, as the other process does."""
        return nullcontext()


_PICKLED: dict[int, Remote] = {}


def _unpickled(number: int) -> Remote:
    return _PICKLED.pop(number)
