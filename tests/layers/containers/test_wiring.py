"""The wiring of a Graph: what is run, and when an array is not needed any more."""

import minnet as mn
from minnet.core.layers import Layers
from minnet.layers.containers.wiring import as_names, as_wires, plan_of


def test_a_plan_has_what_outputs_depend_on():
    layers = Layers([mn.Tanh(), mn.Linear(2, 2, rng=0), mn.Tanh(), mn.Sum()], ["a", "b", "unused", "c"])
    plan = plan_of(layers, "x", {"unused": "a", "c": ("b", "a")}, None)
    assert [step.name for step in plan.steps] == ["a", "b", "c"]
    assert [step.reads for step in plan.steps] == [("x",), ("a",), ("b", "a")]
    assert [step.last for step in plan.steps] == [["x"], [], ["b", "a"]]
    assert [(step.learns, step.passes_on) for step in plan.steps] == [(False, False), (True, False), (True, True)]
    assert plan.outputs == ("c",)


def test_outputs_are_kept():
    layers = Layers([mn.Tanh(), mn.Tanh()], ["a", "b"])
    assert [step.last for step in plan_of(layers, ("x",), {}, ("a", "b")).steps] == [["x"], []]


def test_names():
    assert as_names("inputs", "x") == ("x",)
    assert as_names("wires", ()) == ()
    assert as_wires({"a": "x"}) == {"a": "x"}
