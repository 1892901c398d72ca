"""Safetensors files in plain Python: an independent reader, a writer that signs whatever it is given, and mutations.

Whoever writes a hostile file can compute its digests, too; so most mutations are done first and signed afterwards.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from mutations import DTYPES, NUMBERS, TEXTS, dump, mutate, mutate_json

NUMPY = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "C64": "c8",
    "BOOL": "?",
    **{f"{kind}{8 * size}": f"{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)},
}


def parse(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Cut a file into its header and its data."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def arrays(content: bytes) -> dict[str, np.ndarray]:
    """Read the arrays of a file."""
    header, data = parse(content)
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            found[name] = np.frombuffer(data[start:end], np.dtype(NUMPY[entry["dtype"]])).reshape(entry["shape"])
    return found


def digests(metadata: dict[str, str], tensors: dict[str, np.ndarray]) -> tuple[str, str]:
    """Return what `sha256` and `metadata_sha256` have to be, as the page on the format says."""
    of_arrays = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in tensors.items()}
    sha256 = json.dumps(of_arrays)
    strings = {key: value for key, value in metadata.items() if key != "metadata_sha256"} | {"sha256": sha256}
    shapes = {name: [str(array.dtype), list(array.shape)] for name, array in tensors.items()}
    return sha256, hashlib.sha256(json.dumps([strings, shapes], sort_keys=True).encode()).hexdigest()


def join(header: Any, data: bytes, *, sign: bool = False) -> bytes:
    """Write a file; with right digests if it is to be signed, and if that can be done."""
    text = dump(header).encode()
    content = len(text).to_bytes(8, "little") + text + data
    if not sign:
        return content
    try:
        metadata = header["__metadata__"]
        metadata["sha256"], metadata["metadata_sha256"] = digests(metadata, arrays(content))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return content
    return join(header, data)


def mutate_tensorfile(random: Random, good: bytes, others: list[bytes]) -> bytes:
    """Do wrongs to the header, to the state or the description in it, or to the bytes, and mostly sign the result."""
    if random.random() < 0.2:
        return mutate(random, good, others)
    header, data = parse(good)
    for _ in range(random.choice((1, 1, 2, 3))):
        part = random.random()
        metadata = header.get("__metadata__")
        inner = next((key for key in ("state", "model") if isinstance(metadata, dict) and key in metadata), None)
        if part < 0.65 and inner:
            try:
                metadata[inner] = dump(mutate_json(random, json.loads(metadata[inner])))
            except (ValueError, TypeError, RecursionError):
                metadata[inner] = random.choice(TEXTS)
            if random.random() < 0.05:
                text = metadata[inner].encode("utf-8", "replace")
                metadata[inner] = mutate(random, text, others).decode("utf-8", "replace")
        elif part < 0.75:
            header = mutate_json(random, header)
        elif part < 0.95:
            _change_entry(random, header)
        elif data:
            data = mutate(random, data, others)
        if not isinstance(header, dict):
            return join(header, data)
    content = join(header, data, sign=random.random() < 0.9)
    return mutate(random, content, others) if random.random() < 0.05 else content


def _change_entry(random: Random, header: dict[str, Any]) -> None:
    """Change what the header says of one array, or give it the place of another."""
    entries = [entry for name, entry in header.items() if name != "__metadata__" and isinstance(entry, dict)]
    if not entries:
        return
    entry, other = random.choice(entries), random.choice(entries)
    match random.randrange(6):
        case 0:
            entry["dtype"] = random.choice(DTYPES)
        case 1:
            entry["shape"] = [random.choice(NUMBERS[:27]) for _ in range(random.choice((0, 1, 2, 3, 70)))]
        case 2:
            entry["shape"] = random.choice(([], [0], [-1], [2**63], [0, 2**62], [1] * 65, "x", None, [1.5], [True]))
        case 3 if "data_offsets" in entry and "data_offsets" in other:
            entry["data_offsets"], other["data_offsets"] = other["data_offsets"], entry["data_offsets"]
        case 4:
            entry["data_offsets"] = [random.choice(NUMBERS[:27]) for _ in range(2)]
        case _:
            entry["shape"], entry["dtype"] = other.get("shape"), other.get("dtype")


def samples(name: str) -> list[bytes]:
    """Return small files that minnet itself has written: weights, a state with everything in it, checkpoints."""
    folder = Path(__file__).parent / "samples"
    return [path.read_bytes() for path in sorted(folder.glob(f"{name}*.safetensors"))]


def models() -> dict[str, Any]:
    """Return models whose descriptions have all that a description may have."""
    import minnet as mn

    shared = mn.Linear(3, 2, rng=0)
    images = mn.Sequential(
        mn.Normalize(0.5, 2.0, scale=0.5),
        mn.Conv2d(1, 2, (2, 1), padding="same", rng=0),
        mn.BatchNorm2d(2, momentum=None),
        mn.MaxPool2d(2),
        mn.AdaptiveAvgPool2d((None, 1)),
        mn.Flatten(),
    )
    block = mn.TransformerBlock(2, 1, 3, activation=mn.GELU("tanh"), rng=0)
    block.network.append(mn.RMSNorm((2,)))
    images.layers[1].freeze(statistics=True)
    return {
        "names": mn.Sequential(encoder=shared, head=mn.Residual(mn.Softplus(2.0, threshold=9), last=mn.Softmax())),
        "shared": mn.Sequential(
            shared, mn.Hardtanh(), mn.Tied(shared, rng=0), mn.Concat(mn.Identity(), mn.Reshape(-1))
        ),
        "images": images,
        "words": mn.Sequential(mn.Embedding(5, 2, padding_idx=-1, rng=0), block, mn.LSTM(2, 3, bias=False, rng=0)),
    }


def write_samples() -> None:
    """Write these files anew (they are kept, for the order of the metadata differs from run to run)."""
    import minnet as mn
    from minnet.saving.serialize import Tensors, encode
    from minnet.saving.tensorfile import write_tensors

    folder = Path(__file__).parent / "samples"
    folder.mkdir(exist_ok=True)
    bits = [getattr(np.random, name) for name in ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")]
    mn.save(mn.Sequential(mn.Linear(3, 2, rng=0), mn.BatchNorm1d(2)), folder / "weights.safetensors")
    for name, model in models().items():
        mn.save(model, folder / f"model-{name}.safetensors")
    everything = {
        "generators": [np.random.Generator(kind(0)) for kind in bits],
        "numbers": [1, -2.5, float("nan"), float("-inf"), None, True, 2**70, np.float32(3), np.int8(-1)],
        "arrays": (np.arange(6.0).reshape(2, 3), np.zeros((0, 4), np.float32), np.array(7), np.array([True, False])),
        "dicts": {1: "one", (2, 3): [4], None: {}, "$tensor": "no tag"},
        "text": "Größe \x00 \U0001f600",
    }
    tensors: Tensors = {}
    state = json.dumps(encode(everything, tensors, "state"))
    write_tensors(folder / "state.safetensors", tensors, {"kind": "checkpoint", "state": state})
    for kind, optimizer in ((np.random.PCG64, mn.Adam), (np.random.Philox, mn.SGD)):
        rng = np.random.Generator(kind(0))
        model = mn.Sequential(mn.Linear(3, 2, rng=rng), mn.Dropout(0.5, rng=rng))
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer(model.parameters(), lr=0.1))
        loader = mn.DataLoader(np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]), 2, shuffle=True, rng=rng)
        with tempfile.TemporaryDirectory() as run:
            trainer.fit(loader, epochs=1, checkpoint=run)
            (newest,) = Path(run).glob("*.safetensors")
            (folder / f"checkpoint-{kind.__name__}.safetensors").write_bytes(newest.read_bytes())
