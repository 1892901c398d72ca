"""The bytes of a file are looked at before they are parsed: too many or too deep messages are refused."""

import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from minnet.errors import CheckpointError
from minnet.onnx.reading.wireformat import MOST_MESSAGES, check_messages


def field(number, content):
    """Return a field that holds bytes."""
    length, size = len(content), b""
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def test_bytes_of_a_model_pass():
    check_messages(
        field(7, field(1, b"\x0a\x01x" + field(5, b"\x18\x96\x01")) + field(5, b"\x09" + b"\0" * 8)) + b"\x08\x01"
    )
    check_messages(b"")


@pytest.mark.slow
def test_too_many_messages():
    nodes = b"\x0a\x00" * (MOST_MESSAGES + 1)
    with pytest.raises(CheckpointError, match="more than 1,000,000 messages"):
        check_messages(field(7, nodes))


def test_too_deep_messages():
    content = b""
    for _ in range(40):
        content = field(1, field(5, field(6, content)))  # a node, its attribute, the graph in that
    with pytest.raises(CheckpointError, match="more than 32 deep"):
        check_messages(field(7, content))


@pytest.mark.parametrize("content", [b"\x0a\x05ab", b"\x0a", b"\xff" * 20, b"\x0b", b"\x09\0", field(7, b"\x0a\x09a")])
def test_damaged_bytes(content):
    with pytest.raises(CheckpointError, match="no ONNX file"):
        check_messages(content)
