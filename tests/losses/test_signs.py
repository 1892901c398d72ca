"""Labels that are −1 or 1."""

import numpy as np
import pytest

from minnet.losses import HingeLoss
from minnet.losses.signs import check_signs


def test_signs_pass_and_others_do_not():
    signs = np.array([1.0, -1, 1])
    assert check_signs(HingeLoss(), signs, "") is signs
    assert check_signs(HingeLoss(), signs[:0], "").size == 0
    with pytest.raises(ValueError, match=r"^HingeLoss expected labels that are -1 or 1, got 0: labels 0 and 1\?"):
        check_signs(HingeLoss(), np.array([1.0, 0]), "else")
    with pytest.raises(ValueError, match="got 2: else"):
        check_signs(HingeLoss(), 2 * signs, "else")
