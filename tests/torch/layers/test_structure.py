"""Structure layers show what they do; test_making compares their numbers."""

import pytest

pytest.importorskip("torch")
import minnet as mn


@pytest.mark.parametrize("layer", [mn.Permute(0, 2, 1), mn.Reshape(2, -1), mn.Identity()], ids=repr)
def test_repr(layer):
    assert repr(mn.torch.to_torch(layer)) == repr(layer)
