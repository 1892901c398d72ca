"""Small ONNX graphs, some for each operator that is read: for the tests of the readers, and for fuzzing."""

from functools import partial

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx
from onnx import TensorProto, helper, numpy_helper

# fmt: off
ACTIVATIONS = ("Relu", "Elu", "Selu", "Gelu", "Sigmoid", "Tanh", "Softplus", "Mish", "HardSigmoid", "HardSwish", "Celu",
               "Abs", "Neg", "Exp", "Erf", "Softsign")
FUNCTIONS = ("Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Sign", "Floor", "Ceil", "Round", "Identity",
             "LeakyRelu")
REDUCTIONS = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL1",
              "ReduceL2")
# fmt: on
KINDS = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}


def graph(nodes, inputs, arrays=(), outputs=("y",), opset=18, name="", ml=False, **options):
    """Return a model: inputs and arrays are dicts of name → array; the first axis of an input is the batch."""
    given = [
        helper.make_tensor_value_info(key, KINDS[x.dtype.kind], [*(("n",) if x.ndim else ()), *x.shape[1:]])
        for key, x in inputs.items()
    ]
    made = [helper.make_tensor_value_info(key, options.get("kind", TensorProto.FLOAT), None) for key in outputs]
    stored = [numpy_helper.from_array(np.asarray(x), key) for key, x in dict(arrays).items()]
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid("ai.onnx.ml", 1)] if ml else [])]
    proto = helper.make_model(helper.make_graph(nodes, name or "g", given, made, stored), opset_imports=opsets)
    proto.ir_version = 8
    return proto


def one(op, inputs, arrays=(), opset=18, extra=(), outputs=("y",), domain="", kind=TensorProto.FLOAT, **attributes):
    """Return a model of one node, which reads the inputs, then the arrays, and perhaps others by their names."""
    names = [*inputs, *dict(arrays), *extra]
    node = helper.make_node(op, names, list(outputs), f"the_{op}", domain=domain, **attributes)
    return graph([node], inputs, arrays, outputs, opset, ml=bool(domain), kind=kind)


def cases(seed=0):
    """Return name → (model, inputs): what onnxruntime computes of it is right."""
    rng = np.random.default_rng(seed)
    found = {}

    def f(*shape, low=None):
        values = rng.normal(size=shape).astype(np.float32)
        return values if low is None else (np.abs(values) + np.float32(low)).astype(np.float32)

    def enter(name, proto, inputs):
        found[name] = proto, inputs

    def add(name, op, inputs, arrays=(), **options):
        enter(name, one(op, inputs, arrays, **options), inputs)

    for part in (_products, _images, _norms, _pointwise, _shapes, _taking, _recurrent, _classical, _graphs):
        part(f, rng, add, enter)
    return found


def _products(f, rng, add, enter):
    x, w = f(3, 4), f(4, 5)
    add("Gemm", "Gemm", {"x": x}, {"w": w, "b": f(5)})
    add("Gemm transposed", "Gemm", {"x": x}, {"w": f(5, 4)}, transB=1)
    add("Gemm row", "Gemm", {"x": x}, {"w": w, "b": f(1, 5)}, alpha=0.5, beta=2.0)
    add("Gemm transA", "Gemm", {"x": f(4, 3)}, {"w": w, "b": f(3, 5)}, transA=1)
    add("MatMul", "MatMul", {"x": f(2, 3, 4)}, {"w": w})
    add("MatMul batch", "MatMul", {"x": f(2, 3, 4)}, {"w": f(2, 4, 5)})
    add("MatMul left", "MatMul", {"a": f(2, 3, 4), "b": f(2, 4, 2)})
    nodes = [helper.make_node("Gather", ["table", "i"], ["y"])]
    i = rng.integers(0, 6, (2, 3))
    enter("Gather table", graph(nodes, {"i": i}, {"table": f(6, 4)}), {"i": i})
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Add", ["b", "a"], ["y"])]
    enter("MatMul and Add", graph(nodes, {"x": x}, {"w": w, "b": f(5)}), {"x": x})


def _images(f, rng, add, enter):
    x, signals = f(2, 4, 7, 8), f(2, 4, 9)
    add("Conv", "Conv", {"x": x}, {"w": f(6, 4, 3, 2), "b": f(6)}, pads=[1, 0, 1, 0], strides=[2, 1])
    add("Conv groups", "Conv", {"x": x}, {"w": f(6, 2, 3, 3)}, group=2, dilations=[2, 1])
    add("Conv uneven", "Conv", {"x": x}, {"w": f(6, 4, 3, 3)}, pads=[1, 0, 2, 1], kernel_shape=[3, 3])
    add("Conv same", "Conv", {"x": x}, {"w": f(6, 4, 3, 2)}, auto_pad="SAME_UPPER", strides=[2, 2])
    add("Conv lower", "Conv", {"x": x}, {"w": f(6, 4, 2, 2)}, auto_pad="SAME_LOWER")
    add("Conv signals", "Conv", {"x": signals}, {"w": f(6, 4, 3), "b": f(6)}, pads=[1, 1])
    add("ConvTranspose", "ConvTranspose", {"x": x}, {"w": f(4, 3, 3, 3), "b": f(6)}, group=2, strides=[2, 2])
    add("ConvTranspose more", "ConvTranspose", {"x": x}, {"w": f(4, 3, 3, 3)}, strides=[2, 3], pads=[1, 0, 1, 0],
        output_padding=[1, 2])  # fmt: skip
    add("MaxPool", "MaxPool", {"x": x}, kernel_shape=[2, 3], strides=[2, 2], pads=[1, 0, 1, 0])
    add("MaxPool uneven", "MaxPool", {"x": x}, kernel_shape=[2, 2], pads=[0, 1, 1, 0])
    add("AveragePool", "AveragePool", {"x": x}, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    add("AveragePool counted", "AveragePool", {"x": x}, kernel_shape=[3, 2], count_include_pad=1, strides=[1, 2])
    add("MaxPool signals", "MaxPool", {"x": signals}, kernel_shape=[2], strides=[2], ceil_mode=1)
    add("MaxPool ceil", "MaxPool", {"x": x}, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, dilations=[1, 2])
    add("AveragePool ceil", "AveragePool", {"x": x}, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1, opset=19)
    add("AveragePool signals", "AveragePool", {"x": signals}, kernel_shape=[3], pads=[1, 1])
    add("Conv volumes", "Conv", {"x": f(2, 2, 4, 3, 5)}, {"w": f(3, 2, 2, 2, 2), "b": f(3)})
    add("ConvTranspose signals", "ConvTranspose", {"x": signals}, {"w": f(4, 3, 3)}, strides=[2])
    nearest = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    empty = np.zeros(0, np.float32)
    for name, scales, options in (
        ("nearest", [2.0, 1.5], nearest),
        ("whole", [2.0, 3.0], {}),
        ("linear", [2.0, 1.5], {"mode": "linear"}),
        ("corners", [2.0, 1.5], {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
    ):
        add(f"Resize {name}", "Resize", {"x": x}, {"r": empty, "s": np.float32([1, 1, *scales])}, **options)
    node = helper.make_node("Resize", ["x", "", "", "s"], ["y"], mode="linear")
    enter("Resize sizes", graph([node], {"x": x}, {"s": np.array([2, 4, 9, 12])}), {"x": x})
    add("Upsample", "Upsample", {"x": x}, {"s": np.float32([1, 1, 2, 3])}, opset=9)
    for mode in ("CRD", "DCR"):
        add(f"DepthToSpace {mode}", "DepthToSpace", {"x": f(2, 8, 3, 2)}, blocksize=2, mode=mode)
    add("SpaceToDepth", "SpaceToDepth", {"x": f(2, 3, 6, 4)}, blocksize=2)
    add("GlobalAveragePool", "GlobalAveragePool", {"x": x})
    add("GlobalMaxPool", "GlobalMaxPool", {"x": x})
    add("GlobalAveragePool signals", "GlobalAveragePool", {"x": signals})


def _norms(f, rng, add, enter):
    x = f(3, 4, 5, 2)
    four = {"s": f(4), "b": f(4), "m": f(4), "v": f(4, low=0.5)}
    add("BatchNormalization", "BatchNormalization", {"x": x}, four, epsilon=0.01)
    add("BatchNormalization table", "BatchNormalization", {"x": f(3, 4)}, four)
    add("LayerNormalization", "LayerNormalization", {"x": x}, {"s": f(2), "b": f(2)}, epsilon=0.01)
    add("LayerNormalization axes", "LayerNormalization", {"x": x}, {"s": f(5, 2)}, axis=2)
    add("InstanceNormalization", "InstanceNormalization", {"x": x}, {"s": f(4), "b": f(4)})
    add("GroupNormalization", "GroupNormalization", {"x": x}, {"s": f(4), "b": f(4)}, num_groups=2, opset=21)
    add("Softmax", "Softmax", {"x": x})
    add("Softmax axis", "Softmax", {"x": x}, axis=1)
    add("LogSoftmax", "LogSoftmax", {"x": x}, axis=-2)
    add("Softmax old", "Softmax", {"x": x}, axis=1, opset=11)
    add("Dropout", "Dropout", {"x": x}, {"p": np.float32(0.4)})
    add("Dropout old", "Dropout", {"x": x}, ratio=0.4, opset=10)


def _pointwise(f, rng, add, enter):
    x, positive = f(3, 4), f(3, 4, low=0.1)
    for op in [
        "Relu",
        "Elu",
        "Selu",
        "Gelu",
        "Sigmoid",
        "Tanh",
        "Softplus",
        "Mish",
        "HardSigmoid",
        "HardSwish",
        "Celu",
        "Abs",
        "Neg",
        "Exp",
        "Erf",
        "Softsign",
    ]:
        add(op, op, {"x": x}, opset=20 if op == "Gelu" else 18)
    for op in [
        "Sin",
        "Cos",
        "Tan",
        "Atan",
        "Sinh",
        "Cosh",
        "Asinh",
        "Sign",
        "Floor",
        "Ceil",
        "Round",
        "Identity",
        "LeakyRelu",
    ]:
        add(op, op, {"x": x})
    for op in ["Log", "Sqrt", "Reciprocal"]:
        add(op, op, {"x": positive})
    for op in ["Asin", "Acos", "Atanh"]:
        add(op, op, {"x": np.clip(x, -0.9, 0.9)})
    add("Acosh", "Acosh", {"x": positive + 1})
    add("HardSigmoid alpha", "HardSigmoid", {"x": x}, alpha=0.4, beta=0.1)
    add("HardSigmoid torch", "HardSigmoid", {"x": x}, alpha=1 / 6, beta=0.5)
    add("Elu alpha", "Elu", {"x": x}, alpha=0.3)
    add("Gelu tanh", "Gelu", {"x": x}, approximate="tanh", opset=20)
    add("PRelu", "PRelu", {"x": f(3, 4, 2)}, {"s": f(4, 1)})
    add("PRelu one", "PRelu", {"x": x}, {"s": f(1)})
    add("PRelu last", "PRelu", {"x": f(3, 4, 2)}, {"s": f(2)})
    add("Clip", "Clip", {"x": x}, {"a": np.float32(-0.5), "b": np.float32(0.7)})
    add("Clip six", "Clip", {"x": 5 * x}, {"a": np.float32(0), "b": np.float32(6)})
    add("Clip below", "Clip", {"x": x}, {"a": np.float32(0.1)})
    add("Clip old", "Clip", {"x": x}, opset=10, min=-0.2, max=0.3)
    for op in ("Add", "Sub", "Mul", "Div"):
        add(op, op, {"a": x, "b": f(3, 1, low=0.5)})
        add(f"{op} constant", op, {"a": x}, {"c": f(4, low=0.5)})
    add("Pow", "Pow", {"x": positive}, {"e": np.float32(1.5)})
    add("Pow int", "Pow", {"x": x}, {"e": np.array(2)})
    add("Sum", "Sum", {"a": x, "b": f(3, 4), "c": f(3, 1)})
    add("Max", "Max", {"a": x, "b": f(3, 4)})
    add("Min", "Min", {"a": x}, {"c": f(4)})
    for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
        add(op, op, {"a": x, "b": np.where(x > 0, x, f(3, 4)).astype(np.float32)}, kind=TensorProto.BOOL)
    yes, no = x > 0, f(3, 4) > 0
    for op in ("And", "Or", "Xor"):
        add(op, op, {"a": yes, "b": no}, kind=TensorProto.BOOL)
    add("Not", "Not", {"a": yes}, kind=TensorProto.BOOL)
    add("IsNaN", "IsNaN", {"a": x}, kind=TensorProto.BOOL)
    add("IsInf", "IsInf", {"a": x}, kind=TensorProto.BOOL)
    add("Mod", "Mod", {"a": rng.integers(-9, 9, (3, 4)), "b": rng.integers(1, 5, (3, 4))}, kind=TensorProto.INT64)
    add("Where", "Where", {"c": yes, "a": x}, {"b": f(4)})
    add("Cast", "Cast", {"x": rng.integers(0, 9, (3, 4))}, to=TensorProto.FLOAT)
    add("Cast int", "Cast", {"x": 3 * x}, to=TensorProto.INT64, kind=TensorProto.INT64)
    add("CastLike", "CastLike", {"x": rng.integers(0, 9, (3, 4)), "like": x})


def _shapes(f, rng, add, enter):
    x = f(3, 4, 2)
    add("Flatten", "Flatten", {"x": x})
    add("Flatten all", "Flatten", {"x": x}, axis=0)
    add("Flatten last", "Flatten", {"x": x}, axis=2)
    for name, shape in (("", [3, 8]), (" zero", [0, 2, -1]), (" batch", [-1, 8]), (" one", [-1])):
        add(f"Reshape{name}", "Reshape", {"x": x}, {"s": np.array(shape)})
    add("Transpose", "Transpose", {"x": x}, perm=[0, 2, 1])
    add("Transpose batch", "Transpose", {"x": x}, perm=[1, 0, 2])
    add("Transpose all", "Transpose", {"x": x})
    add("Squeeze", "Squeeze", {"x": f(3, 1, 2, 1)}, {"a": np.array([1, -1])})
    add("Squeeze old", "Squeeze", {"x": f(3, 1, 2)}, axes=[1], opset=11)
    add("Unsqueeze", "Unsqueeze", {"x": x}, {"a": np.array([0, -1])})
    add("Shape", "Shape", {"x": x}, kind=TensorProto.INT64)
    add("Shape part", "Shape", {"x": x}, start=1, kind=TensorProto.INT64)
    add("Expand", "Expand", {"x": f(3, 1)}, {"s": np.array([2, 1, 4])})
    add("Tile", "Tile", {"x": x}, {"r": np.array([1, 2, 3])})
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("ConstantOfShape", ["s"], ["c"], value=helper.make_tensor("", 1, [1], [2.5])),
        helper.make_node("Mul", ["x", "c"], ["y"]),
    ]
    enter("ConstantOfShape", graph(nodes, {"x": x}), {"x": x})
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Range", ["zero", "n", "one"], ["r"]),
        helper.make_node("Cast", ["r"], ["floats"], to=1),
        helper.make_node("Unsqueeze", ["floats", "axes"], ["column"]),
        helper.make_node("Add", ["column", "x"], ["y"]),
    ]
    numbers = {"zero": np.array(0), "one": np.array(1), "axes": np.array([1])}
    enter("Range", graph(nodes, {"x": f(3, 4)}, numbers), {"x": f(3, 4)})
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Split", ["s", "three"], ["n", "c", "w"]),
        helper.make_node("Mul", ["n", "c"], ["nc"]),
        helper.make_node("Concat", ["nc", "w", "one"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["y"]),
    ]
    enter("Reshape computed", graph(nodes, {"x": x}, {"one": np.array([1]), "three": np.array([1, 1, 1])}), {"x": x})


def _taking(f, rng, add, enter):
    x = f(3, 6, 4)
    for op in [
        "ReduceMean",
        "ReduceSum",
        "ReduceMax",
        "ReduceMin",
        "ReduceProd",
        "ReduceSumSquare",
        "ReduceL1",
        "ReduceL2",
    ]:
        add(op, op, {"x": x}, {"a": np.array([1, 2])}, keepdims=0)
        add(f"{op} all", op, {"x": x})
    add("ReduceLogSumExp", "ReduceLogSumExp", {"x": x}, {"a": np.array([-1])})
    add("ReduceLogSum", "ReduceLogSum", {"x": f(3, 4, low=0.1)}, {"a": np.array([-1])})
    add("ReduceMean old", "ReduceMean", {"x": x}, axes=[1], opset=13)
    add("Concat", "Concat", {"a": x, "b": f(3, 2, 4)}, axis=1)
    whole = partial(add, op="Slice", inputs={"x": x})
    whole(name="Slice", arrays={"s": np.array([1, 0]), "e": np.array([-1, 2**63 - 1]), "a": np.array([1, 2])})
    whole(name="Slice steps", arrays={
        "s": np.array([-1]), "e": np.array([-(2**63)]), "a": np.array([1]), "t": np.array([-2])})  # fmt: skip
    add("Slice old", "Slice", {"x": x}, starts=[1], ends=[3], axes=[1], opset=9)
    node = helper.make_node("Split", ["x", "l"], ["p", "q"], axis=1)
    nodes = [node, helper.make_node("Mul", ["p", "q"], ["y"])]
    enter("Split", graph(nodes, {"x": f(3, 6)}, {"l": np.array([3, 3])}), {"x": f(3, 6)})
    add("Gather one", "Gather", {"x": x}, {"i": np.array(-1)}, axis=1)
    add("Gather some", "Gather", {"x": x}, {"i": np.array([[0, 2], [1, 1]])}, axis=2)
    add("Pad", "Pad", {"x": x}, {"p": np.array([0, 1, 0, 0, 2, -1]), "v": np.float32(1.5)})
    add("Pad edge", "Pad", {"x": x}, {"p": np.array([0, 1, 2, 0, 0, 1])}, mode="edge")
    add("Pad reflect", "Pad", {"x": x}, {"p": np.array([0, 1, 2, 0, 0, 1])}, mode="reflect")
    add("Trilu", "Trilu", {"x": x}, {"k": np.array(1)}, upper=0)
    add("CumSum", "CumSum", {"x": x}, {"a": np.array(1)}, exclusive=1, reverse=1)
    add("ArgMax", "ArgMax", {"x": x}, axis=1, kind=TensorProto.INT64)
    add("ArgMin", "ArgMin", {"x": x}, axis=-1, keepdims=0, kind=TensorProto.INT64)


def _recurrent(f, rng, add, enter):
    x = f(5, 2, 3)
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        more = {"linear_before_reset": 1} if op == "GRU" else {}
        for direction in ("forward", "reverse", "bidirectional"):
            d = 2 if direction == "bidirectional" else 1
            arrays = {"w": f(d, gates * 4, 3), "r": f(d, gates * 4, 4), "b": f(d, 2 * gates * 4)}
            node = helper.make_node(op, ["x", *arrays], ["Y", "H"], hidden_size=4, direction=direction, **more)
            nodes = [node, helper.make_node("ReduceMean", ["Y"], ["M"], axes=[0], keepdims=0)]
            nodes.append(helper.make_node("Add", ["M", "H"], ["y"]))
            enter(f"{op} {direction}", graph(nodes, {"x": x}, arrays, opset=14), {"x": x})


def _classical(f, rng, add, enter):
    x = f(3, 4)
    ml = partial(add, inputs={"x": x}, domain="ai.onnx.ml", opset=13)
    ml(name="Scaler", op="Scaler", offset=[0.1, 0.2, 0.3, 0.4], scale=[1.0, 2.0, 0.5, 4.0])
    ml(name="Normalizer", op="Normalizer", norm="L2")
    ml(name="LinearRegressor", op="LinearRegressor", coefficients=list(map(float, f(8))), intercepts=[0.5, -0.5],
       targets=2)  # fmt: skip
    node = helper.make_node(
        "LinearClassifier", ["x"], ["labels", "y"], domain="ai.onnx.ml", coefficients=list(map(float, f(12))),
        intercepts=[0.1, 0.2, 0.3], classlabels_ints=[0, 1, 2], post_transform="SOFTMAX",
    )  # fmt: skip
    enter("LinearClassifier", graph([node], {"x": x}, outputs=("y",), opset=13, ml=True), {"x": x})


def _graphs(f, rng, add, enter):
    x = f(3, 4)
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["a"], "first", transB=1),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Gemm", ["r", "w2"], ["c"], "second"),
        helper.make_node("Add", ["c", "x"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"]),
    ]
    arrays = {"w1": f(5, 4), "b1": f(5), "w2": f(5, 4)}
    enter("residual", graph(nodes, {"x": x}, arrays), {"x": x})
    tokens = rng.integers(0, 6, (2, 3))
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["e"]),
        helper.make_node("Transpose", ["table"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["e", "t"], ["y"]),
    ]
    enter("tied", graph(nodes, {"tokens": tokens}, {"table": f(6, 4)}), {"tokens": tokens})
    half = onnx.helper.make_function(
        "mine", "Half", ["x"], ["y"],
        [helper.make_node("Constant", [], ["h"], value_float=0.5), helper.make_node("Mul", ["x", "h"], ["y"])],
        [helper.make_opsetid("", 18)],
    )  # fmt: skip
    proto = graph([helper.make_node("Half", ["x"], ["y"], domain="mine")], {"x": x})
    proto.functions.append(half)
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    enter("function", proto, {"x": x})
