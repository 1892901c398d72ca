"""The zoo: what students write. Every mistake is found and named, and no right layer has a finding."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest
import zoo_cases

from minnet.inspection.gradcheck import CHECKS, LayerError, check_layer, findings

for path in sorted((Path(__file__).parent / "zoo").glob("*.py")):
    specification = importlib.util.spec_from_file_location(f"zoo_of_{path.stem}", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # pickle looks there
    specification.loader.exec_module(module)

MISTAKES = [case for case in zoo_cases.MISTAKES if case[0].__module__.startswith("zoo_of_")]
RIGHT = [case for case in zoo_cases.RIGHT if case[0].__module__.startswith("zoo_of_")]
OUR_WORDS = (
    "operands could not",
    "core dimension",
    "not aligned",
    "gufunc",
    "non-broadcastable",
    "positional argument",
)


def name(case):
    return f"{case[0].__module__.removeprefix('zoo_of_')}-{case[0].__name__}"


def test_there_are_many_of_different_kinds():
    assert len(MISTAKES) >= 250
    assert len(RIGHT) >= 70
    kinds = Counter(case[3].split(" of ")[0] for case in MISTAKES)
    assert {"forward", "backward", "gradient", "adds up", "eval mode", "Parameters stay", "dtypes"} <= set(kinds)


@pytest.mark.parametrize("case", MISTAKES, ids=name)
def test_a_mistake_is_named(case):
    cls, arguments, inputs, check, words = case
    found = findings(cls(*arguments), *inputs)
    assert found, "it is not found"
    assert found[0].check == check
    assert [word for word in words if word not in found[0].message] == [], found[0].message
    assert len(found[0].message) < 900
    if check != "forward" or "takes 2 positional" not in found[0].message:
        assert not any(word in found[0].message for word in OUR_WORDS)
    assert found.checks[check] is False
    with pytest.raises(LayerError) as caught:
        check_layer(cls(*arguments), *inputs)
    assert found[0].message in str(caught.value)


@pytest.mark.parametrize("case", RIGHT, ids=name)
def test_a_right_layer_has_no_finding(case):
    cls, arguments, inputs = case
    found = findings(cls(*arguments), *inputs)
    assert found == []
    assert all(found.checks.values())
    assert len(found.checks) >= len(CHECKS) - 1
