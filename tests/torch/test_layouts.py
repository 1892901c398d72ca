"""A layout's two functions undo each other."""

import numpy as np
import pytest

from minnet.torch import layouts


@pytest.mark.parametrize(
    ("layout", "arrays"),
    [
        (layouts.SAME, [np.arange(6.0).reshape(2, 3)]),
        (layouts.SWAPPED, [np.arange(6.0).reshape(2, 3)]),
        (layouts.SWAPPED, [np.arange(24.0).reshape(2, 3, 2, 2)]),
        (layouts.COUNT, [np.array(7.0)]),
        (layouts.packed(3), [np.arange(8.0).reshape(4, 2) + i for i in range(3)]),
        (layouts.packed(2), [np.arange(4.0), np.arange(4.0) + 9]),
    ],
)
def test_there_and_back(layout, arrays):
    packed = layout.to_torch(*arrays)
    again = layout.from_torch(packed)
    assert len(again) == len(arrays)
    for one, other in zip(arrays, again, strict=True):
        assert np.array_equal(one, other)


def test_what_is_swapped():
    assert layouts.SWAPPED.to_torch(np.zeros((2, 3, 5))).shape == (3, 2, 5)
    assert layouts.packed(3).to_torch(*[np.zeros((4, 2))] * 3).shape == (6, 4)
    assert layouts.COUNT.to_torch(np.float32(3)).dtype == np.int64
