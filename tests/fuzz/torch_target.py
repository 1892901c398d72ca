"""The target of PyTorch's files: both forms of torch.save, and safetensors, read without PyTorch."""

import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from mutations import EXTREMES, NUMBERS, instructions, mutate, mutate_pickle
from target import Target
from tensorfiles import join
from torch_oracle import KINDS, check_torch

from minnet.errors import CheckpointError
from minnet.torch.reading.state_dicts import read_state_dict

sys.path.append(str(Path(__file__).parents[1] / "support"))  # when fuzz.py runs as a program

from torch_files import Call, Name, Ordered, Raw, Reference, archive, older, pickled, program, tensor

Storages = dict[str, tuple[int, bytes]]


@cache
def _values() -> list[tuple[Any, Storages]]:
    """Return things to save, with their storages."""
    random = np.random.default_rng(0)
    found = []
    for kind, (stored, _) in KINDS.items():
        numbers = random.integers(0, 255, 12).astype(stored)
        found.append((Ordered({"w": tensor("0", 12, (3, 4), kind=kind)}), {"0": (12, numbers.tobytes())}))
    floats = {key: (24, random.normal(size=24).astype("f4").tobytes()) for key in ("0", "1")}
    looks = {
        "module.weight": tensor("0", 24, (4, 6)),
        "module.tied": tensor("0", 24, (4, 6)),
        "module.turned": tensor("0", 24, (6, 4), (1, 6)),
        "module.part": tensor("0", 24, (2, 3), (12, 2), 7),
        "module.wide": tensor("1", 24, (3, 50), (1, 0), 2),
        "module.one": tensor("1", 24, (), (), 5),
        "module.none": tensor("1", 24, (0, 3)),
    }
    found.append((Ordered(looks), floats))
    moments = {0: {"step": tensor("1", 24, ()), "exp_avg": tensor("1", 24, (4, 6))}}
    training = {
        "epoch": 3,
        "loss": 0.25,
        "args": {"name": "a", "lr": None, "steps": [1, 2**40], "shape": (3, True)},
        "optimizer": {"state": moments, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "size": Call(Name("torch", "Size"), ((3, 4),)),
        "model_state": Ordered({"weight": tensor("0", 24, (24,)), "w._extra_state": None}),
    }
    found.append((training, floats))
    parameter = Call(Name("torch._utils", "_rebuild_parameter"), (tensor("0", 24, (24,)), True, Raw(b"}")))
    found.append(({"weight": parameter, "bias": tensor("1", 24, (2, 2), (3, 1), 3)}, floats))
    untyped = Name("torch.storage", "UntypedStorage")
    v3 = Call(
        Name("torch._utils", "_rebuild_tensor_v3"),
        (Reference(("storage", untyped, "0", "cpu", 96)), 1, (5,), (2,), False, Raw(b"}"), Name("torch", "uint16")),
    )
    found.append(({"v3": v3}, {"0": (96, floats["0"][1])}))
    return found


@cache
def _samples() -> list[bytes]:
    files = []
    for value, storages in _values():
        plain = {key: data for key, (_, data) in storages.items()}
        files += [archive(value, plain), archive(value, plain, order="big", top="x"), older(value, storages)]
    files.append(archive(_values()[0][0], {"0": bytes(96)}, order=None))
    header = {
        name: {"dtype": dtype, "shape": [2, 3], "data_offsets": [6 * size * i, 6 * size * (i + 1)]}
        for size, names in ((2, ("F16", "BF16", "I16")), (1, ("BOOL", "U8", "I8")))
        for i, (name, dtype) in enumerate(zip(("a", "b", "c"), names, strict=True))
    }
    files.append(join(header, bytes(range(18))))
    return files


def _make(random: Random) -> bytes:
    kind = random.random()
    if kind < 0.3:
        return mutate(random, random.choice(_samples()), _samples())
    if kind < 0.45:
        return _wrong_zip(random, random.choice(_samples()))
    value, storages = random.choice(_values())
    if kind < 0.7:
        value = _odd_tensors(random, storages)
        return _packed(random, value, storages)
    programs, foreign = _programs()
    return _packed(random, mutate_pickle(random, random.choice(programs), foreign), storages)


def _packed(random: Random, value: Any, storages: Storages) -> bytes:
    """Pack a value, or the bytes of a pickle, in one of the forms."""
    if random.random() < 0.5:
        return older(value, storages)
    return archive(value, {key: data for key, (_, data) in storages.items()}, order=random.choice(("little", "big")))


def _odd_tensors(random: Random, storages: Storages) -> Any:
    """Make tensors with sizes, strides and offsets of any kind."""

    wild = random.choice((0.0, 0.05, 0.3))

    def number(usual: Any = 1) -> Any:
        return (
            random.choice((0, -1, 24, random.randrange(25), random.choice(NUMBERS)))
            if random.random() < wild
            else usual
        )

    def numbers(count: int) -> tuple[Any, ...]:
        return tuple(number(random.randrange(1, 4)) for _ in range(count))

    tensors = {}
    for i in range(random.choice((1, 1, 2, 5))):
        key = random.choice((*storages, "2")) if random.random() < wild else random.choice((*storages,))
        kind = random.choice((*KINDS, "QInt8", "Untyped")) if random.random() < wild else "Float"
        axes = random.choice((0, 1, 1, 2, 2, 3)) if random.random() > wild / 9 else 33
        strides, offset = numbers(axes + (random.random() < wild / 9)), number(random.randrange(4))
        view = (("1", number(), number()),) if random.random() < wild else ()
        count = number(storages.get(key, (24, b""))[0])
        tensors[random.choice((f"t{i}", f"module.t{i}"))] = tensor(
            key, count, numbers(axes), strides, offset, kind, view
        )
    nested = {"model": tensors, "epoch": number()}, {"a": tensors, "b": tensors}
    return random.choice((Ordered(tensors), Ordered(tensors), tensors, *nested))


@cache
def _programs() -> tuple[list[list[bytes]], list[bytes]]:
    """Return pickles of good files as instructions, and instructions of every kind to put into them."""
    programs = [instructions(pickled(value, older=form)) for value, _ in _values() for form in (False, True)]
    foreign = [bytes([code]) for code in range(256)]
    names = """os.system builtins.eval torch.load torch.float8_e4m3fn torch.device torch.storage._load_from_bytes
        torch.nn.modules.linear.Linear argparse.Namespace collections.OrderedDict collections.defaultdict torch.Size
        torch._tensor._rebuild_from_type_v2 torch._utils._rebuild_qtensor torch._utils._rebuild_sparse_tensor"""
    found = [Name(*name.rsplit(".", 1)) for name in names.split()]
    foreign += [program(thing) for name in found for thing in (name, Call(name))]
    foreign += [program(number) for number in (*EXTREMES, -1, -(2**31), 0.5)]
    foreign += [b"\x95" + b"\xff" * 8, b"P0\n", b"Q", b"ios\nsystem\n", b"\x8b\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 8]
    foreign += [b"L" + b"9" * 200 + b"L\n", b"h\0", b"h\1", b"q\0", b"r\xff\xff\xff\xff", b"2", b"2" * 50, b"](2\x862e"]
    return programs, foreign + [part for whole in programs for part in whole if len(part) < 60]


# The marks of a zip: of an entry's own head, of an entry in the list, and of the end; with where which fields are.
_FIELDS = [
    (b"PK\3\4", ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))),
    (b"PK\1\2", ((6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4))),
    (b"PK\5\6", ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2))),
]


def _wrong_zip(random: Random, content: bytes) -> bytes:
    """Write other numbers into the fields of a zip's heads and lists, or move entries."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        mark, fields = random.choice(_FIELDS)
        places = [at for at in range(len(data) - 3) if data[at : at + 4] == mark]
        if not places:
            return mutate(random, content, _samples())
        at, (field, size) = random.choice(places), random.choice(fields)
        old = int.from_bytes(data[at + field : at + field + size], "little")
        flipped = old ^ 1 << random.randrange(8 * size)
        new = random.choice((old + 1, old - 1, flipped, random.choice(EXTREMES), len(data)))
        new = random.choice((new, int.from_bytes(data[places[0] + field : places[0] + field + size], "little")))
        data[at + field : at + field + size] = (new % (1 << 8 * size)).to_bytes(size, "little")
    return bytes(data)


TORCH = {"torch": Target(_samples, _make, read_state_dict, CheckpointError, check_torch, memory=(1 << 25) + (1 << 23))}
