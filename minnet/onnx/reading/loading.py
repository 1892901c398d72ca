"""From an ONNX file to a model: the graph is checked and read node by node, and becomes layers."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.checks import check_path
from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.errors import CheckpointError
from minnet.onnx.reading.graph import Reader
from minnet.onnx.reading.wireformat import check_messages
from minnet.saving.messages import brief
from minnet.saving.tensorfile import size_of_file
from minnet.saving.weights import set_mode
from minnet.untrusted.bounded import looks_like

MOST_BYTES = (1 << 31) - 1  # of a message, for the protobuf library
MOST_NODES = 100_000


def load(path: str | os.PathLike[str], *, train: bool = False) -> Any:
    """Make a model of an ONNX file, as the exporters of PyTorch, scikit-learn and minnet write it.

    The model is one of minnet's: it predicts, trains, and is saved as any other. A chain of layers becomes a
    `Sequential`, and any other graph a `minnet.Graph`. docs/onnx.md says which operators are understood, which arrays
    become Parameters, and how to export a model that is to be trained on.

    Parameters
    ----------
    path
        The file. Numbers that are in other files (external data) must be in its folder, or below it.
    train
        Whether the model is returned in training mode. By default it is in eval mode, to predict; `Trainer.fit`
        switches it.

    Returns
    -------
    model
        A `Sequential` or a `minnet.Graph`. `class_names` are the labels of a classifier, if the file has any.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    CheckpointError
        If the file is damaged or malicious, or has operators that minnet has no layers for; the message names the node.
    """
    path = check_path("mn.onnx.load", "path", path)
    data = _bytes(path)
    try:
        with np.errstate(all="ignore"):  # of constants that are computed: what they are is seen when the model runs
            model = _loaded(path, data)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error.__cause__
    except Exception as error:  # whatever a damaged file makes a library or a layer raise
        raise CheckpointError(f"{path}: it cannot be read: {type(error).__name__}: {brief(error)}") from error
    return set_mode(model, train)


def _bytes(path: Path) -> bytes:
    size = size_of_file(path)
    if size > MOST_BYTES:
        raise CheckpointError(f"{path}: it has {size:,} bytes, and {MOST_BYTES:,} are the most")
    with path.open("rb") as file:
        return file.read(size) if size else b""  # one without a size, as in /proc, is a window into the system


def _loaded(path: Path, data: bytes) -> Layer:
    onnx = require("onnx", "onnx")
    try:
        check_messages(data)
        proto = _parsed(onnx, data)
    except CheckpointError as error:
        found, cause = looks_like(data[:64])
        raise CheckpointError(f"{error}; it begins with {found}. {cause}") from None
    if proto.functions:
        from minnet.onnx.reading.functions import inlined

        proto = inlined(proto, MOST_NODES)
    graph = proto.graph
    if len(graph.node) > MOST_NODES:
        raise CheckpointError(f"it has {len(graph.node):,} nodes, and {MOST_NODES:,} are the most")
    if graph.sparse_initializer:
        raise CheckpointError("it has sparse arrays, which minnet does not have")
    return Reader(path, len(data), proto).model()


def _parsed(onnx: Any, data: bytes) -> Any:
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception as error:  # DecodeError, of a package that is not to be imported for this
        raise CheckpointError(f"it is no ONNX file, or it is damaged: {brief(error)}") from None
    if not proto.HasField("graph") or not (proto.graph.node or proto.graph.output):
        raise CheckpointError("it is no ONNX file, or it has no graph")
    return proto
