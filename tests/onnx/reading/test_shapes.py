"""What is known of shapes before a network runs."""

import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from minnet.onnx.reading.shapes import keeps_first, known, reshaped, together, windows


def test_known_and_together():
    assert known((2, 3)) == (2, 3)
    assert known((2, "n")) is known(None) is None
    assert together((3, 1), (4,)) == (3, 4)
    assert together(("n", 1), ("n", 5)) == ("n", 5)
    assert together(("n",), ("m",)) == (None,)
    assert together(None, (1,)) is None


def test_windows():
    assert windows(7, 3, 2, 1, 1) == 4
    assert windows(8, 3, 2, 0, 0) == 3
    assert windows(8, 3, 2, 0, 0, ceil_mode=True) == 4
    assert windows(9, 2, 1, 0, 0, dilation=3) == 6
    assert windows("n", 3, 2, 1, 1) is None


def test_reshapes():
    assert reshaped(("n", 3, 4), ("n", 12)) == (("n", 12), (0, 12))
    assert reshaped(("t", "n", 16), ("t", None, 8)) == (("t", None, 8), (0, -1, 8))
    assert reshaped(("n", "t", 16), ("n", "t", 4, 4)) == (("n", "t", 4, 4), (0, 0, 4, 4))
    assert reshaped((2, 3, 4), (2, -1)) == ((2, 12), (0, -1))
    assert reshaped(("n", "t", 4), ("t", "n", 4)) == (("t", "n", 4), None)
    assert reshaped(None, (-1, 4)) == ((None, 4), (-1, 4))


def test_whether_samples_stay():
    assert keeps_first(("n", 3, 4), (0, 12))
    assert keeps_first(("n", 3, 4), (-1, 12))
    assert not keeps_first(("n", 3, 4), (-1, 6))
    assert not keeps_first(("n", 3, 4), (0, 0, 4))
    assert not keeps_first(None, (-1, 4))
