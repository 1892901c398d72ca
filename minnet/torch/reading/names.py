"""The names that a file of PyTorch may have in its pickle, and what stands for each: none is ever looked up.

Three kinds are known: what makes tensors, what makes plain containers, and what training checkpoints hold beside the
weights (options, paths, dates, the state of a random generator), which is passed over. Anything else is refused.
"""

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minnet.torch.reading.records import ARRAY, ELEMENTS, Element, Other, Storage, Tensor, Unreadable

WIDEST = 1 << 63  # no number in a file of PyTorch has more bits
_MOST_AXES = 64  # of a tensor of PyTorch
_LONGEST = 10_000  # letters of a key
_KEYS = (str, int, float, bool, type(None))


@dataclass(eq=False)
class Name:
    """A function or class of this name; `make` gives what stands for what a call of it would make."""

    name: str
    make: Callable[[tuple[Any, ...]], Any]


def _tensor(arguments: tuple[Any, ...]) -> Tensor | Unreadable:
    match arguments:
        case (Storage() as storage, offset, tuple() as shape, tuple() as strides, *more):
            return _look(storage, storage.element, offset, shape, strides, more[2:])
    raise pickle.UnpicklingError("a tensor with unusual arguments")


def _tensor_of_a_kind(arguments: tuple[Any, ...]) -> Tensor | Unreadable:
    """Make a tensor of a kind of numbers that has no class of storages: it is the seventh argument."""
    match arguments:
        case (Storage() as storage, offset, tuple() as shape, tuple() as strides, _, _, Element() as element, *more):
            return _look(storage, element, offset, shape, strides, more)
    raise pickle.UnpicklingError("a tensor with unusual arguments")


def _look(
    storage: Storage, element: Element, offset: Any, shape: tuple[Any, ...], strides: tuple[Any, ...], facts: list[Any]
) -> Tensor | Unreadable:
    """Return the record of a tensor, whose numbers are integers; what they mean is checked when it is read.

    `facts` begins with a dict, if anything, which says of some views that their numbers are stored with another sign.
    """
    if len(shape) != len(strides) or len(shape) > _MOST_AXES:
        raise pickle.UnpicklingError(f"a tensor of {len(shape):,} sizes and {len(strides):,} strides")
    if not all(type(number) is int and -WIDEST < number < WIDEST for number in (offset, *shape, *strides)):
        raise pickle.UnpicklingError("a tensor whose size, stride or offset is no integer of 64 bits")
    if not element.stored:
        return Unreadable(element.name)
    if facts and isinstance(facts[0], dict) and facts[0].get("neg"):
        return Unreadable("a view that has the numbers of its storage with another sign")
    return Tensor(storage, element, offset, shape, strides)


def _parameter(arguments: tuple[Any, ...]) -> Tensor | Unreadable:
    match arguments:
        case (Tensor() | Unreadable() as tensor, *_):
            return tensor
    raise pickle.UnpicklingError("a Parameter that is no tensor")


def _of_a_type(arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (Name() as function, Name(), tuple() as inner, *_) if function.make in (
            _tensor,
            _tensor_of_a_kind,
            _parameter,
        ):
            return function.make(inner)
    raise pickle.UnpicklingError("a tensor with unusual arguments")


def put(into: dict[Any, Any], items: list[Any]) -> None:
    """Put keys and values, one after the other, into a dict; its keys are few kinds of values, and short.

    A deep tuple as a key would end the process; and many wide integers with one hash, or long texts, make a dict slow.
    """
    if len(items) % 2:
        raise pickle.UnpicklingError("a key without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if isinstance(key, str) and len(key) > _LONGEST:
            raise pickle.UnpicklingError(f"a key of {len(key):,} letters")
        simple = type(key) in _KEYS and not (type(key) is int and not -WIDEST < key < WIDEST)
        into[key if simple else Other("a key")] = value


def _dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Make a dict of nothing, or of pairs, as Python 2 wrote an OrderedDict."""
    match arguments:
        case () | (Name() | None,):
            return {}
        case (dict() as content,):
            return content
        case (list() as pairs,) if all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
            content = {}
            put(content, [part for pair in pairs for part in pair])
            pairs.clear()  # a file may ask for the same list again and again
            return content
    raise pickle.UnpicklingError("a dict with unusual arguments")


def _list(arguments: tuple[Any, ...]) -> Any:
    """Make a list of nothing, or take what there is: a copy of it could be asked for again and again."""
    return arguments[0] if arguments and isinstance(arguments[0], list) else []


def _size(arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (tuple() as sizes,):
            return sizes
    raise pickle.UnpicklingError("a torch.Size with unusual arguments")


def _other(what: str) -> Callable[[tuple[Any, ...]], Other]:
    record = Other(what)
    return lambda _: record


def _unreadable(what: str) -> Callable[[tuple[Any, ...]], Unreadable]:
    record = Unreadable(what)
    return lambda _: record


_STORAGES = {
    **dict(
        zip(("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char"), ELEMENTS.values(), strict=False)
    ),
    "Byte": ELEMENTS["uint8"],
    "Bool": ELEMENTS["bool"],
    "Untyped": ELEMENTS["uint8"],
    "ComplexFloat": Element("complex numbers", 8),
    "ComplexDouble": Element("complex numbers", 16),
    **{name: Element("quantized numbers", size) for name, size in (("QInt8", 1), ("QUInt8", 1), ("QInt32", 4))},
    **{name: Element("quantized numbers") for name in ("QUInt4x2", "QUInt2x4")},
}
_MAKERS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_a_kind,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch._tensor._rebuild_from_type_v2": _of_a_type,
    "torch._tensor._rebuild_from_type": _of_a_type,
    "torch._utils._rebuild_qtensor": _unreadable("quantized numbers"),
    "torch._utils._rebuild_sparse_tensor": _unreadable("a sparse tensor"),
    "torch._utils._rebuild_sparse_csr_tensor": _unreadable("a sparse tensor"),
    "torch._utils._rebuild_nested_tensor": _unreadable("a nested tensor"),
    "torch._utils._rebuild_meta_tensor_no_storage": _unreadable("a tensor without numbers (of the device meta)"),
    "torch._utils._rebuild_wrapper_subclass": _unreadable("a tensor of another class"),
    "torch._utils._rebuild_device_tensor_from_numpy": _unreadable("a tensor of a device that only PyTorch knows"),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _unreadable("a tensor of a device that only PyTorch knows"),
    "torch.Size": _size,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _dict,
    "collections.Counter": _dict,
    "collections.deque": _list,
    **{f"{module}.{name}": _list for module in ("builtins", "__builtin__") for name in ("set", "frozenset")},
}
_BESIDE = """torch.device torch.Tensor torch.nn.parameter.Buffer
    torch.serialization._get_layout torch.torch_version.TorchVersion
    torch.per_tensor_affine torch.per_tensor_symmetric torch.per_channel_affine torch.per_channel_symmetric
    torch.per_channel_affine_float_qparams torch.storage.TypedStorage torch.storage._TypedStorage
    numpy.ndarray numpy.dtype _codecs.encode argparse.Namespace types.SimpleNamespace
    pathlib.Path pathlib.PosixPath pathlib.WindowsPath pathlib.PurePosixPath pathlib.PureWindowsPath
    pathlib._local.Path pathlib._local.PosixPath pathlib._local.WindowsPath
    datetime.datetime datetime.date datetime.time datetime.timedelta datetime.timezone
    decimal.Decimal fractions.Fraction uuid.UUID copyreg._reconstructor copy_reg._reconstructor"""
_PLAIN = "complex range xrange slice bytearray bytes object int float str bool list dict tuple long unicode"
_OF_NUMPY = {"_reconstruct": ARRAY, "scalar": "a number of NumPy", "_frombuffer": ARRAY}


def _table() -> dict[tuple[str, str], Any]:
    made = dict(_MAKERS)
    for name in _BESIDE.split():
        made[name] = _other("an object of the class " + name)
    for module in ("builtins", "__builtin__"):
        made |= {f"{module}.{name}": _other(f"an object of the class {name}") for name in _PLAIN.split()}
    for core in ("numpy.core", "numpy._core"):
        for module in ("multiarray", "numeric"):
            made |= {f"{core}.{module}.{name}": _other(what) for name, what in _OF_NUMPY.items()}
    table: dict[tuple[str, str], Any] = {}
    for whole, make in made.items():
        module, _, name = whole.rpartition(".")
        table[module, name] = Name(whole, make)
    for name, element in _STORAGES.items():
        for module in ("torch", "torch.cuda", "torch.storage"):
            table[module, f"{name}Storage"] = table[module, f"_{name}Storage"] = element
    for name, element in ELEMENTS.items():
        table["torch", name] = element
    return table


NAMES = _table()
_NUMBERS = re.compile(r"[a-z]+\d+\w*")  # what numbers of a tensor are called, such as float8_e4m3fn


def of_a_family(module: str, name: str) -> Element | Name | None:
    """Return what stands for a name of two families, which have many: PyTorch's numbers, NumPy's random generators."""
    if module == "torch" and len(name) < 40 and _NUMBERS.fullmatch(name):
        return Element(f"numbers of the type {name}")
    if module.startswith("numpy.random"):
        return Name(name, _other("a random generator of NumPy"))
    return None
