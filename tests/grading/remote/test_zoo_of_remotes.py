"""The zoo of mistakes, each behind a socket: the verdict on each check is that on the layer itself."""

import importlib.util
import sys
import warnings
from pathlib import Path

import pytest
import zoo_cases
from graded import served

from minnet.inspection.gradcheck import findings

PREFIX = "remote_zoo_of_"
for path in sorted((Path(__file__).parents[2] / "inspection" / "zoo").glob("*.py")):
    specification = importlib.util.spec_from_file_location(f"{PREFIX}{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # pickle looks there
    specification.loader.exec_module(module)
CASES = [case for case in (*zoo_cases.MISTAKES, *zoo_cases.RIGHT) if case[0].__module__.startswith(PREFIX)]
BY_CHANCE = {"ReadsMemory"}  # reads memory that nobody wrote: two runs differ


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case[0].__module__.removeprefix(PREFIX)}-{case[0].__name__}"
)
def test_the_verdict_is_the_same(case):
    cls, arguments, inputs = case[:3]
    if cls.__name__ in BY_CHANCE:
        pytest.skip("its results are not repeatable")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with served(Layer=cls) as make:
            found = findings(make("Layer", *arguments), *inputs)
        assert found.checks == findings(cls(*arguments), *inputs).checks
