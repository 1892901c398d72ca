"""What a file says beside its graph: the labels of a classifier, and what minnet's export wrote as metadata."""

import json
from collections.abc import Iterable
from typing import Any

from minnet.core.layer import Layer
from minnet.errors import CheckpointError
from minnet.onnx.reading.tensors import Tensors

MOST = 100_000  # labels


def labels_of(nodes: Iterable[Any], initializers: dict[str, Any], tensors: Tensors) -> list[str] | None:
    """Return the labels of a classifier that are in the nodes which make its labels, if there are any."""
    for node in nodes:
        if node.op_type == "ArrayFeatureExtractor" and node.input and node.input[0] in initializers:
            tensor = initializers[node.input[0]]
            labels: Any = tensor.string_data
            if tensor.data_type in (6, 7):
                labels = tensors.array(tensor).reshape(-1).tolist()
            if 0 < len(labels) <= MOST:
                return [_text(label) for label in labels]
    return None


def _text(label: Any) -> str:
    return label.decode("utf-8", "replace")[:200] if isinstance(label, bytes) else str(label)


def set_metadata(model: Layer, metadata: dict[str, str]) -> None:
    """Give a model the class names and the scale of its inputs that minnet wrote into the file."""
    try:
        names, scale = (json.loads(metadata.get(key, "null")) for key in ("class_names", "input_scale"))
    except (ValueError, RecursionError):
        raise CheckpointError("its metadata, of a model of minnet's, are no JSON") from None
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        model.class_names = names
    if "input_scale" in metadata and (scale is None or (type(scale) is float and 0 < scale < 1e30)):
        model.input_scale = scale
