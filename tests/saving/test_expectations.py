"""What a model expects is in its files, and a file with nonsense there is refused before anything changed."""

import copy
import json
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.saving.expectations import check_class_names, expectations, read_expectations
from minnet.saving.tensorfile import read_tensors, write_tensors

X = np.random.default_rng(0).integers(0, 256, (40, 4), np.uint8)
Y = np.arange(40) % 3


def make(seed=0):
    model = mn.Sequential(mn.Linear(4, 3, rng=seed))
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 0.1))


@pytest.mark.parametrize("scale", [1.0, 1 / 255, None, 2])
@pytest.mark.parametrize("names", [None, ["cat", "dog", "Größe"], ("a", "b", "c")])
def test_save_and_load(scale, names, tmp_path):
    model = make().model
    model.input_scale, model.class_names = scale, names
    mn.save(model, tmp_path / "m.safetensors")
    other = mn.load(make(1).model, tmp_path / "m.safetensors")
    assert other.input_scale == scale
    assert other.class_names == (names and list(names))


def test_what_was_not_set_is_not_in_the_file(tmp_path):
    model = make().model
    mn.save(model, tmp_path / "m.safetensors")
    assert not {"input_scale", "class_names"} & read_tensors(tmp_path / "m.safetensors").metadata.keys()
    other = make(1).model
    other.input_scale = 0.5
    assert mn.load(other, tmp_path / "m.safetensors").input_scale == 0.5
    assert mn.load(make(1).model, tmp_path / "m.safetensors").input_scale == 1 / 256


def test_a_checkpoint_has_them_for_load_and_for_resume(tmp_path):
    trainer = make()
    trainer.model.class_names = ["a", "b", "c"]
    trainer.fit(mn.DataLoader(X, Y, 10, scale=1.0, rng=0), epochs=2, checkpoint=tmp_path)
    loaded = mn.load(make(1).model, sorted(tmp_path.glob("*.safetensors"))[-1])
    assert (loaded.input_scale, loaded.class_names) == (1.0, ["a", "b", "c"])
    resumed = make()
    resumed.model.class_names = ["a", "b", "c"]
    resumed.fit(mn.DataLoader(X, Y, 10, scale=1.0, rng=0), epochs=3, checkpoint=tmp_path)
    assert (resumed.model.input_scale, resumed.epoch) == (1.0, 3)


@pytest.mark.parametrize("copied_by", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_have_them(copied_by):
    model = make().model
    model.input_scale, model.class_names = None, ["a"]
    other = copied_by(model)
    assert (other.input_scale, other.class_names) == (None, ["a"])


BAD = {
    "input_scale": ["0", "-1", "NaN", "Infinity", "1e999", '"1"', "true", "[1]", "{", "1" * 5000],
    "class_names": ['"abc"', "[1]", "{}", "3", "[null]", '["a", ["b"]]', "["],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_nonsense_is_refused_and_nothing_changes(name, text, tmp_path):
    model = make().model
    tensors = {path: parameter.data + 1 for path, parameter in model.named_parameters()}
    path = tmp_path / "m.safetensors"
    write_tensors(path, tensors, {"kind": "weights", name: text})
    before = model.layers[0].weight.data.copy()
    with pytest.raises(CheckpointError, match=rf"its {name} (is|are) ") as caught:
        mn.load(model, path)
    assert len(str(caught.value)) < 700
    assert (model.layers[0].weight.data == before).all()
    assert (model.input_scale, model.class_names) == (1 / 256, None)


def test_another_tools_metadata_mean_nothing():
    assert read_expectations("f", {"input_scale": "?", "class_names": "cat,dog"}) == {}


def test_class_names_are_looked_at_by_save_and_by_fit(tmp_path):
    trainer = make()
    trainer.model.class_names = "abc"
    with pytest.raises(TypeError, match=r"^model.class_names must be a list of strings, one for each class, got 'abc'"):
        mn.save(trainer.model, tmp_path / "m.safetensors")
    trainer.model.class_names = ["a", "b"]
    with pytest.raises(ValueError, match=r"must have one name for each of the model's 3 outputs, got 2"):
        trainer.fit(mn.DataLoader(X, Y), epochs=1)
    assert trainer.step == 0
    check_class_names(make().model, 3)


def test_they_are_json():
    model = make().model
    model.input_scale, model.class_names = 1 / 255, ["a"]
    assert {name: json.loads(text) for name, text in expectations(model).items()} == {
        "input_scale": 1 / 255,
        "class_names": ["a"],
    }
