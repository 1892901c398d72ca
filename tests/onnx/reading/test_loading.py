"""`mn.onnx.load`: what it returns, and what it says of files that are none, or a stranger's."""

import os

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx
from onnx import TensorProto, helper
from onnx_cases import cases, graph, one

import minnet as mn
from minnet.errors import CheckpointError

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def written(path, proto):
    path.write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
    return path


def refused(tmp_path, proto, message):
    path = written(tmp_path / "m.onnx", proto)
    with pytest.raises(CheckpointError, match=message) as caught:
        mn.onnx.load(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert len(text) < 3000
    assert text.isprintable()


def test_a_model_predicts_until_it_is_trained(tmp_path):
    proto, _ = cases()["residual"]
    path = written(tmp_path / "m.onnx", proto)
    model = mn.onnx.load(path)
    assert not model.training
    assert model.eval_until_fit
    assert mn.onnx.load(str(path), train=True).training
    labels = np.array([0, 1, 2])
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    before = model.state_dict()
    trainer.fit([(X, labels)], epochs=2, progress=False)
    assert model.training
    assert all(not np.array_equal(model.state_dict()[name], before[name]) for name in before)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        mn.onnx.load(tmp_path / "gone.onnx")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        mn.onnx.load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="not a regular file"):  # and does not wait for it
        mn.onnx.load(tmp_path / "pipe")
    with pytest.raises(TypeError, match=r"mn\.onnx\.load expected path"):
        mn.onnx.load(3)


@pytest.mark.parametrize("content", [b"", b"\0", b"PK\3\4", b"hello, world", b"\x08\x08", bytes(1000)])
def test_files_of_another_kind(content, tmp_path):
    refused(tmp_path, content, "no ONNX file|no graph|cannot be read")


def test_what_is_in_place_of_a_file_is_named(tmp_path):
    refused(tmp_path, b"<html>not found</html>", "no ONNX file.*begins with text that starts with '<'.*HTML page")
    refused(tmp_path, b"version https://git-lfs", "Git LFS pointer")


def test_a_cut_file(tmp_path):
    content = cases()["residual"][0].SerializeToString()
    for length in range(0, len(content), 17):
        path = written(tmp_path / "m.onnx", content[:length])
        with pytest.raises(CheckpointError):
            mn.onnx.load(path)


def nodes(*made, outputs=("y",), arrays=None):
    return graph(list(made), {"x": X}, arrays or {}, outputs)


def test_cycles_and_missing_parts(tmp_path):
    a, b = helper.make_node("Add", ["x", "q"], ["p"], "first"), helper.make_node("Relu", ["p"], ["q"])
    refused(
        tmp_path, nodes(a, b, helper.make_node("Tanh", ["q"], ["y"])), "node 'first' reads 'q', which nothing before"
    )
    refused(tmp_path, nodes(helper.make_node("Add", ["x", "y"], ["y"], "self")), "is there a cycle")
    refused(tmp_path, nodes(helper.make_node("Add", ["x", "gone"], ["y"])), "'gone', which nothing before it makes")
    refused(tmp_path, nodes(helper.make_node("Tanh", ["x"], ["q"])), "depend on no input")
    refused(
        tmp_path,
        nodes(helper.make_node("Tanh", ["x"], ["y"]), helper.make_node("Relu", ["x"], ["y"])),
        "two nodes make",
    )
    refused(tmp_path, nodes(helper.make_node("Tanh", ["x"], ["y"]), outputs=("y", "y")), "two of one name")
    refused(tmp_path, nodes(helper.make_node("Tanh", [], ["y"])), "depend on no input|has no input 0")


def test_an_operator_that_there_is_not(tmp_path):
    proto = one("Einsum", {"x": X}, {"w": np.ones((4, 2), np.float32)}, equation="ij,jk->ik")
    refused(tmp_path, proto, r"node 'the_Einsum' \(Einsum, of \(=n, 4\), \(4, 2\)\): minnet has no layer for this")
    path = written(tmp_path / "m.onnx", proto)
    with pytest.raises(CheckpointError, match=r"there are Abs, Acos, .*Conv"):
        mn.onnx.load(path)


def test_subgraphs_sequences_maps_text_and_sparse_arrays(tmp_path):
    branch = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["z"])], "b", [], [helper.make_tensor_value_info("z", 1, None)]
    )
    condition = helper.make_node("Greater", ["x", "x"], ["c"])
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    refused(tmp_path, nodes(condition, choice), "attribute (then|else)_branch is a graph")
    proto = nodes(helper.make_node("Identity", ["x"], ["y"]))
    proto.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = 1
    refused(tmp_path, proto, "'x' is no array")
    proto = nodes(helper.make_node("Identity", ["x"], ["y"]))
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    refused(tmp_path, proto, "of a type that minnet lacks")
    proto.graph.sparse_initializer.add()
    refused(tmp_path, proto, "sparse arrays")


@pytest.mark.slow
def test_numbers_of_messages_and_nodes(tmp_path):
    refused(tmp_path, nodes(*[helper.make_node("Relu", ["x"], [f"y{i}"]) for i in range(100_001)]), "100,001 nodes")
    chain = [helper.make_node("Tanh", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(10_001)]
    refused(tmp_path, nodes(*chain, outputs=("v10001",)), "more than 10,000 layers")
    bomb = b"\x3a\x80\x89\x7a" + b"\x0a\0" * 1_000_000 + b"\0" * 256
    refused(tmp_path, bomb, "1,000,000 messages|no ONNX file")


BOMBS = {
    "ConstantOfShape": ("ConstantOfShape", {"s": np.array([2**30, 2**30])}, {}),
    "Expand": ("Expand", {"c": np.float32(1), "s": np.array([2**40])}, {}),
    "Tile": ("Tile", {"c": np.ones(2, np.float32), "s": np.array([2**60])}, {}),
    "Range": ("Range", {"a": np.array(0), "b": np.array(2**60), "c": np.array(1)}, {}),
    "Pad": ("Pad", {"c": np.ones(2, np.float32), "s": np.array([0, 2**60])}, {}),
    "Trilu": ("Trilu", {"c": np.ones((2, 2), np.float32), "s": np.array(2**62)}, {}),
    "Gather": ("Gather", {"c": np.float32([[1, 2]] * 900).T.copy(), "i": np.zeros((2000, 900), np.int64)}, {"axis": 1}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_constants_that_would_be_huge(name, tmp_path):
    op, arrays, attributes = BOMBS[name]
    made = [
        helper.make_node("Constant", [], [key], value=onnx.numpy_helper.from_array(np.asarray(a)))
        for key, a in arrays.items()
    ]
    made += [helper.make_node(op, list(arrays), ["big"], **attributes), helper.make_node("Cast", ["big"], ["f"], to=1)]
    made += [
        helper.make_node("ReduceSum", ["f"], ["total"], keepdims=0),
        helper.make_node("Add", ["x", "total"], ["y"]),
    ]
    if name == "Trilu":  # a diagonal that is far outside keeps nothing
        assert mn.onnx.load(written(tmp_path / "m.onnx", nodes(*made))).forward(X).shape == X.shape
    else:
        refused(tmp_path, nodes(*made), f"({op}.*numbers are the most)|more numbers than")


def test_what_grows_while_it_runs_is_refused_then(tmp_path):
    made = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Mul", ["s", "k"], ["t"])]
    made += [helper.make_node("Expand", ["one", "t"], ["y"])]
    proto = nodes(*made, arrays={"k": np.array([2**20, 2**20]), "one": np.float32([[1]])})
    model = mn.onnx.load(written(tmp_path / "m.onnx", proto))
    with pytest.raises(ValueError, match="would make an array of shape"):
        model.forward(X)


def test_names_are_shown_safely(tmp_path):
    wild = "\x1b[31m" + "‮" + "x" * 100_000
    refused(tmp_path, nodes(helper.make_node(wild, ["x"], ["y"], wild)), "minnet has no layer")
    refused(tmp_path, nodes(helper.make_node("Add", ["x", wild], ["y"], wild)), "nothing before it makes")
    proto = nodes(helper.make_node("Relu", ["x"], ["y"]))
    proto.graph.input[0].name = proto.graph.node[0].input[0] = wild
    model = mn.onnx.load(written(tmp_path / "m.onnx", proto))
    assert model.forward(X).shape == X.shape


def test_opsets(tmp_path):
    refused(tmp_path, one("Relu", {"x": X}, opset=6), "opset is 6, and 7 is the oldest")
    proto = one("Relu", {"x": X})
    proto.opset_import[0].version = -1
    refused(tmp_path, proto, "opset is -1")
    del proto.opset_import[:]
    refused(tmp_path, proto, "opset is 0")


def test_attributes_that_are_wrong(tmp_path):
    for op, attribute, message in (
        ("LeakyRelu", {"alpha": float("nan")}, "attribute alpha is nan"),
        ("Elu", {"alpha": 1}, "attribute alpha is 1"),
        ("Gelu", {"approximate": "x" * 10_000}, "GELU expected approximate"),
        ("Flatten", {"axis": 2**62}, "Flatten|axis"),
        ("Transpose", {"perm": [0, 0]}, r"its perm is \(0, 0\)"),
        ("Softmax", {"axis": 7}, "its axis is 7"),
    ):
        refused(tmp_path, one(op, {"x": X}, opset=20, **attribute), message)


def test_external_data(tmp_path):
    proto, _ = cases()["residual"]
    onnx.save_model(proto, tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0, location="m.data")
    model = mn.onnx.load(tmp_path / "m.onnx")
    plain = mn.onnx.load(written(tmp_path / "plain.onnx", cases()["residual"][0]))
    assert np.array_equal(model.forward(X), plain.forward(X))
    (tmp_path / "m.data").unlink()
    with pytest.raises(CheckpointError, match=r"m\.data' beside the model, which cannot be read: No such file"):
        mn.onnx.load(tmp_path / "m.onnx")


def test_without_the_extra_it_is_said(monkeypatch):
    for word in ("import_model", "import_", "from_onnx"):
        with pytest.raises(AttributeError, match=r"write mn.onnx.load\(path\)"):
            getattr(mn.onnx, word)
