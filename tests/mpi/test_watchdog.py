"""A rank that dies, hangs, fails or leaves ends the job, with a message that says which rank, where, and what to do."""

import time

import pytest
from ranks import Job, alive

pytestmark = pytest.mark.slow
SCRIPT = """
import os, signal, sys, time
import numpy as np
import minnet as mn

what, folder = sys.argv[1:]
mpi = mn.MPI(timeout=2.0 if what in ("sleep", "stop") else 100.0)
strange = mpi.rank == 1

class Callback(mn.callbacks.Callback):
    def on_step_end(self, trainer):
        if trainer.step == 10 and (strange or what == "all fail"):
            if what == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            elif what == "exit":
                os._exit(3)
            elif what == "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            elif what == "sleep":
                time.sleep(1000)
            elif what in ("fail", "all fail"):
                raise RuntimeError("no more")
            elif what == "leave":
                sys.exit()

rng = np.random.default_rng(0)
model = mn.Sequential(mn.Linear(3, 2, rng=0))
trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1), parallel=mpi)
loader = mn.DataLoader(rng.normal(size=(64, 3)), rng.normal(size=(64, 2)), 8)

def fit():
    trainer.fit(loader, epochs=2, callbacks=[Callback()], checkpoint=folder or None)

if what == "raise before" and strange:
    raise KeyError("mine")
if what == "all raise before":
    raise KeyError("ours")
try:
    fit()
except RuntimeError as error:
    print("caught", error)
    raise
if what == "fit again" and strange:
    trainer.fit(loader, epochs=1)
if what == "gather" and strange:
    mpi.gather(1)
print("done")
"""
PLACE = "after step 10, in epoch 2"


def ended(what, *said, code=True, folder=""):
    """Run a job of three ranks to its end, and check what it says, once; return all that it said."""
    with Job(SCRIPT, 3, what, folder) as job:
        pids = job.pids()
        assert (job.wait() != 0) == code, job.said()
        end = time.monotonic() + 60  # a process that was killed is there for a moment longer than mpiexec
        while any(map(alive, pids)):
            assert time.monotonic() < end, job.said()
            time.sleep(0.01)
        text = "".join(job.stderr(rank) for rank in range(3))
        for one in said:
            assert text.count(one) == 1, job.said()
        assert text.count("minnet: ") <= 1
        return job.said()


def test_a_job_that_nothing_happens_to():
    assert ended("nothing", code=False).count("done") == 3


@pytest.mark.parametrize("what", ["die", "exit"])
def test_a_rank_that_dies(what):
    ended(what, f"minnet: rank 1 of 3 has died {PLACE}.\n", "There is no checkpoint to go on from.")


def test_a_rank_that_hangs():
    said = f"minnet: rank 1 of 3 has kept the others waiting for 2 s {PLACE}; raise MPI(timeout=)"
    ended("sleep", said, "rank 1 is here:", "time.sleep(1000)")


def test_a_rank_that_does_not_answer():
    ended("stop", f"minnet: rank 1 of 3 has kept the others waiting for 2 s {PLACE}, and did not answer")


@pytest.mark.parametrize(("what", "error"), [("fail", "RuntimeError: no more\n"), ("leave", "SystemExit\n")])
def test_an_error_on_one_rank(what, error):
    said = ended(what, f"minnet: rank 1 of 3 raised an error {PLACE}, and the others did not:\n", error)
    assert "caught" not in said


def test_an_error_on_all_ranks_can_be_caught_and_is_shown_once():
    said = ended("all fail", "Traceback", "RuntimeError: no more\n")
    assert said.count("caught no more") == 3


def test_an_error_outside_of_fit():
    ended("raise before", "minnet: rank 1 of 3 ", "Traceback")  # which of two messages depends on who is first
    ended("all raise before", "Traceback", "KeyError: 'ours'\n")


@pytest.mark.parametrize("what", ["fit again", "gather"])
def test_ranks_that_do_different_things(what):
    ended(what, "minnet: rank 0 of 3 has come to the end of the script, but rank 1 waits for it")
