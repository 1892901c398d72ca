"""The unpickler of PyTorch's files: it leaves dicts, lists, plain values, and records of tensors."""

import pickle
from pathlib import Path
from typing import Any, ClassVar

from minnet.errors import CheckpointError
from minnet.saving.messages import brief
from minnet.torch.reading.names import NAMES, WIDEST, Name, of_a_family, put
from minnet.torch.reading.records import Element, Other, Storage, Tensor, Unreadable
from minnet.untrusted.machine import InertUnpickler, Method, Source, methods

CURE = "If you trust it, load it with PyTorch, and save the weights alone: torch.save(model.state_dict(), path)."
DAMAGED = "Likely cause: a half-finished or damaged download or copy. Fetch the file again."
_LONGEST_KEY = 100  # letters; a storage is called "0", or has a number of 64 bits
_MORE = """LONG LONG4 BINFLOAT FLOAT BINUNICODE BINUNICODE8 EMPTY_DICT EMPTY_SET LIST BINPERSID POP POP_MARK DUP"""


def refused(path: Path, found: str, cure: str, expected: str = "a file of tensors that torch.save wrote") -> Exception:
    """Return an error that says what was expected, what was found, and what to do about it."""
    return CheckpointError(f"{path}: expected {expected}, found {brief(found, 1500)}\n{cure}")


class TensorUnpickler(InertUnpickler):
    """Read a pickle that torch.save wrote; `storages` are those that it names, each as it was named first."""

    names = NAMES
    most_reads = 2_000_000  # a checkpoint of 2,000 tensors with Adam's numbers takes 416,000
    longest_line = 1_000
    encoding_of_text = "UTF-8"

    def __init__(self, source: Source, path: Path) -> None:
        super().__init__(source)
        self._path = path
        self.storages: dict[str, Storage] = {}

    def refusal(self, found: str) -> Exception:
        """Return an error that says what was found in place of tensors and plain values."""
        whole = "a call for" in found or "a whole model" in found
        return refused(self._path, brief(found, 400), CURE if whole else DAMAGED)

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a function or class of this name."""
        known = None if (module, name) in self.names else of_a_family(module, name)
        return known or super().find_class(module, name)

    def persistent_load(self, pid: Any) -> Storage:
        """Return the record of a storage, which PyTorch keeps outside of the pickle."""
        match pid:
            case ("storage", Element() as element, str() as key, str(), int() as count, *view):
                if not 0 <= count < WIDEST or len(key) > _LONGEST_KEY:
                    raise pickle.UnpicklingError("a storage with a wrong number of elements, or a long key")
                storage = Storage(key, element, count)
                self.storages.setdefault(key, storage)
            case ("module", *_):
                raise pickle.UnpicklingError("a whole model, with the code of its classes")
            case _:
                raise pickle.UnpicklingError("a reference outside of the pickle that is no storage")
        match view:
            case [] | [None]:
                return storage
            case [(str(), int() as start, int() as some)] if 0 <= start <= start + some <= count:
                return Storage(key, element, some, start)
        raise pickle.UnpicklingError("a view of a storage that is not inside of it")

    def called(self, function: Any, arguments: Any) -> Any:
        """Return what stands for what a call would make."""
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("a call of something that is no function")
        return function.make(arguments)

    def stated(self, thing: Any, state: Any) -> None:
        """Pass over the state of a thing: a state dict has its versions there, and another object its attributes."""
        if not isinstance(thing, dict | Other | Tensor | Unreadable):
            raise pickle.UnpicklingError("a state for something that has none")

    def _new(self, options: int) -> None:
        del self.stack[len(self.stack) - options :]
        self._reduce()

    def _put(self, items: list[Any]) -> None:
        into = self.stack[-1]
        if isinstance(into, dict):
            put(into, items)
        elif not isinstance(into, Other):
            raise pickle.UnpicklingError("a key and a value for something that is no dict")

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._put([key, value])

    def _extend(self, items: list[Any]) -> None:
        into = self.stack[-1]
        if isinstance(into, list):
            into.extend(items)
        elif not isinstance(into, Other):
            raise pickle.UnpicklingError("an item for something that is no list")

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._put(items)

    dispatch: ClassVar[dict[int, Method]] = {
        **InertUnpickler.dispatch,
        **methods(_MORE),
        pickle.EMPTY_SET[0]: methods("EMPTY_LIST")[pickle.EMPTY_LIST[0]],  # a set would ask for hashes
        pickle.FROZENSET[0]: methods("LIST")[pickle.LIST[0]],
        pickle.DICT[0]: _dict,
        pickle.SETITEM[0]: _set_item,
        pickle.SETITEMS[0]: lambda self: self._put(self.pop_mark()),
        pickle.APPEND[0]: lambda self: self._extend([self.stack.pop()]),
        pickle.APPENDS[0]: lambda self: self._extend(self.pop_mark()),
        pickle.ADDITEMS[0]: lambda self: self._extend(self.pop_mark()),
        pickle.NEWOBJ[0]: lambda self: self._new(0),
        pickle.NEWOBJ_EX[0]: lambda self: self._new(1),
        pickle.BINBYTES8[0]: lambda self: self._bytes(8),
    }
