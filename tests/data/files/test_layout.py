from pathlib import Path

import numpy as np
import pytest

from minnet.data.files.layout import Layout, brief_shape, check_numbers
from minnet.errors import DataError

HERE, F4 = Path("x"), np.dtype("f4")


def test_the_size_of_the_file_bounds_it():
    layout = Layout((2, 3), F4, 10)
    assert layout.check(HERE, 34) is layout.check(HERE, 99, ends=False) is layout
    for size, ends in ((33, True), (35, True), (33, False)):
        with pytest.raises(DataError, match="expected 34 bytes, because of a header that claims the shape"):
            layout.check(HERE, size, ends=ends)


def test_a_long_shape_is_told_briefly():
    assert brief_shape((1, 2)) == "(1, 2)"
    assert len(brief_shape((1,) * 1000)) == 80


def test_numbers():
    assert check_numbers(HERE, F4) is F4
    for dtype in ("O", "U3", "c8", "V2", "M8[s]", "f4,f4"):
        with pytest.raises(DataError, match="x: expected"):
            check_numbers(HERE, np.dtype(dtype))
