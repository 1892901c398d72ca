"""Ctrl-C and SIGTERM end all ranks of a job after the same step, with one checkpoint."""

import os
import signal

import pytest
from ranks import Job

pytestmark = pytest.mark.slow
SCRIPT = """
import sys, time
import numpy as np
import minnet as mn

folder, on_interrupt = sys.argv[1:]

class Slowly(mn.callbacks.Callback):
    def on_step_end(self, trainer):
        if trainer.step == 5:
            print("under way", flush=True)
        if trainer.step >= 5:
            time.sleep(0.02)

rng = np.random.default_rng(0)
model = mn.Sequential(mn.Linear(3, 2, rng=0))
trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1), parallel=mn.MPI())
loader = mn.DataLoader(rng.normal(size=(64, 3)), rng.normal(size=(64, 2)), 8)
checkpoint = mn.Checkpoint(folder, every=10**6) if folder else None
trainer.fit(loader, steps=10**6, callbacks=[Slowly()], checkpoint=checkpoint, on_interrupt=on_interrupt)
print("step", trainer.step, trainer.interrupted)
"""


def ended(send, folder="", on_interrupt="return"):
    """Let two ranks train, ``send(job)`` a signal, and return the job's code, the last lines of the ranks and all."""
    with Job(SCRIPT, 2, folder, on_interrupt) as job:
        job.wait_for(lambda: all("under way" in job.stdout(rank) for rank in (0, 1)))
        send(job)
        return job.wait(), [job.stdout(rank).splitlines()[-1] for rank in (0, 1)], job.said()


def to_rank(rank, *numbers):
    def send(job):
        for number in numbers:
            os.kill(job.pids()[rank], number)

    return send


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_gets_ctrl_c_ends_all_after_the_same_step(tmp_path, rank):
    code, last, said = ended(to_rank(rank, signal.SIGINT), tmp_path)
    step = int(last[0].split()[1])
    assert (code, last) == (0, [f"step {step} True"] * 2), said
    assert [path.name for path in tmp_path.glob("step*")] == [f"step-{step:09d}.safetensors"]
    assert said.count(f"interrupted after step {step}: ") == 1
    code, last, said = ended(to_rank(rank, signal.SIGINT))  # without checkpoints
    assert (code, last[0]) == (0, last[1]), said
    assert last[0].endswith("True")


def test_ctrl_c_is_raised_on_all_ranks_and_shown_once():
    code, last, said = ended(to_rank(1, signal.SIGINT), on_interrupt="raise")
    assert code != 0
    assert last == ["under way"] * 2, said
    assert said.count("\nKeyboardInterrupt") == 1, said
    assert "minnet:" not in said


@pytest.mark.parametrize("to_mpiexec", [False, True])
def test_sigterm_to_a_rank_and_sigusr1_to_mpiexec_end_all_after_the_same_step(tmp_path, to_mpiexec):
    send = (lambda job: job.process.send_signal(signal.SIGUSR1)) if to_mpiexec else to_rank(1, signal.SIGTERM)
    code, last, said = ended(send, tmp_path)
    assert (code, last) == (143, ["under way"] * 2), said  # the script does not go on
    (path,) = tmp_path.glob("step*")
    assert said.count(f"terminated after step {int(path.stem[5:])}: ") == 1, said


def test_a_second_ctrl_c_on_one_rank_ends_the_job(tmp_path):
    code, last, said = ended(to_rank(1, signal.SIGINT, signal.SIGINT), tmp_path)
    if code == 0:  # both came before Python looked, as one
        assert last[0] == last[1], said
        return
    assert last == ["under way"] * 2, said
    assert "minnet: rank 1 of 2 raised an error after step" in said
    assert said.count("\nKeyboardInterrupt\n") == 1
