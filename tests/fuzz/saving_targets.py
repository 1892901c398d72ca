"""The targets of minnet's own files: weights, checkpoints and models."""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from target import Target
from tensorfiles import arrays, digests, mutate_tensorfile, parse, samples

import minnet as mn
from minnet.core.state import is_plain
from minnet.errors import CheckpointError
from minnet.saving.description import OWN as OWN_CLASSES
from minnet.saving.description import describe_model
from minnet.saving.run_state import Snapshot
from minnet.saving.serialize import decode
from minnet.saving.tensorfile import OWN, parse_json, read_tensors

# Weights and checkpoints


def _read_checkpoint(path: Path) -> Any:
    tensors, metadata = read_tensors(path)
    if "state" not in metadata:
        return tensors, metadata, None
    state = parse_json(path, "state", metadata["state"])
    try:
        return tensors, metadata, decode(state, tensors)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _check_checkpoint(content: bytes, found: Any) -> None:
    tensors, metadata, state = found
    expected = arrays(content)
    assert tensors.keys() == expected.keys()
    for name, array in expected.items():
        assert (tensors[name].shape, tensors[name].dtype) == (array.shape, array.dtype)
        assert tensors[name].tobytes() == array.tobytes()
    assert metadata == (parse(content)[0].get("__metadata__") or {})
    if any(key in metadata for key in OWN):
        sha256, of_metadata = digests(metadata, expected)
        assert json.loads(metadata["sha256"]) == json.loads(sha256)
        # The text of "sha256" may be spaced in another way than Python's; the digest is of the text as it is.
        if metadata["sha256"] == sha256:
            assert metadata["metadata_sha256"] == of_metadata
    _check_state(state)


def _check_state(value: Any) -> None:
    assert is_plain(value) or any(array.dtype.kind == "c" for array in _leaves(value, np.ndarray))
    for generator in _leaves(value, np.random.Generator):
        generator.random(700)  # a wrong position would be read past here


def _leaves(value: Any, kind: type) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.items() for leaf in _leaves(item, kind)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item, kind)]
    return [value] if isinstance(value, kind) else []


def _make_tensorfile(names: tuple[str, ...], random: Random) -> bytes:
    files = _tensorfiles(names)
    return mutate_tensorfile(random, random.choice(files), files)


@cache
def _tensorfiles(names: tuple[str, ...]) -> list[bytes]:
    return [content for name in names for content in samples(name)]


def _check_snapshot(content: bytes, snapshot: Snapshot) -> None:
    metadata = parse(content)[0]["__metadata__"]
    assert metadata["kind"] == "checkpoint"
    assert type(snapshot.step) is type(snapshot.first_step) is int
    assert type(snapshot.finished) is bool
    _check_state(snapshot.state)


# Models that describe themselves


def _check_model(content: bytes, model: mn.Layer) -> None:
    header, _ = parse(content)
    described, found = json.loads(header["__metadata__"]["model"]), describe_model(model)
    weights = {name: array for name, array in arrays(content).items() if not name.startswith("state/")}
    own = dict(model.named_arrays())
    assert own.keys() == weights.keys()
    for name, array in own.items():
        assert array.data.dtype == weights[name].dtype
        assert array.data.shape == weights[name].shape
        assert array.data.tobytes() == weights[name].tobytes()
    assert not any(layer.recording for _, layer in model.named_layers())
    assert set(_classes(described)) <= OWN_CLASSES.keys()
    assert found.get("frozen", []) == [
        name for name, _ in model.named_parameters() if name in described.get("frozen", [])
    ]


def _classes(described: Any) -> list[str]:
    if isinstance(described, list):
        return [name for item in described for name in _classes(item)]
    if isinstance(described, dict):
        mine = [described["class"]] if "class" in described else []
        return mine + [name for item in described.values() for name in _classes(item)]
    return []


def _of_tensorfiles(*names: str) -> tuple[Callable[[], list[bytes]], Callable[[Random], bytes]]:
    return partial(_tensorfiles, names), partial(_make_tensorfile, names)


SAVING = {
    "checkpoint": Target(
        *_of_tensorfiles("weights", "state", "checkpoint"), _read_checkpoint, CheckpointError, _check_checkpoint
    ),
    "model": Target(*_of_tensorfiles("model"), mn.load_model, CheckpointError, _check_model),
    "snapshot": Target(*_of_tensorfiles("checkpoint"), Snapshot, CheckpointError, _check_snapshot),
}
