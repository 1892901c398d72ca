"""A state_dict is loaded by names, or refused with a list of the differences; the model is then unchanged."""

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError, DataWarning


def model():
    return mn.Sequential(mn.Linear(3, 4, rng=0), mn.ReLU(), mn.Linear(4, 2, rng=1))


def given(dtype=np.float32):
    random = np.random.default_rng(5)
    shapes = {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (2, 4), "2.bias": (2,)}
    return {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def numbers(layer):
    return [array.data.tobytes() for _, array in layer.named_arrays()]


def test_it_is_returned_in_eval_mode_until_it_is_trained():
    own = model()
    assert mn.torch.load_state_dict(own, given()) is own
    assert not own.training
    assert own.eval_until_fit
    assert np.array_equal(own[0].weight.data, given()["0.weight"].T)
    assert mn.torch.load_state_dict(own, given(), train=True).training


@pytest.mark.parametrize("own", [np.float32, np.float64])
@pytest.mark.parametrize("theirs", [np.float16, np.float32, np.float64])
def test_numbers_get_the_dtype_of_the_model(own, theirs):
    loaded = mn.torch.load_state_dict(model().astype(own), given(theirs))
    assert loaded.dtype == own
    assert np.array_equal(loaded[2].bias.data, given(theirs)["2.bias"].astype(own))


def test_a_part():
    whole = {f"body.0.{name}": values for name, values in given().items()}
    whole["head.weight"] = np.zeros((9, 9), np.float32)
    assert mn.torch.load_state_dict(model(), whole, prefix="body.0")[0].weight.data.shape == (3, 4)
    layer = model()[2]
    mn.torch.load_state_dict(layer, given(), prefix="2")
    assert np.array_equal(layer.bias.data, given()["2.bias"])


@pytest.mark.parametrize("new", ["layers[0]", "0"])
def test_rename(new):
    theirs = {name.replace("0.", "fc."): values for name, values in given().items()}
    loaded = mn.torch.load_state_dict(model(), theirs, rename={"fc": new})
    assert np.array_equal(loaded[0].bias.data, theirs["fc.bias"])
    theirs["step"] = np.float32(0)[None]
    loaded = mn.torch.load_state_dict(model(), theirs, rename=lambda n: None if n == "step" else n.replace("fc", new))
    assert np.array_equal(loaded[0].bias.data, theirs["fc.bias"])


def test_what_does_not_fit_is_listed_and_nothing_changes():
    own = model()
    before = numbers(own)
    theirs = given() | {"2.weight": np.zeros((4, 2), np.float32), "1.alpha": np.zeros(1, np.float32)}
    del theirs["0.bias"]
    with pytest.raises(CheckpointError) as caught:
        mn.torch.load_state_dict(own, theirs)
    text = str(caught.value)
    assert text.startswith("the state_dict does not fit the model, in 3 places:\n")
    assert "layers[0].bias ('0.bias'): in the model, not in the state_dict" in text
    assert "2.weight: shape (2, 4) in the model, as PyTorch has it, and (4, 2) in the state_dict" in text
    assert "1.alpha: in the state_dict, not in the model" in text
    assert numbers(own) == before


def test_what_fits():
    reports = []
    theirs = given() | {"2.weight": np.zeros((4, 2), np.float32), "1.alpha": np.zeros(1, np.float32)}
    del theirs["0.bias"]
    own = mn.torch.load_state_dict(model(), theirs, strict=False, report=reports.append)
    assert np.array_equal(own[0].weight.data, theirs["0.weight"].T)
    (report,) = reports
    assert report.loaded == ("layers[0].weight", "layers[2].bias")
    assert report.missing == ("layers[0].bias",)
    assert list(report.mismatched) == ["layers[2].weight"]
    assert report.unexpected == ("1.alpha",)


def test_nothing_fits(capsys):
    with pytest.raises(CheckpointError, match="does not fit"):
        mn.torch.load_state_dict(model(), {"x": np.zeros(3, np.float32)}, strict=False)
    mn.torch.load_state_dict(model(), given() | {"x": np.zeros(3, np.float32)}, strict=False)
    assert "in the file, not in the model (1):\n    x" in capsys.readouterr().err


def test_integers_and_numbers_that_are_too_large():
    with pytest.raises(CheckpointError, match=r"0\.bias: floats in the model, and int64 in the state_dict"):
        mn.torch.load_state_dict(model(), given() | {"0.bias": np.zeros(4, np.int64)})
    large = given(np.float64)
    large["0.bias"][1] = 1e300
    with pytest.raises(CheckpointError, match=r"0\.bias: its numbers are too large for float32: model\.astype"):
        mn.torch.load_state_dict(model(), large)
    large["0.bias"][1] = np.inf
    assert mn.torch.load_state_dict(model(), large)[0].bias.data[1] == np.inf


def test_a_shared_weight_in_one_of_its_places_or_in_all():
    def tied():
        layer = mn.Linear(3, 2, rng=0)
        return mn.Sequential(layer, mn.Tied(layer, rng=0))

    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    rest = {"0.bias": np.zeros(2, np.float32), "1.bias": np.zeros(3, np.float32)}
    for names in (["0.weight"], ["1.weight"], ["0.weight", "1.weight"]):
        loaded = mn.torch.load_state_dict(tied(), rest | dict.fromkeys(names, weight))
        assert np.array_equal(loaded[1].weight.data, weight.T)
    with pytest.raises(CheckpointError, match=r"1\.weight: shared with another tensor in the model, and different"):
        mn.torch.load_state_dict(tied(), rest | {"0.weight": weight, "1.weight": weight + 1})


def test_wrong_arguments():
    with pytest.raises(TypeError, match="make the model first"):
        mn.torch.load_state_dict(given(), model())
    with pytest.raises(TypeError, match="rename"):
        mn.torch.load_state_dict(model(), given(), rename=["0"])
    with pytest.raises(CheckpointError, match="below the prefix 'body'"):
        mn.torch.load_state_dict(model(), given(), prefix="body")


def test_a_row_that_pads_and_is_not_zero():
    table = np.ones((5, 3), np.float32)
    with pytest.warns(DataWarning, match=r"layers\[0\] = Embedding\(5, 3, padding_idx=1\) returns 0 for 1, where Py"):
        mn.torch.load_state_dict(mn.Sequential(mn.Embedding(5, 3, padding_idx=1)), {"0.weight": table})
    table[1] = 0
    mn.torch.load_state_dict(mn.Embedding(5, 3, padding_idx=1), {"weight": table})
    mn.torch.load_state_dict(mn.Embedding(5, 3), {"weight": table + 1})
