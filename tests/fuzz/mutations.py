"""A mutation is a small wrong done to a good file: to its bytes, to its JSON, or to the instructions of a pickle.

All chance comes from the `random.Random` that is passed in, so that an input can be made again from its number.
"""

import gzip
import json
import pickletools
import re
from random import Random
from typing import Any

EXTREMES = [
    *(0, 1, 2, 3, 4, 7, 8, 9, 63, 64, 65, 127, 128, 255, 256, 784, 2_000, 32_767, 32_768, 65_535, 65_536),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1),
]
NUMBERS = [*EXTREMES, *(-n for n in EXTREMES), 2**127, 2**128, 10**30, 0.5, 1e308, -1e-300, float("nan"), float("inf")]
TEXTS = ["", "a", "$", "$tensor", "$tuple", "nan", "inf", "é\x00\x1b[31m", "\ud800", "../../x", "x" * 300, "F32", "U8"]
DTYPES = ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL", "F8_E4M3", "F4"]
TAGS = ["$tensor", "$scalar", "$number", "$tuple", "$dict", "$generator", "$nothing"]

Bytes = bytes | bytearray


def place(random: Random, data: Bytes) -> int:
    """Choose a position, seldom one of a zero byte: most of those are pixels and weights."""
    at = 0
    for _ in range(8):
        at = random.randrange(len(data) + 1)
        if at < len(data) and data[at]:
            break
    return at


def flip(random: Random, data: bytearray) -> None:
    at = min(place(random, data), len(data) - 1)
    data[at] ^= 1 << random.randrange(8)


def change(random: Random, data: bytearray) -> None:
    data[min(place(random, data), len(data) - 1)] = random.randrange(256)


def number(random: Random, data: bytearray) -> None:
    """Write an extreme number over what may be a length or a size."""
    size, order = random.choice((1, 2, 4, 8)), random.choice(("little", "big"))
    at = place(random, data)
    data[at : at + size] = (random.choice(EXTREMES) % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]


def insert(random: Random, data: bytearray) -> None:
    at = place(random, data)
    data[at:at] = random.randbytes(random.randint(1, 9))


def remove(random: Random, data: bytearray) -> None:
    at = place(random, data)
    del data[at : at + random.choice((1, 1, 2, 4, 8, 50))]


def cut(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


def repeat(random: Random, data: bytearray) -> None:
    """Insert a piece of the file again, elsewhere, once or often."""
    at, size = place(random, data), random.choice((1, 4, 16, 64, 512))
    there = random.randrange(len(data) + 1)
    data[there:there] = data[at : at + size] * random.choice((1, 1, 1, 2, 50))


def swap(random: Random, data: bytearray) -> None:
    """Let two pieces change places."""
    size = random.choice((1, 4, 8, 32))
    if len(data) > 2 * size:
        first = random.randrange(len(data) - 2 * size)
        second = random.randrange(first + size, len(data) - size + 1)
        data[first : first + size], data[second : second + size] = (
            data[second : second + size],
            data[first : first + size],
        )


_WRONGS = (flip, flip, flip, change, change, number, number, number, insert, remove, cut, repeat, swap)


def mutate(random: Random, good: Bytes, others: list[bytes]) -> bytes:
    """Do a few wrongs to the bytes of a file; now and then, continue with the bytes of another one."""
    data = bytearray(good)
    if random.random() < 0.1:
        other = random.choice(others)
        data[random.randrange(len(data) + 1) :] = other[random.randrange(len(other)) :]
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4, 8))):
        if data:
            random.choice(_WRONGS)(random, data)
    return bytes(data)


def zipped(random: Random, data: bytes) -> bytes:
    """Sometimes pack the file: whole, as two members, or with a wrong done to the packed bytes."""
    kind = random.random()
    if kind < 0.6:
        return data
    packed = gzip.compress(data, 1, mtime=0)
    if kind < 0.8:
        return packed
    if kind < 0.85:
        middle = random.randrange(len(data) + 1)
        packed = gzip.compress(data[:middle], 1, mtime=0) + gzip.compress(data[middle:], 1, mtime=0)
        return packed + bytes(random.choice((0, 0, 512)))
    return mutate(random, packed, [packed])


def instructions(content: bytes) -> list[bytes]:
    """Cut a pickle into its instructions, each with its argument."""
    starts = [at for _, _, at in pickletools.genops(content) if at is not None]
    return [content[start:end] for start, end in zip(starts, [*starts[1:], len(content)], strict=True)]


def mutate_pickle(random: Random, program: list[bytes], others: list[bytes]) -> bytes:
    """Leave out, repeat, exchange and insert instructions of a pickle."""
    program = list(program)
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        at = random.randrange(len(program))
        match random.randrange(6):
            case 0:
                del program[at : at + random.choice((1, 1, 2, 5))]
            case 1:
                program[at:at] = program[at : at + random.choice((1, 3, 10))] * random.choice((1, 1, 2, 100))
            case 2:
                there = random.randrange(len(program))
                program[at], program[there] = program[there], program[at]
            case 3:
                program.insert(at, random.choice(others))
            case 4:
                program[at] = random.choice(others)
            case _:
                program[at] = mutate(random, program[at], others)
        if not program:
            break
    return b"".join(program)


def _nodes(tree: Any) -> list[tuple[Any, Any]]:
    """List every place in a tree of JSON, as (container, key)."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        waiting += [node[key] for key in keys]
    return found


def anything(random: Random) -> Any:
    """Make some JSON: small, and seldom what was meant."""
    return random.choice(
        (
            lambda: random.choice(NUMBERS),
            lambda: random.choice(TEXTS),
            lambda: random.choice((None, True, False, [], {}, [[]], "state/x")),
            lambda: random.choice(DTYPES),
            lambda: {random.choice(TAGS): anything(random)},
            lambda: [anything(random) for _ in range(random.randrange(4))],
            lambda: nested(random.choice((5, 49, 50, 55, 120, 500, 3000)), random.choice(("list", *TAGS))),
        )
    )()


def nested(depth: int, kind: str) -> str:
    """Return what `dump` turns into lists, or dicts of a tag, in one another: Python cannot write such trees down."""
    return f"@{depth} {kind}@"


def _nest(found: re.Match[str]) -> str:
    depth, kind = int(found[1]), found[2]
    opening, closing = ("[", "]") if kind == "list" else (f'{{"{kind}":', "}")
    return opening * depth + "0" + closing * depth


def dump(tree: Any) -> str:
    """Write JSON down."""
    return re.sub(r'"@(\d+) ([$a-z]+)@"', _nest, json.dumps(tree))


def mutate_json(random: Random, tree: Any) -> Any:
    """Do one wrong to a tree of JSON, in place."""
    places = _nodes(tree)
    if not places:
        return anything(random)
    parent, key = random.choice(places)
    other, there = random.choice(places)
    match random.randrange(8):
        case 0:
            del parent[key]
        case 1 | 2 | 3:
            parent[key] = anything(random)
        case 4:  # a copy, for a tree that holds itself cannot be written down
            parent[key] = json.loads(json.dumps(other[there]))
        case 5:
            parent[key], other[there] = json.loads(json.dumps([other[there], parent[key]]))
        case 6 if isinstance(parent, dict):
            parent[random.choice((*TEXTS, *TAGS, key + "x"))] = parent.pop(key)
        case 7 if type(parent[key]) is int:
            parent[key] += random.choice((-1, 1, 4, 2**31, 2**62))
        case _:
            parent[key] = [parent[key]]
    return tree
