"""Files as torch.save writes them, made by hand and without PyTorch: so they can also be wrong in any way.

`Raw`, `Name`, `Call` and `Reference` stand in a value for what a pickle can say and Python's pickler would not.
"""

import io
import struct
import zipfile
from typing import Any, NamedTuple

MAGIC = 0x1950A86A20F9469CFC6C


class Raw(NamedTuple):
    """Instructions of a pickle."""

    code: bytes


class Name(NamedTuple):
    """A function or class."""

    module: str
    name: str


class Call(NamedTuple):
    """A call, and what is set as the state of what it returns."""

    function: Any
    arguments: tuple[Any, ...] = ()
    state: Any = None


class Reference(NamedTuple):
    """A reference to something outside of the pickle."""

    content: Any


class Ordered(NamedTuple):
    """An OrderedDict with versions beside it, as a state dict is one."""

    content: dict[str, Any]


def program(value: Any, *, older: bool = False) -> bytes:
    """Return a value as instructions, which leave it on the stack."""

    def all_of(values: Any) -> bytes:
        return b"".join(program(item, older=older) for item in values)

    match value:
        case Raw():
            return value.code
        case Name():
            return f"c{value.module}\n{value.name}\n".encode()
        case Call(function, arguments, state):
            return all_of((function, arguments)) + b"R" + (b"" if state is None else all_of((state,)) + b"b")
        case Ordered(content):
            made = program(Call(Name("collections", "OrderedDict")))
            items = all_of(part for item in content.items() for part in item)
            return made + b"(" + items + b"u" + program({"_metadata": {"": {"version": 1}}}) + b"b"
        case Reference(content):
            return all_of(((*content, None) if older and len(content) == 5 else content,)) + b"Q"
        case None | True | False:
            return {None: b"N", True: b"\x88", False: b"\x89"}[value]
        case int() if -(1 << 31) <= value < 1 << 31:
            return b"J" + struct.pack("<i", value)
        case int():
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(data)]) + data
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        case tuple():
            return b"(" + all_of(value) + b"t"
        case list():
            return b"](" + all_of(value) + b"e"
        case dict():
            return b"}(" + all_of(part for item in value.items() for part in item) + b"u"
    raise TypeError(type(value))


def pickled(value: Any, *, older: bool = False) -> bytes:
    """Return a whole pickle, of protocol 2 as torch.save writes it."""
    return b"\x80\2" + program(value, older=older) + b"."


def tensor(
    key: Any,
    count: Any,
    shape: Any,
    strides: Any = None,
    offset: Any = 0,
    kind: Any = "Float",
    view: tuple[Any, ...] = (),
) -> Call:
    """Return a tensor that looks at the storage of this key, in which there are so many numbers."""
    if strides is None:
        strides, size = (), 1
        for length in reversed(shape):
            strides, size = (size, *strides), size * length
    storage_type = Name("torch", f"{kind}Storage") if isinstance(kind, str) else kind
    storage = Reference(("storage", storage_type, key, "cpu", count, *view))
    hooks = Call(Name("collections", "OrderedDict"))
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, offset, shape, strides, False, hooks))


def archive(
    value: Any, storages: dict[str, bytes], *, top: str = "archive", order: str | None = "little", **more: bytes
) -> bytes:
    """Return the zip form; `more` are other entries in the folder."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as whole:
        whole.writestr(f"{top}/data.pkl", value if isinstance(value, bytes) else pickled(value))
        whole.writestr(f"{top}/.format_version", "1")
        if order is not None:
            whole.writestr(f"{top}/byteorder", order)
        for key, data in storages.items():
            whole.writestr(f"{top}/data/{key}", data)
        for name, data in more.items():
            whole.writestr(f"{top}/{name}", data)
        whole.writestr(f"{top}/version", "3\n")
    return file.getvalue()


def older(value: Any, storages: dict[str, tuple[int, bytes]], keys: Any = None) -> bytes:
    """Return the older form; each storage has the number of its elements, and their bytes."""
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    whole = value if isinstance(value, bytes) else pickled(value, older=True)
    start = pickled(MAGIC) + pickled(1001) + pickled(facts) + whole
    end = b"".join(struct.pack("<q", count) + data for count, data in storages.values())
    return start + pickled(list(storages) if keys is None else keys) + end
