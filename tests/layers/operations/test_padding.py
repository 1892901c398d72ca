"""Numbers added at the ends of axes."""

import numpy as np
import pytest

from minnet.inspection.gradcheck import check_layer
from minnet.layers.operations import PadAxes

X = np.random.default_rng(0).normal(size=(3, 5, 4))


@pytest.mark.parametrize(
    "pads",
    [
        ((0, 0), (1, 2), (0, 0)),
        ((0, 0), (2, 1), (3, 0)),
        ((0, 0), (-1, 2), (1, -2)),
        ((0, 0), (-3, 9), (13, -1)),
    ],
)
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_modes(mode, pads):
    layer = PadAxes(pads, mode, 1.5)
    cut = X[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(X.shape, pads, strict=True))]
    added = [(max(a, 0), max(b, 0)) for a, b in pads]
    options = {"constant_values": 1.5} if mode == "constant" else {}
    assert np.array_equal(layer.forward(X), np.pad(cut, added, mode, **options))
    assert check_layer(layer, X)


def test_wrong_arguments_and_inputs():
    with pytest.raises(ValueError, match="two numbers for each axis"):
        PadAxes(((1,),))
    with pytest.raises(ValueError, match="one of 'constant'"):
        PadAxes(((1, 1),), "mirror")
    with pytest.raises(ValueError, match="cannot pad an array of shape"):
        PadAxes(((1, 1),)).forward(X)
    with pytest.raises(ValueError, match="cannot pad an array of shape"):
        PadAxes(((0, 0), (-3, -3), (0, 0))).forward(X)
    with pytest.raises(ValueError, match="cannot pad an array of shape"):
        PadAxes(((0, 0), (-5, 1), (0, 0)), "wrap").forward(X)
    with pytest.raises(ValueError, match="numbers are the most"):
        PadAxes(((0, 0), (0, 2**40), (0, 0))).forward(X)
