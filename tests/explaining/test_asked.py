"""The number that `why` asks about is found in the arrays of its layer, and in no other."""

import pytest
from explanations import notebook

from minnet.explaining.asked import asked_in


@pytest.mark.parametrize(
    ("why", "path", "expected"),
    [
        ("layers[0].weight[2, 1]", "layers[0]", (2, 1)),
        ("layers[0].weight[2, 1]", "layers[1]", ()),
        ("layers[0].weight[2, 1]", "", ()),
        (None, "layers[0]", ()),
    ],
)
def test_the_index_in_the_array_of_the_right_layer(why, path, expected):
    explanation = notebook(why)
    weight = explanation.steps[0].parameters[0]
    assert asked_in(path, weight, explanation) == expected
    assert asked_in(path, explanation.steps[0].parameters[1], explanation) == ()


def test_an_entry_of_the_input_is_found_in_the_layer_that_reads_it():
    explanation = notebook("x[1, 2]")
    (x,) = explanation.inputs
    assert asked_in("layers[0]", x, explanation) == (1, 2)
    assert asked_in("layers[1]", explanation.steps[1].inputs[0], explanation) == ()
