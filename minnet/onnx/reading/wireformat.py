"""A look at the bytes of an ONNX file before the protobuf library parses them: how many messages, and how deep.

A message of two bytes takes a hundred in memory, so that a file of some megabytes could take gigabytes. Only the fields
that hold messages are looked into; the numbers of the tensors are skipped.

https://protobuf.dev/programming-guides/encoding; the numbers of the fields are those of onnx.proto.
"""

from minnet.errors import CheckpointError

MOST_MESSAGES = 1_000_000
DEEPEST = 32

# Kind of message → number of a field → the kind of the message in it. Other fields hold no messages.
FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "leaf", 14: "leaf", 20: "training", 25: "function", 26: "configuration"},
    "training": {1: "graph", 2: "graph", 3: "leaf", 4: "leaf"},
    "graph": {
        1: "node",
        5: "tensor",
        11: "value",
        12: "value",
        13: "value",
        14: "annotation",
        15: "sparse",
        16: "leaf",
    },
    "function": {7: "node", 9: "leaf", 11: "attribute", 12: "value", 14: "leaf"},
    "node": {5: "attribute", 9: "leaf", 10: "configuration"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        14: "type",
        15: "type",
        22: "sparse",
        23: "sparse",
    },
    "tensor": {3: "leaf", 13: "leaf", 16: "leaf"},
    "sparse": {1: "tensor", 2: "tensor"},
    "value": {2: "type", 4: "leaf"},
    "type": {1: "tensortype", 4: "holder", 5: "holder", 8: "tensortype", 9: "holder"},
    "tensortype": {2: "shape"},
    "holder": {1: "type", 2: "type"},
    "shape": {1: "leaf"},
    "annotation": {2: "leaf"},
    "configuration": {2: "configuration", 3: "configuration", 4: "configuration"},
    "leaf": {},
}


def check_messages(data: bytes) -> None:
    """Raise CheckpointError if bytes are not those of an ONNX model, or hold too many or too deep messages."""
    count = 0
    stack = [(FIELDS["model"], 0, 0, len(data))]
    while stack:
        inside, depth, at, end = stack.pop()
        while at < end:
            key, at = _number(data, at, end)
            field, wire = key >> 3, key & 7
            if wire == 0:
                _, at = _number(data, at, end)
            elif wire in (1, 5):
                at += 8 if wire == 1 else 4
            elif wire == 2:
                length, at = _number(data, at, end)
                if field in inside:
                    count += 1
                    if count > MOST_MESSAGES or depth > DEEPEST:
                        raise CheckpointError(
                            f"it has more than {MOST_MESSAGES:,} messages, or more than {DEEPEST} deep"
                        )
                    if length:
                        stack.append((FIELDS[inside[field]], depth + 1, at, at + length))
                at += length
            else:
                raise CheckpointError("it is no ONNX file: a field is of an unknown kind")
            if at > end:
                raise CheckpointError("it is no ONNX file, or it is cut off: a field is longer than the rest")


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the place behind it."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise CheckpointError("it is no ONNX file, or it is cut off: a number has no end")
