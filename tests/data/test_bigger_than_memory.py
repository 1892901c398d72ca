"""A process trains on data four times as large as the memory that it may have, and goes on after it was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

resource = pytest.importorskip("resource")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's, of private memory"),
]

ROOM = 64 << 20  # bytes that the process may take besides what it has when it begins
ROWS, BLOCK, PIXELS = 352_000, 22_000, 784  # 276 MB, 4.1 times as much

SCRIPT = """
import hashlib, json, resource, sys
from pathlib import Path
import numpy as np
import minnet as mn

folder, kind, room, steps = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model = mn.Sequential(mn.Linear(784, 16, rng=0), mn.ReLU(), mn.Linear(16, 10, rng=1))
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.05))
order = np.random.default_rng(2)

def batches():
    x, y = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in "xy")
    for i in order.permutation(len(x) // 1000):
        rows = slice(i * 1000, (i + 1) * 1000)
        yield np.array(x[rows]), np.array(y[rows])

model.forward(np.ones((128, 784), np.float32))  # BLAS takes the memory that it keeps
has = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())["VmData"]
resource.setrlimit(resource.RLIMIT_DATA, (1024 * int(has.split()[0]) + room, resource.RLIM_INFINITY))
try:
    if kind == "memory":
        x, y = (np.load(folder / f"{name}.npy") for name in "xy")
        loader = mn.DataLoader(x, y, 128, shuffle=True, rng=0)
    elif kind == "maps":
        x, y = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in "xy")
        loader = mn.data.Prefetch(mn.DataLoader(x, y, 128, shuffle=True, rng=0))
    else:
        loader = mn.data.Prefetch(mn.data.Stream(batches, 128, batches=True, buffer=8000, rng=0))
    rows = trainer.fit(loader, steps=steps, every=100, progress=False, checkpoint=mn.Checkpoint(sys.argv[5], every=100))
    weights = b"".join(p.data.tobytes() for p in model.parameters())
    print(json.dumps([rows[-1]["loss"], hashlib.sha256(weights).hexdigest()]))
except MemoryError:
    print(json.dumps("MemoryError"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with images that can be learned."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    patterns = rng.integers(0, 200, (10, PIXELS), np.uint8)
    images = np.lib.format.open_memmap(folder / "x.npy", "w+", np.uint8, (ROWS, PIXELS))
    labels = rng.integers(0, 10, ROWS)
    for start in range(0, ROWS, BLOCK):
        rows = slice(start, start + BLOCK)
        images[rows] = patterns[labels[rows]] + rng.integers(0, 56, (BLOCK, PIXELS), np.uint8)
    np.save(folder / "y.npy", labels)
    assert images.nbytes >= 4 * ROOM
    yield folder
    shutil.rmtree(folder)


def started(folder, kind, steps, checkpoint):
    root = Path(__file__).parents[2]
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    command = [sys.executable, "-c", SCRIPT, folder, kind, ROOM, steps, checkpoint]
    environment = os.environ | one | {"PYTHONPATH": str(root)}
    return subprocess.Popen(
        list(map(str, command)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def said(process):
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    return json.loads(stdout)


def test_the_whole_does_not_fit(folder, tmp_path):
    assert said(started(folder, "memory", 10, tmp_path / "run")) == "MemoryError"


@pytest.mark.parametrize("kind", ["stream", "maps"])
def test_it_is_trained_on_and_a_run_that_was_killed_goes_on(kind, folder, tmp_path):
    loss, digest = said(started(folder, kind, 1500, tmp_path / "whole"))
    assert loss < 0.2
    process, cut = started(folder, kind, 1500, tmp_path / "cut"), tmp_path / "cut"
    end = time.monotonic() + 120
    while not list(cut.glob("step-000000[3-9]*")) and process.poll() is None:
        assert time.monotonic() < end, "no checkpoint was written"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert said(started(folder, kind, 1500, cut)) == [loss, digest]
