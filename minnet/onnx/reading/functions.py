"""Functions of an ONNX model are written out where they are called, after a look at how much that makes."""

from typing import Any

from minnet.errors import CheckpointError
from minnet.saving.messages import brief

MOST = 5_000  # functions
Name = tuple[str, str]


def inlined(proto: Any, most: int) -> Any:
    """Return a model without functions; CheckpointError if one calls itself, or there would be too many nodes."""
    functions = {(function.domain, function.name): function for function in proto.functions}
    if len(proto.functions) > MOST:
        raise CheckpointError(f"it has {len(proto.functions):,} functions, and {MOST:,} are the most")
    if len(functions) != len(proto.functions):
        raise CheckpointError("two of its functions have one name")
    _check_size(functions, proto.graph.node, most)
    from onnx import inliner

    return inliner.inline_local_functions(proto)


def _check_size(functions: dict[Name, Any], nodes: Any, most: int) -> None:
    sizes: dict[Name, int] = {}
    calls = {name: [(node.domain, node.op_type) for node in function.node] for name, function in functions.items()}
    while len(sizes) < len(calls):  # functions that call only those whose sizes are known, until none is left
        ready = [
            name
            for name, called in calls.items()
            if name not in sizes and all(other not in calls or other in sizes for other in called)
        ]
        if not ready:
            name = next(name for name in calls if name not in sizes)
            raise CheckpointError(f"its function {brief(name[1], 60)!r} calls itself")
        for name in ready:
            sizes[name] = sum(min(sizes.get(other, 1), most + 1) for other in calls[name])
    total = sum(sizes.get((node.domain, node.op_type), 1) for node in nodes)
    if total > most:
        raise CheckpointError(f"its functions make {total:,} nodes, and {most:,} are the most")
