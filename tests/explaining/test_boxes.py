"""A layer's box has its name, its formula, its Parameters and their gradients."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from explanations import images, notebook

import minnet as mn
from minnet.explaining.boxes import box, table
from minnet.explaining.chain import chain


def test_name_formula_and_parameters_with_gradients():
    explanation = notebook()
    linear, softmax, loss = (box(link, 3.2, explanation) for link in chain(explanation))
    assert linear.title == ["layers[0]  Linear(3, 2)"]
    assert linear.formula.text == r"$y = x\,W + b$"
    assert [[part.caption[0] for part in row] for row in linear.rows] == [
        ["weight (I, O) = 3×2", "dL/dweight (I, O) = 3×2"],
        ["bias (O) = 2", "dL/dbias (O) = 2"],
    ]
    assert linear.rows[0][1].planned.marks[0].sum() == 1
    assert softmax.rows == []
    assert [part.caption for row in loss.rows for part in row] == [["target (N) = 2"]]
    assert linear.height > softmax.height


def test_a_long_name_is_cut():
    explanation = images()
    planned = box(chain(explanation)[0], 3.2, explanation)
    assert len(planned.title) == 3
    assert max(map(len, planned.title)) < 50


def test_one_number_is_a_caption():
    explanation = mn.explain(mn.Linear(1, 1, rng=0), mn.MSELoss(), np.ones((1, 1)), np.zeros((1, 1)))
    assert table("L", explanation.loss.outputs[0], np.array(-0.5), 3.0).caption == ["L = −0.5"]
