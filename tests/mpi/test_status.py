"""What all ranks do tells whether the job can go on."""

import pytest

from minnet.mpi.status import END, Status, first_error, last_checkpoint, left_together, verdict

WHERE = "after step 17, in epoch 2"
COMPUTES = Status(calls=4, seconds=1000.0, where=WHERE, place="  File script.py, line 3")
WAITS = Status(calls=5, call="add_up", seconds=2.0, where=WHERE)
RAISED = COMPUTES._replace(raised="KeyError: 'nine'", seconds=0.0, place="Traceback ...\nKeyError: 'nine'")
ENDED = WAITS._replace(call=END, where="")


@pytest.mark.parametrize(
    "found",
    [
        [COMPUTES, COMPUTES, COMPUTES],  # as long as nobody waits
        [WAITS, COMPUTES, WAITS],
        [WAITS, WAITS, WAITS],
        [WAITS, WAITS._replace(call="gather", calls=6), WAITS],  # the first has only to notice that its call has ended
        [RAISED, COMPUTES, COMPUTES],
        [RAISED, WAITS._replace(calls=4), COMPUTES],
        [ENDED, WAITS._replace(calls=4), COMPUTES],
        [ENDED, ENDED, COMPUTES],
    ],
)
def test_a_job_goes_on_that_can(found):
    assert verdict(dict(enumerate(found)), len(found), timeout=10) == ""


def test_a_rank_that_keeps_the_others_waiting_is_named_with_its_place():
    late = WAITS._replace(seconds=11.0)
    text = verdict({0: late, 1: WAITS, 2: COMPUTES}, 3, timeout=10)
    assert text.startswith("rank 2 of 3 has kept the others waiting for 10 s after step 17, in epoch 2; raise MPI(time")
    assert text.endswith("rank 2 is here:\n  File script.py, line 3")
    assert "the ranks 1, 2 of 3 have kept" in verdict({0: late, 1: COMPUTES, 2: COMPUTES}, 3, timeout=10)


def test_a_rank_that_does_not_answer_is_named():
    late = WAITS._replace(seconds=11.0)
    text = verdict({0: late, 2: late}, 3, timeout=10)
    assert text.startswith("rank 1 of 3 has kept the others waiting for 10 s after step 17, in epoch 2, and did not an")


def test_a_call_that_does_not_end_on_any_rank_is_the_network():
    late = WAITS._replace(seconds=11.0)
    text = verdict({0: late, 1: late}, 2, timeout=10)
    assert text.startswith("all 2 ranks have been in add_up for 10 s after step 17, in epoch 2: look at the network")


@pytest.mark.parametrize("other", [WAITS, COMPUTES._replace(calls=5), ENDED])
def test_an_error_on_one_rank_ends_the_job_when_another_has_gone_on(other):
    text = verdict({0: COMPUTES, 1: RAISED, 2: other}, 3, timeout=10)
    assert text.startswith("rank 1 of 3 raised an error after step 17, in epoch 2, and the others did not:\nTraceback")


def test_an_error_on_one_rank_ends_the_job_when_the_others_compute_for_too_long():
    raised = RAISED._replace(seconds=11.0)
    assert "rank 0 of 2 raised" in verdict({0: raised, 1: COMPUTES}, 2, timeout=10)


def test_ranks_that_wait_for_each_other_in_different_calls_are_named():
    text = verdict({0: WAITS, 1: WAITS._replace(call="gather", where="")}, 2, timeout=10)
    assert text.startswith("rank 0 of 2 waits for the others in add_up after step 17, in epoch 2, but rank 1 in gather")


@pytest.mark.parametrize("calls", [5, 6])  # 6: rank 0 has left a broadcast before the others have come to it
def test_a_rank_whose_script_has_ended_is_named(calls):
    ended = ENDED._replace(place="KeyError: 'nine'")
    text = verdict({0: WAITS._replace(calls=calls), 1: ended}, 2, timeout=10)
    assert text.startswith(
        "rank 1 of 2 has come to the end of the script, after KeyError: 'nine', but rank 0 waits for it after step 17"
    )


def test_all_ranks_leave_fit_with_an_error_together():
    assert left_together({0: RAISED, 1: RAISED}, 2) == 0
    assert left_together({0: RAISED, 1: COMPUTES}, 2) is None
    assert left_together({0: RAISED}, 2) is None
    assert left_together({0: COMPUTES, 1: COMPUTES}, 2) is None


def test_a_rank_that_has_left_fit_is_proof_that_the_others_may():
    gone = COMPUTES._replace(left=1)
    assert left_together({0: gone, 1: RAISED}, 2) == 0
    assert left_together({0: RAISED._replace(left=1), 1: RAISED}, 2) == 0  # rank 0 has an error again
    assert left_together({0: gone, 1: RAISED._replace(left=1)}, 2) is None


def test_the_error_of_which_the_others_were_told_is_shown():
    told = RAISED._replace(raised="RankError: rank 1 raised", shared=True)
    assert first_error({0: told, 1: RAISED, 2: told}) == (1, "KeyError: 'nine'")
    assert first_error({0: RAISED, 1: RAISED}) == (0, "KeyError: 'nine'")
    assert first_error({0: COMPUTES, 1: told}) == (1, "RankError: rank 1 raised")


def test_the_last_checkpoint_is_named():
    assert last_checkpoint({0: WAITS, 1: WAITS._replace(checkpoint="runs/step-9")}).startswith(
        "The last checkpoint is runs/step-9: start the same command again"
    )
    assert last_checkpoint({0: WAITS}) == "There is no checkpoint to go on from."
