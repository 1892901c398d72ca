"""The modules of this folder import `trainings`; tests that need the extra compiled are skipped without it."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
INSTALLED = find_spec("numba") is not None


def pytest_collection_modifyitems(items):
    if not INSTALLED:
        skip = pytest.mark.skip(reason="the extra compiled is not installed")
        for item in items:
            if Path(__file__).parent in item.path.parents and "without_the_extra" not in item.name:
                item.add_marker(skip)


@pytest.fixture
def calls(monkeypatch):
    """Return a list that gets the number of steps of each call of the compiled code."""
    from minnet.compiled.steps.steps import CompiledSteps

    seen, original = [], CompiledSteps.run

    def run(self, *arguments):
        done = original(self, *arguments)
        seen.append(done.steps)
        return done

    monkeypatch.setattr(CompiledSteps, "run", run)
    return seen


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """Return how many threads do a compiled step together."""
    if request.param > 1:
        pytest.importorskip("threadpoolctl", reason="the extra threads is not installed")
    return request.param
