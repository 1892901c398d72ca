"""Data bigger than memory: digits with noise, in shards, as .npy files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import minnet as mn

SHARD = 87_500  # images in a shard: 69 MB
PIXELS = 784
BLOCK = 2_000  # images that a stream reads at once
AHEAD = 40  # batches that are read ahead, because a window of blocks takes as long to read as some dozens of steps
BUFFER = 50_000  # images that its shuffle buffer holds: 39 MB


def write_shards(folder: Path, limit: int, times: float) -> int:
    """Write shards until they are so many times as large as a limit in bytes; return how many bytes they have."""
    digits, labels = mn.data.synthetic_digits(20_000, rng=0)
    rng, written, shard = np.random.default_rng(1), 0, 0
    size = min(SHARD, max(int(times * limit / PIXELS / 4), 1000))
    while written < times * limit:
        rows = rng.integers(len(digits), size=size)
        noise = rng.integers(0, 64, (size, PIXELS), np.uint8)
        np.save(folder / f"x-{shard:03}.npy", digits[rows] // 4 * 3 + noise)
        np.save(folder / f"y-{shard:03}.npy", labels[rows])
        written, shard = written + size * PIXELS, shard + 1
    digits, labels = mn.data.synthetic_digits(2_000, rng=2)
    np.save(folder / "test-x.npy", digits // 4 * 3 + rng.integers(0, 64, digits.shape, np.uint8))
    np.save(folder / "test-y.npy", labels)
    return written


def warm(folder: Path) -> None:
    """Read all files once, so that they are in the system's page cache."""
    for path in sorted(folder.glob("*.npy")):
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def paths(folder: Path, name: str) -> list[Path]:
    """Return the shards of x or y."""
    return sorted(folder.glob(f"{name}-[0-9]*.npy"))


def _in_memory(folder: Path, shards: int) -> Any:
    x, y = (np.concatenate([np.load(path) for path in paths(folder, name)[:shards]]) for name in "xy")
    return mn.DataLoader(x, y, 128, shuffle=True, check=False, rng=0)


def _in_files(folder: Path) -> Any:
    x, y = (mn.data.Shards(paths(folder, name)) for name in "xy")
    return mn.DataLoader(x, y, 128, shuffle="blocks", check=False, rng=0)


def _mapped(folder: Path, shuffle: Any) -> Any:
    x, y = (mn.data.Shards([np.load(path, mmap_mode="r") for path in paths(folder, name)]) for name in "xy")
    return mn.DataLoader(x, y, 128, shuffle=shuffle, check=False, rng=0)


def _stream(folder: Path) -> Any:
    order = np.random.default_rng(3)

    def batches() -> Iterator[tuple[Any, Any]]:
        files = list(zip(paths(folder, "x"), paths(folder, "y"), strict=True))
        for i in order.permutation(len(files)):
            x, y = (np.load(path, mmap_mode="r") for path in files[i])
            for start in range(0, len(x), BLOCK):
                yield np.array(x[start : start + BLOCK]), np.array(y[start : start + BLOCK])

    buffer = min(BUFFER, sum(len(np.load(path, mmap_mode="r")) for path in paths(folder, "y")) // 4)
    return mn.data.Stream(batches, 128, batches=True, buffer=buffer, rng=0)


LOADERS: dict[str, Callable[[Path], Any]] = {
    "all of it in memory": lambda folder: _in_memory(folder, 1_000_000),
    "a part in memory": lambda folder: _in_memory(folder, 2),
    "a part in memory, Prefetch": lambda folder: mn.data.Prefetch(_in_memory(folder, 2)),
    "Shards, blocks": _in_files,
    "Shards, blocks, Prefetch": lambda folder: mn.data.Prefetch(_in_files(folder), AHEAD),
    "memory maps, shuffle=True": lambda folder: _mapped(folder, True),
    "memory maps, blocks, Prefetch": lambda folder: mn.data.Prefetch(_mapped(folder, "blocks"), AHEAD),
    "Stream": _stream,
    "Stream, Prefetch": lambda folder: mn.data.Prefetch(_stream(folder)),
}
