"""What mn.torch has, and what it says of names that it has not."""

import pytest

import minnet as mn


def test_names():
    assert dir(mn.torch) == ["load_state_dict", "state_dict", "to_torch"]
    with pytest.raises(AttributeError, match=r"mn\.torch\.load_state_dict\(model, path\) for a file of PyTorch's"):
        mn.torch.load  # noqa: B018
    with pytest.raises(AttributeError, match=r"make the model of minnet's layers, then mn.torch"):
        mn.torch.from_torch  # noqa: B018
    with pytest.raises(AttributeError, match=r"did you mean mn\.torch\.to_torch"):
        mn.torch.to_troch  # noqa: B018
