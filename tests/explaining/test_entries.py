"""The number that `why` names is found, and what is no number is answered."""

import re

import numpy as np
import pytest

import minnet as mn
from minnet.explaining.entries import asked
from minnet.explaining.experiment import Experiment

MODEL = mn.Sequential(body=mn.Sequential(mn.Linear(4, 5, rng=0), mn.BatchNorm1d(5)), head=mn.Linear(5, 3, rng=1))
X = np.zeros((2, 4))
TRIAL = Experiment(MODEL, mn.SoftmaxCrossEntropyLoss(), X, np.zeros(2, int))
INPUTS = {"x": X}
WEIGHT = 'layers["body"].layers[0].weight[3, 4]'


@pytest.mark.parametrize(
    "why",
    [
        WEIGHT,
        "layers['body'].layers[0].weight[3,4]",
        "layers[0].layers[-2].weight[-1, -1]",
        "body.layers[0].weight[3, 4]",
        "model.layers[0].layers[0].weight.grad[3, 4]",
        'model["body"][0].weight.data[(3, 4)]',
        "body.layers[0].weight[3][4]",
        "body.layers[0].weight.grad[3][-1]",
        "  " + WEIGHT,
    ],
)
def test_a_number_has_several_names(why):
    found = asked(why, TRIAL, INPUTS)
    assert found.text == WEIGHT
    assert found.parameter is TRIAL.model[0][0].weight
    assert found.index == (3, 4)


def test_an_input_can_be_asked_about():
    assert asked("x[-1, 2]", TRIAL, INPUTS).text == "x[1, 2]"
    named = {'x["image"]': X, 'x["table"]': X}
    assert asked("x['table'][0, 1]", TRIAL, named).input == 'x["table"]'


@pytest.mark.parametrize(
    ("why", "error", "says"),
    [
        (3, TypeError, "expected why to be a string, got an int"),
        ("weight[", ValueError, "cannot read why='weight['"),
        ("", ValueError, "cannot read why=''"),
        ("head.wieght[0, 0]", ValueError, 'Did you mean layers["head"].weight'),
        ("layers[1].W[0, 0]", ValueError, "there is no layers[1].W in this model"),
        ("layers[7].weight[0, 0]", ValueError, "there is no layers[7].weight in this model"),
        (
            "head",
            ValueError,
            'head is a layer, Linear(5, 3): why is one number of a Parameter. You can ask about layers["he',
        ),
        ("layers[0]", ValueError, "layers[0] is a layer, Sequential"),
        ("layers[7]", ValueError, "there is no layers[7] in this model"),
        ("W[0, 3]", ValueError, 'Did you mean layers["body"].layers[0].weight or layers["body"].layers[1].weight'),
        ("dW[0, 3]", ValueError, 'Did you mean layers["body"].layers[0].weight or'),
        ("bias[1]", ValueError, 'or layers["head"].bias?'),
        ("x[0][1][2]", ValueError, "x has 2 axes, (2, 4), and why has an index of 3"),
        ("a" * 1000, ValueError, f"there is no {'a' * 80} in this model"),
        ("(" * 1000, ValueError, f"cannot read why='{'(' * 79}: write"),
        ("head.weight", ValueError, 'layers["head"].weight has 2 axes, (5, 3), and why has no index'),
        ("head.weight[1]", ValueError, "and why has an index of 1: write such as why="),
        ("head.weight[1:2, 0]", ValueError, "must be one number, with an index of whole numbers"),
        ("head.weight[5, 0]", ValueError, "index 5 on axis 0 must be from 0 to 4, or from -5 to -1"),
        ("head.bias[-4]", ValueError, "index -4 on axis 0 must be from 0 to 2"),
        ("body.layers[1].running_mean[0]", ValueError, "is a Buffer, which is not learned"),
        ("__import__('os').system('true')", ValueError, "there is no"),
        ("x.shape[0]", ValueError, "there is no x.shape"),
    ],
)
def test_what_is_no_number_is_answered(why, error, says):
    with pytest.raises(error, match=re.escape(says)):
        asked(why, TRIAL, INPUTS)


def test_integers_have_no_slope():
    with pytest.raises(ValueError, match="x holds int64, such as numbers of words"):
        asked("x[0]", TRIAL, {"x": np.array([1, 2])})


def test_the_letters_of_the_formula_lead_to_the_names():
    trial = Experiment(mn.Sequential(mn.Linear(4, 3, rng=0)), mn.MSELoss(), X, X)
    with pytest.raises(ValueError, match=r"Did you mean layers\[0\]\.weight\? "):
        asked("layers[0].W[0, 0]", trial, INPUTS)
    with pytest.raises(ValueError, match=r"Did you mean layers\[0\]\.bias\? "):
        asked("layers[0].b[0]", trial, INPUTS)
