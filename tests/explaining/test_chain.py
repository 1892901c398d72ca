"""The chain of a picture."""

import numpy as np
from explanations import images, notebook

import minnet as mn
from minnet.explaining.chain import LAYERS, chain


def names(links):
    return [link.step.description.partition("(")[0] for link in links]


def test_a_link_a_layer_and_the_loss():
    links = chain(notebook())
    assert names(links) == ["Linear", "Softmax", "CrossEntropyLoss"]
    assert not any(link.given or link.around or link.left_out for link in links)


def test_a_layer_around_others_begins_before_them_and_ends_with_what_it_adds():
    links = chain(images())
    assert names(links)[:4] == ["Conv2d", "Conv2d", "Residual", "GlobalAvgPool2d"]
    assert [step.description for step in links[1].around] == ["Residual()"]


def test_branches_begin_with_their_own_input():
    model = mn.Add(mn.Linear(3, 2, rng=0), mn.Linear(3, 2, rng=1))
    first, second, added, _ = chain(mn.explain(model, mn.MSELoss(), np.ones((1, 3)), np.zeros((1, 2))))
    assert not first.given
    assert second.given == second.step.inputs
    assert names([added]) == ["Add"]


def test_of_many_layers_the_first_and_the_last_are_drawn():
    model = mn.Sequential(*(mn.Linear(2, 2, rng=i) for i in range(30)))
    links = chain(mn.explain(model, mn.MSELoss(), np.ones((1, 2)), np.zeros((1, 2))))
    assert len(links) == LAYERS + 1
    assert sum(link.left_out for link in links) == 30 - LAYERS
    assert [link.step.path for link in links][-2:] == ["layers[29]", "loss"]
    (cut,) = [link for link in links if link.left_out]
    assert cut.given == cut.step.inputs
