"""The faster of two ways is taken."""

from minnet.compiled.steps.pace import AGAIN, Pace


def test_the_faster_way_is_taken_and_the_slower_one_tried_again():
    pace, seconds = Pace(), {True: 2.0, False: 1.0}
    ways = []
    for _ in range(3 * AGAIN):
        ways.append(pace.is_faster_alone())
        pace.note(ways[-1], 1, seconds[ways[-1]])
    assert ways[0] is False
    assert ways[1] is True, "what was not measured is tried"
    assert sum(ways) <= 1 + 3
    seconds[False] = 3.0  # a processor became busy
    for _ in range(2 * AGAIN):
        ways.append(pace.is_faster_alone())
        pace.note(ways[-1], 1, seconds[ways[-1]])
    assert all(ways[-AGAIN + 1 :][:5])
    pace.note(False, 0, 9.0)
    pace.note(False, 5, 1e-6)
    assert pace.is_faster_alone(), "a call of no step, or too short a one, tells nothing"
