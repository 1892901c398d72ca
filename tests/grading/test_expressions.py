"""Layers that are written in a YAML file: parsed, and never run."""

import pytest

from minnet.grading import expressions


def test_a_layer():
    layer = expressions.layer("Linear(784, 64, bias=False)")
    assert layer.describe() == "Linear(784, 64, bias=False)"
    assert expressions.layer("mn.Softmax").describe() == "Softmax()"
    assert expressions.layer("Flatten()").describe() == "Flatten()"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Linear(",
        "__import__('os').system('true')",
        "Linear(open('x'))",
        "Nothing()",
        "data",
        "SGD([])",
        "1",
        "Linear(784",
    ],
)
def test_what_is_none(text):
    with pytest.raises(ValueError, match="layer"):
        expressions.layer(text)


def test_the_placeholder():
    assert expressions.is_placeholder("layer")
    assert expressions.is_placeholder("layer(3)")
    assert not expressions.is_placeholder("Linear(3, 2)")
    assert expressions.parts("layer(3, bias=True)") == ("layer", [3], {"bias": True})
