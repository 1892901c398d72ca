"""Runs of compiled steps: several threads, failures, resuming, and Ctrl-C."""

import math
import os
import signal
import subprocess
import sys
from threading import Thread

import numpy as np
import pytest
from compiled_trainings import CHAINS, OPTIMIZERS, RESAMPLED, bits, data, fit, make, pair

import minnet as mn
from minnet.callbacks import Callback

pytestmark = pytest.mark.slow


# --- several threads -----------------------------------------------------------------------------------------------


def test_results_do_not_depend_on_which_thread_is_faster(threads):
    trainers = [make(optimizer=OPTIMIZERS["Adam"], dtype=np.float32, compiled=True, threads=threads) for _ in range(5)]
    for trainer in trainers:
        fit(trainer, *data(np.float32), epochs=20)
    assert len({str(bits(trainer)) for trainer in trainers}) == 1


def test_one_thread_that_does_the_shares_of_all_leaves_the_same_bits(threads, monkeypatch):
    found = []
    for alone in (False, True):
        monkeypatch.setattr("minnet.compiled.steps.pace.Pace.is_faster_alone", lambda _, alone=alone: alone)
        for optimizer in (None, OPTIMIZERS["Adam"]):
            trainer = make(CHAINS["wide"], optimizer=optimizer, dtype=np.float32, compiled=True, threads=threads)
            fit(trainer, *data(np.float32), epochs=5)
            found.append(bits(trainer))
    assert found[:2] == found[2:]


class FailsError(Exception):
    pass


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_thread_that_fails_ends_all(threads, failing, monkeypatch):
    """No other thread waits for it forever, and the error is the one that it raised."""
    if failing >= threads:
        pytest.skip("there are not so many threads")
    from minnet.compiled.steps import whole_steps

    train = whole_steps.train

    def fails(thread, *rest):
        if thread == failing and trainer.step:
            raise FailsError
        return train(thread, *rest)

    trainer = make(compiled=True, threads=threads)
    monkeypatch.setattr("minnet.compiled.steps.pace.Pace.is_faster_alone", lambda _: False)
    monkeypatch.setattr(whole_steps, "train", fails)
    with pytest.raises(FailsError):
        fit(trainer, *data())
    assert trainer.step == 1


def test_a_thread_that_cannot_be_started_ends_all(monkeypatch):
    pytest.importorskip("threadpoolctl", reason="the extra threads is not installed")
    start = Thread.start

    def fails(self):
        if self.name == "minnet-2":
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr("minnet.compiled.steps.pace.Pace.is_faster_alone", lambda _: False)
    monkeypatch.setattr(Thread, "start", fails)
    with pytest.raises(RuntimeError, match="can't start"):
        fit(make(compiled=True, threads=3), *data())


SHARED = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np, minnet as mn
rng = np.random.default_rng(0)
model = mn.Sequential(mn.Linear(12, 5, rng=0)).astype(np.float64)
options = {"compiled": True, "threads": 3}
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), **options)
trainer.fit(mn.DataLoader(rng.normal(size=(100, 12)), rng.integers(0, 5, 100), 4, rng=0), steps=50_000)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not say which processor to use")
def test_threads_that_share_a_processor():
    """A thread that waits gives it to the others, or each step would take a time slice."""
    pytest.importorskip("threadpoolctl", reason="the extra threads is not installed")
    subprocess.run([sys.executable, "-c", SHARED], capture_output=True, check=True, timeout=180)


# --- resuming, and Ctrl-C ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loader", [{"shuffle": True}, RESAMPLED], ids=str)
def test_a_run_that_is_resumed_ends_with_the_same_bits(tmp_path, loader, threads):
    class Killed(BaseException):
        pass

    class Kills(Callback):
        every_step = False

        def __init__(self, step):
            self.step = step

        def on_step_end(self, trainer):
            if trainer.step >= self.step:
                raise Killed

        def state_dict(self):
            return {}

    def run(folder, dies_at):
        trainer = make(optimizer=OPTIMIZERS["Adam"], compiled=True, threads=threads)
        kills = Kills(dies_at)
        checkpoint = mn.Checkpoint(tmp_path / folder, every=4)
        fit(trainer, *data(), loader=loader, epochs=6, checkpoint=checkpoint, every=5, callbacks=[kills])
        return trainer

    whole = run("whole", math.inf)
    for step in (13, 27, 41):
        with pytest.raises(Killed):
            run("cut", step)
    assert bits(run("cut", math.inf)) == bits(whole)


def test_checkpoints_are_written_when_they_are_due(tmp_path, monkeypatch):
    saved, save = [], mn.Checkpoint.save

    def noting(self, parts, position):
        saved.append(parts.state.step)
        save(self, parts, position)

    monkeypatch.setattr(mn.Checkpoint, "save", noting)
    for i, trainer in enumerate(pair()):
        fit(trainer, *data(), 1, epochs=1, checkpoint=mn.Checkpoint(tmp_path / str(i), every=40))
    assert saved == 2 * [40, 80, 120, 130]


def test_a_checkpoint_without_compiled_steps_is_of_another_run(tmp_path):
    ordinary, compiled = pair()
    fit(ordinary, *data(), checkpoint=tmp_path)
    with pytest.raises(mn.errors.CheckpointError, match="compiled"):
        fit(compiled, *data(), epochs=3, checkpoint=tmp_path)


BITS = """
import hashlib, sys
import numpy as np, minnet as mn
rng = np.random.default_rng(0)
X, y = rng.normal(size=(300, 12)).astype(np.float32), rng.integers(0, 4, 300)
for layers in [[mn.Linear(12, 4, rng=0)]] * ("other" in sys.argv) + [
    [mn.Linear(12, 16, rng=0), mn.ReLU(), mn.Linear(16, 40, rng=1), mn.Tanh(), mn.Linear(40, 4, rng=2)]
]:
    model = mn.Sequential(*layers)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()), compiled=True)
    trainer.fit(mn.DataLoader(X, y, 16, shuffle="resampled", rng=3), steps=90)
print(hashlib.sha256(b"".join(p.data.tobytes() for p in model.parameters())).hexdigest())
"""


def test_code_that_was_just_compiled_even_in_part_gives_the_bits_of_code_from_the_disk(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = set()
    for damaged, arguments in (("", []), ("", []), ("", ["other"]), ("whole_steps.*", []), ("kernels.*", [])):
        for path in tmp_path.rglob(damaged) if damaged else ():
            path.write_bytes(path.read_bytes()[:100])
        done = subprocess.run(
            [sys.executable, "-c", BITS, *arguments], env=environment, capture_output=True, text=True, check=True
        )
        said.add(done.stdout)
    assert len(said) == 1


SCRIPT = """
import numpy as np, minnet as mn
rng = np.random.default_rng(0)
X, y = rng.normal(size=(1000, 12)).astype(np.float32), rng.integers(0, 5, 1000)
model = mn.Sequential(mn.Linear(12, 5, rng=0))
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), compiled=True)

class Says(mn.callbacks.Callback):
    every_step = False

    def on_step_end(self, trainer):
        if trainer.step > 1000:
            print("ready", flush=True)

history = trainer.fit(mn.DataLoader(X, y, 1, shuffle=True, rng=0), epochs=10**9, callbacks=[Says()])
print("over", trainer.step == history[-1]["step"] > 1000, trainer.interrupted, flush=True)
"""


@pytest.mark.parametrize("epoch", [1, 2])
def test_ctrl_c_at_the_end_of_an_epoch(capsys, epoch, threads):
    class Presses(Callback):
        def on_row(self, trainer, row):
            if trainer.epoch == epoch:
                signal.raise_signal(signal.SIGINT)

    for trainer in pair(threads):
        fit(trainer, *data(), callbacks=[Presses()])
        assert trainer.interrupted
        assert trainer.step == 9 * epoch
        assert f"interrupted after step {9 * epoch}" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_ctrl_c_ends_after_the_current_call():
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.splitlines()[-1] == "over True True"
    assert "interrupted after step" in err
