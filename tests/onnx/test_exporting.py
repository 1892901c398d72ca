"""The file: checked, whole, with metadata; the model stays as it was."""

import json
import os
import re

import numpy as np
import pytest
from onnx_files import OPSETS, exported, onnx, run

import minnet as mn
from minnet.onnx import export

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def model():
    return mn.Sequential(body=mn.Linear(4, 6, rng=0), norm=mn.BatchNorm1d(6), head=mn.Linear(6, 3, rng=1))


def test_what_the_file_says(tmp_path):
    made = model()
    made.class_names, made.input_scale = ["cat", "dog", "Änne"], 0.5
    proto = exported(made, tmp_path / "m.onnx", 4, floats(1, 4), floats(7, 4))
    metadata = {entry.key: json.loads(entry.value) for entry in proto.metadata_props}
    assert metadata == {"class_names": ["cat", "dog", "Änne"], "input_scale": 0.5}
    assert (proto.producer_name, proto.producer_version) == ("minnet", mn.__version__)
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 18)]
    assert "0.5" in proto.graph.input[0].doc_string
    shapes = [v.type.tensor_type.shape.dim for v in (*proto.graph.input, *proto.graph.output)]
    assert [[d.dim_param or d.dim_value for d in dims] for dims in shapes] == [["batch", 4], ["batch", 3]]
    names = {tensor.name for tensor in proto.graph.initializer}
    assert names == {name for name, _ in made.named_arrays()} - {'layers["norm"].num_batches_tracked'}
    made.input_scale = None
    proto = exported(made, tmp_path / "m.onnx", 4, floats(2, 4))
    assert json.loads(next(e.value for e in proto.metadata_props if e.key == "input_scale")) is None


@pytest.mark.parametrize("opset", OPSETS)
def test_the_opsets(opset, tmp_path):
    proto = exported(model(), tmp_path / "m.onnx", 4, floats(3, 4), opset=opset)
    assert proto.opset_import[0].version == opset


@pytest.mark.parametrize("opset", [17, 23, 0, -1])
def test_other_opsets_are_refused(opset, tmp_path):
    with pytest.raises(ValueError, match=f"writes the opsets 18 to 22 of ONNX, got opset={opset}"):
        mn.onnx.export(model(), tmp_path / "m.onnx", 4, opset=opset)


@pytest.mark.parametrize("opset", ["18", 18.0, None, True])
def test_an_opset_is_an_int(opset, tmp_path):
    with pytest.raises(TypeError, match="expected opset to be an int"):
        mn.onnx.export(model(), tmp_path / "m.onnx", 4, opset=opset)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_model_stays_as_it_was(dtype, mode, tmp_path):
    made = getattr(model().astype(dtype), mode)()
    made.layers[0].freeze()
    x = floats(5, 4).astype(dtype)
    made.forward(x)
    before = {name: array.tobytes() for name, array in made.state_dict().items()}, repr(made)
    kept = vars(made.layers[0]).get("_cache")
    exported(made, tmp_path / "m.onnx", 4, x)
    assert ({name: array.tobytes() for name, array in made.state_dict().items()}, repr(made)) == before
    mn.onnx.export(made.train(), tmp_path / "m.onnx", 4)
    assert made.training
    assert not made.layers[0].weight.trainable
    if mode == "train":
        assert kept is not None


def test_two_exports_are_the_same_bytes(tmp_path):
    for name in "ab":
        mn.onnx.export(model(), tmp_path / name, 4)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_bytes_are_scaled_in_the_graph(tmp_path):
    X = random.integers(0, 256, (6, 1, 8, 8)).astype(np.uint8)
    made = mn.Sequential(mn.Conv2d(1, 3, 3), mn.Flatten(), mn.Linear(108, 2))
    for dtype, scale in [(np.float32, 1 / 256), (np.float64, 0.25)]:
        made.astype(dtype).input_scale = scale
        mn.onnx.export(made, tmp_path / "m.onnx", X)
        (y,) = run(tmp_path / "m.onnx", {"x": X})
        expected = made.eval().forward((X * scale).astype(dtype))
        assert y.dtype == dtype
        assert np.abs(y - expected).max() < 1e-5 * max(1, np.abs(expected).max())
    words = mn.Sequential(mn.Embedding(256, 3))
    words.input_scale = None
    exported(words, tmp_path / "m.onnx", X[:, 0, 0], X[:, 0, 0])


def test_a_trained_model_with_its_data(tmp_path):
    X = random.integers(0, 256, (60, 5)).astype(np.uint8)
    made = mn.Sequential(
        mn.Normalize.of(X), mn.Linear(5, 8, rng=0), mn.BatchNorm1d(8), mn.ReLU(), mn.Linear(8, 2, rng=1)
    )
    trainer = mn.Trainer(made, mn.SoftmaxCrossEntropyLoss(), mn.Adam(made.parameters()))
    trainer.fit(mn.DataLoader(X, X[:, 0] // 128, batch_size=20, rng=0), epochs=2, progress=False)
    mn.onnx.export(made, tmp_path / "m.onnx", X)
    (y,) = run(tmp_path / "m.onnx", {"x": X})
    assert np.abs(y - trainer.predict(X)).max() < 1e-5


def test_the_network_of_an_estimator(tmp_path):
    pytest.importorskip("sklearn", reason="the extra sklearn is not installed")
    X, y = floats(40, 4), random.integers(0, 3, 40)
    classifier = mn.sklearn.Classifier(max_iter=3, random_state=0).fit(X, y)
    exported(classifier.model_, tmp_path / "m.onnx", 4, X)
    mn.onnx.export(mn.Sequential(classifier.model_, mn.Softmax()), tmp_path / "m.onnx", 4)
    (p,) = run(tmp_path / "m.onnx", {"x": X})
    assert np.abs(p - classifier.predict_proba(X)).max() < 1e-5
    regressor = mn.sklearn.Regressor(max_iter=3, random_state=0, standardize=True).fit(X, y * 100.0)
    mn.onnx.export(regressor.model_, tmp_path / "m.onnx", 4)
    (z,) = run(tmp_path / "m.onnx", {"x": X})
    assert np.allclose(z.reshape(-1), regressor.predict(X), rtol=1e-4)


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    mn.onnx.export(model(), path, 4)
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda *_: (_ for _ in ()).throw(OSError(28, "the disk is full")))
    with pytest.raises(OSError, match="the disk is full"):
        mn.onnx.export(mn.Linear(4, 1), path, 4)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.onnx").symlink_to(tmp_path / "real.onnx")
    mn.onnx.export(model(), str(tmp_path / "link.onnx"), 4)
    assert (tmp_path / "link.onnx").is_symlink()
    onnx.checker.check_model(str(tmp_path / "real.onnx"), full_check=True)


def test_what_no_file_holds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("minnet.onnx.exporting.LARGEST", 100)
    with pytest.raises(ValueError, match=r"the model's arrays take 0\.0 GB, and an ONNX file holds 2 GB at most"):
        mn.onnx.export(model(), tmp_path / "m.onnx", 4)
    monkeypatch.setattr("minnet.onnx.exporting.LARGEST", 300)  # which holds the array once, but not in two layouts

    class Turned(mn.Layer):
        def __init__(self, weight):
            self.weight = weight

        def forward(self, x):
            return x @ self.weight.data.T

        def onnx(self, graph, x):
            return graph.op("MatMul", x, graph.array(self.weight, np.transpose))

    first = mn.Linear(10, 6, bias=False)
    with pytest.raises(ValueError, match="an ONNX file holds 2 GB at most"):
        mn.onnx.export(mn.Sequential(first, Turned(first.weight)), tmp_path / "m.onnx", 10)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", [mn.Linear, None, "model", np.ones(3), [mn.Linear(3, 2)], mn.MSELoss()])
def test_what_is_no_model(what, tmp_path):
    with pytest.raises(TypeError, match=re.escape("mn.onnx.export expected a model first, got")):
        mn.onnx.export(what, tmp_path / "m.onnx", 4)


def test_the_model_inside_is_named(tmp_path):
    made = model()
    trainer = mn.Trainer(made, mn.SoftmaxCrossEntropyLoss(), mn.SGD(made.parameters(), lr=0.1))
    with pytest.raises(TypeError, match=r"expected a model first, got a Trainer: pass its model$"):
        mn.onnx.export(trainer, tmp_path / "m.onnx", 4)


def test_what_is_no_path():
    with pytest.raises(TypeError, match="expected path to be a path"):
        mn.onnx.export(model(), 3, 4)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        mn.onnx.export(model(), tmp_path / "nowhere" / "m.onnx", 4)


def test_a_method_that_does_something_else_is_noticed(tmp_path):
    class Mine(mn.Layer):
        def forward(self, x):
            return x[:, :2]

        def onnx(self, graph, x):
            return graph.op("Relu", x)

    with pytest.raises(ValueError, match="does not do what its forward does"):
        mn.onnx.export(mn.Sequential(Mine()), tmp_path / "m.onnx", 4)
    assert not list(tmp_path.iterdir())


def test_the_weights_of_a_large_model_take_little_more_than_themselves(tmp_path):
    made = mn.Linear(1000, 1000)
    mn.onnx.export(made, tmp_path / "m.onnx", 1000)
    assert (tmp_path / "m.onnx").stat().st_size < 4 * 1001 * 1000 + 2000


def test_it_is_public():
    assert mn.onnx.export is export


def test_what_the_checker_refuses_is_a_value_error(tmp_path):
    class Mine(mn.Layer):
        def forward(self, x):
            return x

        def onnx(self, graph, x):
            return graph.op("Softmax", x, axis="last")

    with pytest.raises(ValueError, match=r"checker refuses.*layers\[1\]\.Softmax"):
        mn.onnx.export(mn.Sequential(mn.Linear(3, 3), Mine()), tmp_path / "m.onnx", 3)
    assert not (tmp_path / "m.onnx").exists()
