"""A workload has jobs that go on for as long as they are asked to."""

import pytest

from minnet import workload

TINY = {"notebook": (6, 3), "wide": (6, 5, 4, 3), "samples": 130}


@pytest.mark.parametrize("name", workload.jobs(**TINY))
def test_every_job_goes_on_for_as_long_as_it_is_asked_to(name):
    job = workload.jobs(**TINY)[name]
    for times in (1, 3):
        stamps = job(lambda stamps, times=times: len(stamps) <= times)
        assert len(stamps) == times + 1
        assert stamps == sorted(stamps)
