"""Containers hand over masks, inputs by name, and outputs by name."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


MASK = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]], bool)


def outputs(proto):
    return [value.name for value in proto.graph.output]


def test_heads_are_outputs_by_name(tmp_path):
    body = [mn.Linear(6, 5), mn.Tanh()]
    model = mn.Sequential(*body, mn.Heads(digit=mn.Linear(5, 3), angle=mn.Linear(5, 1)))
    assert outputs(exported(model, tmp_path / "m.onnx", 6, floats(2, 6))) == ["digit", "angle"]
    model = mn.Sequential(*body, mn.Heads(mn.Linear(5, 3), mn.Identity(), mn.Identity()))
    assert outputs(exported(model, tmp_path / "m.onnx", 6, floats(2, 6))) == ["y_1", "y_2", "y_3"]


def test_inputs_by_name_and_by_place(tmp_path):
    named = mn.Sequential(
        mn.Inputs(image=mn.Sequential(mn.Flatten(), mn.Linear(12, 3)), table=mn.Identity()), mn.Tanh()
    )
    x = {"table": floats(5, 2), "image": floats(5, 3, 4)}
    proto = exported(named, tmp_path / "m.onnx", {"table": 2, "image": (3, 4)}, x)
    assert [value.name for value in proto.graph.input] == ["table", "image"]
    placed = mn.Inputs(mn.Linear(4, 3), mn.Embedding(9, 2))
    xs = floats(5, 4), random.integers(0, 9, 5)
    proto = exported(placed, tmp_path / "m.onnx", (4, ()), xs)
    assert [value.name for value in proto.graph.input] == ["x_1", "x_2"]
    assert [value.type.tensor_type.elem_type for value in proto.graph.input] == [1, 7]  # float, int64


def test_an_input_and_an_output_of_one_name(tmp_path):
    model = mn.Sequential(mn.Inputs(a=mn.Linear(3, 2), b=mn.Linear(3, 2)), mn.Heads(a=mn.Linear(4, 1), b=mn.ReLU()))
    proto = exported(model, tmp_path / "m.onnx", {"a": 3, "b": 3}, {"a": floats(2, 3), "b": floats(2, 3)})
    assert outputs(proto) == ["a_2", "b_2"]


def test_a_mask_goes_to_the_layers_that_take_one(tmp_path):
    inner = mn.Residual(mn.LayerNorm(6), mn.TransformerBlock(6, 2, 8, rng=0))
    branches = mn.Concat(mn.Sequential(mn.GRU(6, 4, rng=0), mn.PoolTime("last")), mn.PoolTime("mean"))
    model = mn.Sequential(mn.Embedding(9, 6, rng=0), inner, branches, mn.Linear(10, 3, rng=0), mn.Heads(mn.ReLU()))
    words = random.integers(0, 9, (3, 4))
    proto = exported(model, tmp_path / "m.onnx", ((None,), (None,)), (words, MASK), (words, np.ones_like(MASK)))
    assert [value.name for value in proto.graph.input] == ["x", "mask"]
    assert proto.graph.input[1].type.tensor_type.elem_type == 9  # bool
    exported(model, tmp_path / "m.onnx", {"x": (None,), "mask": (None,)}, {"x": words, "mask": MASK})
    exported(model, tmp_path / "m.onnx", (None,), words)


def test_the_mask_of_inputs(tmp_path):
    texts = mn.Sequential(mn.Embedding(9, 6), mn.PoolTime("max"))
    model = mn.Sequential(mn.Inputs(words=texts, table=mn.Linear(2, 3)), mn.Linear(9, 2))
    x = {"words": random.integers(0, 9, (3, 4)), "table": floats(3, 2), "mask": MASK}
    exported(model, tmp_path / "m.onnx", {"words": (None,), "table": 2, "mask": (None,)}, x)


def test_a_mask_that_no_layer_takes_is_refused(tmp_path):
    with pytest.raises(TypeError, match="none of its layers takes one"):
        mn.onnx.export(mn.Sequential(mn.Linear(3, 2)), tmp_path / "m.onnx", ((None, 3), (None,)))


def test_branches(tmp_path):
    model = mn.Add(mn.Linear(4, 4), mn.Identity(), mn.Residual(mn.Linear(4, 4), mn.ReLU()))
    exported(model, tmp_path / "m.onnx", 4, floats(3, 4))
    model = mn.Concat(mn.Conv2d(2, 3, 3, padding=1), mn.Identity(), axis=1)
    exported(model, tmp_path / "m.onnx", (2, None, None), floats(3, 2, 5, 4))
    exported(mn.Add(mn.Tanh()), tmp_path / "m.onnx", 4, floats(3, 4))


def test_an_encoder_and_a_decoder_of_words(tmp_path):
    encoder = mn.Sequential(mn.Embedding(9, 6, rng=0), mn.GRU(6, 3, bidirectional=True, rng=1), mn.LayerNorm(6))
    decoder = mn.Decoder(
        mn.Embedding(9, 6, rng=2),
        mn.LearnedPosition(8, 6, rng=3),
        mn.TransformerDecoderBlock(6, 2, 8, rng=4),
        mn.TransformerDecoderBlock(6, 3, 8, norm_first=False, rng=5),
        mn.Linear(6, 9, rng=6),
    )
    model = mn.EncoderDecoder(encoder, decoder)
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 9, (4, 5)), rng.integers(0, 9, (4, 7))
    mask = np.arange(5) < np.array([[5], [2], [0], [3]])
    exported(model, tmp_path / "m.onnx", ((5,), (7,)), (source, target), (source[:1], target[:1]))
    shapes = {"source": ("read",), "target": ("made",), "source_mask": ("read",)}
    batches = [{"source": source, "target": target[:, :n], "source_mask": mask} for n in (7, 1)]
    exported(model, tmp_path / "m.onnx", shapes, *batches)
    both = {"target_mask": np.arange(7) < np.array([[7], [1], [4], [2]])}
    exported(model, tmp_path / "m.onnx", shapes | {"target_mask": ("made",)}, batches[0] | both)
