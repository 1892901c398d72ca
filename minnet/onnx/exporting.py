"""Export writes a model as an ONNX file, which other programs run without minnet."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import minnet.onnx.writing.activations
import minnet.onnx.writing.attention
import minnet.onnx.writing.containers
import minnet.onnx.writing.convolution
import minnet.onnx.writing.embedding
import minnet.onnx.writing.images
import minnet.onnx.writing.linear
import minnet.onnx.writing.normalization
import minnet.onnx.writing.operations
import minnet.onnx.writing.pointwise
import minnet.onnx.writing.pooling
import minnet.onnx.writing.recurrent
import minnet.onnx.writing.sequences
import minnet.onnx.writing.structure  # noqa: F401 (each of these enters its layers into the table)
from minnet.core.arrays import FLOATS
from minnet.core.checks import check_int, check_path, named
from minnet.core.layer import Layer
from minnet.core.trees import call, leaves, mapped
from minnet.losses.base import Loss
from minnet.onnx.inputs import BATCH, BYTES, Input, read_inputs, try_inputs
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.value import Value
from minnet.saving.tensorfile import write_whole
from minnet.version import __version__

OLDEST, NEWEST = 18, 22  # opsets: the tests run all of them
LARGEST = (
    2_000_000_000  # bytes of arrays: a file is one protobuf message, which holds 2**31 with all else that is in it
)


def export(model: Layer, path: str | os.PathLike[str], input_shape: Any, *, opset: int = 18) -> None:
    """Write a model as an ONNX file, as it computes in eval mode.

    The first axis of all inputs and outputs is the batch, of any size. The inputs are named ``x``, or as the model's
    `forward` names them, and the outputs ``y``, or as its `Heads` are named. Arrays and operators are named by the
    model's paths. The file has the model's `class_names` and `input_scale` as metadata, in JSON. It is checked by
    ONNX's checker, and written whole or not at all. The model is not changed.

    Parameters
    ----------
    model
        Any model whose layers are minnet's, or have a method ``onnx(self, graph, x)``.
    path
        Where the file goes, such as ``"model.onnx"``.
    input_shape
        The shape of one sample, without the batch: 784, or (1, 28, 28). A size that may be any number is None, or a
        word: (None, 16) are sequences of any length. A model with several inputs takes a tuple or a dict of shapes,
        as its `forward` takes arrays; a mask is one of them: ``((None, 16), (None,))``. An input is floats of the
        model's dtype if the model takes these, or int64, or booleans if it is a mask. In place of a shape, an array of
        samples may stand. Then its dtype counts, and the model is tried with the first two of them; an input of uint8
        is multiplied by the model's `input_scale` in the graph.
    opset
        The version of ONNX's operators, 18 to 22.

    Raises
    ------
    TypeError
        If a layer has no ONNX operators: the message names it. Nothing is written then.
    TypeError, ValueError
        If the arguments are no such things; as the layers raise them for inputs of these shapes; if the weights have
        more than 2 GB, which no ONNX file holds.

    Examples
    --------
    >>> import minnet as mn
    >>> model = mn.Sequential(mn.Linear(784, 10), mn.Softmax())
    >>> mn.onnx.export(model, "model.onnx", 784)  # doctest: +SKIP
    """
    if not isinstance(model, Layer):
        inside = next((word for word in ("model", "model_") if isinstance(getattr(model, word, None), Layer)), None)
        cure = f": pass its {inside}" if inside else ""
        raise TypeError(f"mn.onnx.export expected a model first, got {named(model)}{cure}")
    if isinstance(model, Loss):
        raise TypeError(f"mn.onnx.export expected a model first, got {named(model)}, a loss: pass the model without it")
    path = check_path("mn.onnx.export", "path", path)
    check_int("mn.onnx.export", "opset", opset, None, "it is the version of ONNX's operators")
    if not OLDEST <= opset <= NEWEST:
        raise ValueError(f"mn.onnx.export writes the opsets {OLDEST} to {NEWEST} of ONNX, got opset={opset}")
    _check_size(sum(array.data.nbytes for _, array in model.named_arrays()))
    write_whole(Path(os.path.realpath(path)), onnx_file(model, input_shape, opset))


def onnx_file(model: Layer, input_shape: Any, opset: int) -> bytes:
    """Return the bytes of the file that `export` writes, after ONNX's checks of them."""
    model = copy.deepcopy(model).eval()
    inputs, output = try_inputs(model, read_inputs(model, input_shape))
    floats = next((leaf.dtype for leaf in leaves(inputs) if leaf.dtype in FLOATS), np.dtype(np.float32))
    graph = Graph(model, model.dtype or floats, opset)
    values = mapped(lambda leaf: graph.input(leaf.name, leaf.shape, leaf.dtype), inputs)
    results = call(lambda *args, **named: graph.layer(model, *args, **named), mapped(_floats(graph, model), values))
    _check_form(results, output)
    _check_size(sum(tensor.ByteSize() for tensor in graph.initializers.values()))  # some are there in two layouts
    outputs = [graph.output(name, value) for name, value in _named_outputs(results).items()]
    meanings = [_meaning(leaf, model) for leaf in leaves(inputs)]
    content: bytes = _proto(model, graph, leaves(values), meanings, outputs).SerializeToString(deterministic=True)
    try:
        onnx.checker.check_model(content, full_check=True)
    except onnx.checker.ValidationError as error:  # such as an attribute that is a word in the place of a number
        raise ValueError(f"mn.onnx.export: ONNX's checker refuses what an onnx method wrote: {error}") from None
    return content


def _proto(model: Layer, graph: Graph, inputs: list[Value], meanings: list[str], outputs: list[Value]) -> Any:
    """Return ONNX's ModelProto of a graph."""
    proto = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            type(model).__name__,
            [onnx.helper.make_value_info(x.name, x.type, meaning) for x, meaning in zip(inputs, meanings, strict=True)],
            [onnx.helper.make_value_info(y.name, y.type) for y in outputs],
            list(graph.initializers.values()),
            value_info=graph.infos([y.name for y in outputs]),
        ),
        opset_imports=[onnx.helper.make_opsetid("", graph.opset)],
        producer_name="minnet",
        producer_version=__version__,
        doc_string=repr(model),
    )
    proto.ir_version = onnx.helper.find_min_ir_version_for(proto.opset_import)
    metadata = {"input_scale": json.dumps(model.input_scale)}
    if model.class_names is not None:
        metadata["class_names"] = json.dumps(list(model.class_names), ensure_ascii=False)
    onnx.helper.set_model_props(proto, metadata)
    return proto


def _check_size(size: int) -> None:
    """Raise a ValueError, if a file cannot hold so many bytes of arrays."""
    if size > LARGEST:
        raise ValueError(
            f"mn.onnx.export: the model's arrays take {size / 1e9:.1f} GB, and an ONNX file holds 2 GB at most: "
            "convert it to float32 if it is float64, or export its parts"
        )


def _floats(graph: Graph, model: Layer) -> Any:
    """Return a function that turns an input of bytes into what the model takes, as a DataLoader does."""

    def convert(x: Value) -> Value:
        if x.dtype != BYTES:
            return x
        if model.input_scale is None:
            return graph.cast(x, np.int64)
        return graph.op("Mul", graph.cast(x, graph.dtype), model.input_scale)

    return convert


def _meaning(leaf: Input, model: Layer) -> str:
    """Say of an input what its numbers are."""
    if leaf.dtype == np.bool_:
        return "True where a place is real, False where it is padding"
    if leaf.dtype is not None and leaf.dtype.kind == "i":
        return "numbers of rows in a table, from 0"
    if model.input_scale is None:
        return ""
    done = "is multiplied by" if leaf.dtype == BYTES else "if it comes from uint8, that must have been multiplied by"
    return f"{done} {model.input_scale!r} (input_scale)"


def _named_outputs(results: Any) -> dict[str, Value]:
    if isinstance(results, dict):
        return results
    return {f"y_{i}": value for i, value in enumerate(results, 1)} if isinstance(results, tuple) else {"y": results}


def _check_form(results: Any, output: Any) -> None:
    """Check that the graph returns what forward returns; a ValueError, if a layer's onnx method returns another."""
    ours = (
        [tuple(y.shape) for y in leaves(results)] if type(results) is type(output) or _is_one(results, output) else []
    )
    theirs = [y.shape for y in leaves(output)]
    fits = len(ours) == len(theirs) and all(
        len(a) == len(b) and all(n == m for n, m in zip(a, b, strict=True) if isinstance(n, int))
        for a, b in zip(ours, theirs, strict=True)
    )
    if not fits:
        got, expected = mapped(lambda y: y.shape, results), mapped(lambda y: (BATCH, *y.shape[1:]), output)
        raise ValueError(
            f"mn.onnx.export: the graph returns the shape {got}, and the model's forward {expected}: the onnx method "
            "of a layer does not do what its forward does"
        )


def _is_one(results: Any, output: Any) -> bool:
    return isinstance(results, Value) and isinstance(output, np.ndarray)
