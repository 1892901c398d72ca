"""A MultiLoss is the weighted sum of its heads' losses, however a set is cut, and says what is wrong with a head."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn
from minnet.losses.base import weight_of
from minnet.losses.multi import HeadLosses, losses_of, scaled_backward
from minnet.losses.totals import Total, as_part_of, loss_of

RNG = np.random.default_rng(0)
P = {"digit": RNG.normal(size=(4, 3)), "angle": RNG.normal(size=(4, 2))}
Y = {"digit": np.array([0, 2, 1, 1]), "angle": RNG.normal(size=(4, 2))}


def made(weights=None, **options):
    return mn.MultiLoss({"digit": mn.SoftmaxCrossEntropyLoss(**options), "angle": mn.MSELoss()}, weights)


def test_it_is_the_weighted_sum_and_so_is_its_gradient():
    loss, digit, angle = made({"angle": 0.1}), mn.SoftmaxCrossEntropyLoss(), mn.MSELoss()
    value = loss.forward(P, Y)
    parts = {"digit": digit.forward(P["digit"], Y["digit"]), "angle": angle.forward(P["angle"], Y["angle"])}
    assert value == pytest.approx(parts["digit"] + 0.1 * parts["angle"], rel=1e-15)
    assert value.heads == parts
    gradient = loss.backward()
    np.testing.assert_array_equal(gradient["digit"], digit.backward())
    np.testing.assert_array_equal(gradient["angle"], 0.1 * angle.backward())
    as_tuple = mn.MultiLoss([digit, angle], [1, 0.1])
    assert as_tuple.forward(tuple(P.values()), tuple(Y.values())) == value
    np.testing.assert_array_equal(as_tuple.backward()[1], gradient["angle"])
    assert losses_of(loss).keys() == parts.keys()
    assert losses_of(as_tuple).keys() == {"0", "1"}
    assert losses_of(digit) == {}


def test_its_value_is_a_float_that_knows_its_parts():
    value = made().forward(P, Y)
    assert isinstance(value, float)
    assert repr(value) == repr(float(value))
    for copied in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert (copied, copied.heads) == (value, value.heads)
    assert HeadLosses.sum([value, value]).heads["angle"] == 2 * value.heads["angle"]
    assert type(HeadLosses.sum([value, 1.0])) is float


def test_an_output_without_a_loss_or_without_a_weight():
    loss = mn.MultiLoss({"digit": mn.SoftmaxCrossEntropyLoss(), "angle": None, "other": mn.MSELoss()}, {"other": 0})
    predicted = {**P, "other": P["angle"]}
    value = loss.forward(predicted, {"digit": Y["digit"], "other": Y["angle"]})
    assert list(value.heads) == ["digit", "other"]
    assert value == value.heads["digit"]
    assert value.heads["other"] > 0
    gradient = loss.backward()
    assert gradient.keys() == {"digit", "other"}
    assert not gradient["other"].any()
    # The target of a tuple has what the losses need, in their order.
    loss = mn.MultiLoss([None, mn.MSELoss()])
    assert loss.forward((P["digit"], P["angle"]), (Y["angle"],)).heads.keys() == {"1"}
    first, second = loss.backward()
    assert first is None
    assert second.shape == P["angle"].shape


@st.composite
def cuts(draw):
    n = draw(st.integers(1, 12))
    inner = draw(st.lists(st.integers(0, n), max_size=4))
    return n, [0, *sorted(inner), n]


@settings(deadline=None, max_examples=150)
@given(
    cut=cuts(),
    seed=st.integers(0, 999),
    weighted=st.sampled_from([None, "one", "each"]),
    smoothing=st.sampled_from([0.0, 0.2]),
    class_weights=st.booleans(),
)
def test_parts_of_any_sizes_add_up_to_the_whole(cut, seed, weighted, smoothing, class_weights):
    """Labels are ignored, class weights are 0, sample weights are 0: each head counts other samples."""
    n, places = cut
    random = np.random.default_rng(seed)
    p = {"digit": random.normal(size=(n, 3)), "angle": random.normal(size=(n, 2))}
    y = {"digit": random.integers(0, 3, n), "angle": random.normal(size=(n, 2))}
    v = random.integers(0, 3, n) / 2
    weights = () if weighted is None else (v,) if weighted == "one" else ({"digit": v, "angle": random.random(n)},)
    loss = made(
        {"digit": 0.7, "angle": 0.1},
        ignore_index=1,
        label_smoothing=smoothing,
        weight=[0.0, 2.0, 3.0] if class_weights else None,
    )
    whole = loss_of(loss, p, y, *weights)
    gradient = loss.backward()
    total, weight = Total(loss), weight_of(loss, p, y, *weights)
    values, parts = [], []
    for start, stop in pairwise(places):
        part = slice(start, stop)
        batch = [{name: array[part] for name, array in tree.items()} for tree in (p, y)]
        batch += [{k: w[part] for k, w in w.items()} if isinstance(w, dict) else w[part] for w in weights]
        total.add(batch[0], *batch)
        one, share = as_part_of(loss, weight_of(loss, batch[0], *batch[1:]), weight)
        values.append(loss_of(one, *batch))
        parts.append(scaled_backward(one, share))
    for name in p:
        np.testing.assert_allclose(np.concatenate([g[name] for g in parts]), gradient[name], rtol=1e-12, atol=1e-15)
    added = HeadLosses.sum(values)
    assert added == pytest.approx(whole, rel=1e-12, abs=1e-14)
    assert added.heads == pytest.approx(whole.heads, rel=1e-12, abs=1e-14)
    # Where nothing counts in the whole set, its mean by classes is not defined: a smoothed loss may still be there.
    if all(weight.values()):
        expected = {"loss": whole} | {f"{name}_loss": value for name, value in whole.heads.items()}
        assert total.means() == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_parameters_of_a_loss_learn_by_its_weight():
    class Scaled(mn.MSELoss):
        def __init__(self):
            super().__init__()
            self.scale = mn.Parameter(np.array([2.0]))

        def forward(self, prediction, target, sample_weight=None):
            self.mean = super().forward(prediction, target, sample_weight)
            return self.scale.data[0] * self.mean

        def backward(self, dy=None):
            self.scale.grad += self.mean
            return self.scale.data[0] * super().backward()

    loss = mn.MultiLoss([Scaled(), Scaled()], [1, 0.25])
    value = loss.forward((P["angle"],) * 2, (Y["angle"],) * 2)
    gradients = loss.backward()
    np.testing.assert_allclose(gradients[1], gradients[0] / 4)
    first, second = loss.parameters()
    assert second.grad == pytest.approx(first.grad / 4)
    assert first.grad == pytest.approx(value.heads["0"] / 2)


def test_what_it_shows():
    loss = made({"angle": 0.1}, ignore_index=0)
    inside = "'digit': SoftmaxCrossEntropyLoss(ignore_index=0), 'angle': MSELoss()"
    assert repr(loss) == f"MultiLoss({{{inside}}}, weights={{'digit': 1.0, 'angle': 0.1}})"
    assert repr(mn.MultiLoss([mn.MSELoss(), None])) == "MultiLoss([MSELoss(), None])"


@pytest.mark.parametrize(
    ("losses", "weights", "error", "message"),
    [
        (
            mn.MSELoss(),
            None,
            TypeError,
            "a dict of names and losses, or a list of losses, got a MSELoss: pass MultiLoss",
        ),
        ({}, None, TypeError, "a dict of names and losses, or a list of losses, got a dict: pass"),
        ({1: mn.MSELoss()}, None, TypeError, "names that are strings, got 1"),
        (
            {"a": mn.MSELoss},
            None,
            TypeError,
            r"losses\['a'\] to be a loss of one output, got the class MSELoss: make one, M",
        ),
        (
            [mn.MultiLoss([mn.MSELoss()])],
            None,
            TypeError,
            r"losses\[0\] .* got a MultiLoss: pass its losses one by one",
        ),
        ([mn.MSELoss(reduction="sum")], None, ValueError, r"adds means, so losses\[0\] must be a mean, not MSELoss\("),
        ([None, None], None, ValueError, "at least one output needs one"),
        ({"a": mn.MSELoss()}, {"b": 1}, ValueError, "has no loss 'b' for the weight of that name, only a"),
        ({"a": mn.MSELoss()}, [1], TypeError, "weights to be a dict, as the losses are, got a list of 1"),
        ([mn.MSELoss()], [1, 2], ValueError, "1 weights, one a loss, got 2"),
        ([mn.MSELoss()], [-1], ValueError, r"needs weights\[0\] >= 0"),
    ],
    ids=range(11),
)
def test_arguments_that_are_refused(losses, weights, error, message):
    with pytest.raises(error, match=rf"^MultiLoss .*{message}"):
        mn.MultiLoss(losses, weights)


@pytest.mark.parametrize(
    ("prediction", "target", "error", "message"),
    [
        (
            P["digit"],
            Y,
            TypeError,
            "the prediction to be a dict of 'digit', 'angle', got an array .*: end the model with",
        ),
        (
            {"digit": P["digit"]},
            Y,
            ValueError,
            "the prediction to be a dict of 'digit', 'angle', got a dict of 'digit': a p",
        ),
        (
            {**P, "x": P["digit"]},
            Y,
            ValueError,
            "the prediction .* got a dict of 'digit', 'angle', 'x': give 'x' a loss, or",
        ),
        (
            P,
            Y["digit"],
            TypeError,
            "the target to be a dict of 'digit', 'angle', got an array .*: pass such a y to the Da",
        ),
        (
            P,
            {**Y, "x": 1},
            ValueError,
            "the target .* got a dict of 'digit', 'angle', 'x': leave out 'x', or give it a loss",
        ),
        (
            P,
            {"angle": Y["angle"]},
            ValueError,
            "the target to be .*, got a dict of 'angle': a target is there for each",
        ),
    ],
    ids=range(6),
)
def test_heads_that_are_missing_or_too_many(prediction, target, error, message):
    with pytest.raises(error, match=message):
        made().forward(prediction, target)


def test_an_error_says_which_head_it_is_of():
    with pytest.raises(ValueError, match="labels from 0 to 2") as caught:
        made().forward(P, {**Y, "digit": Y["digit"] + 1})
    assert caught.value.__notes__ == ["in the loss of the output 'digit'"]
    with pytest.raises(TypeError, match="expected the sample_weight to be a tuple of 2, got a dict of 'a'"):
        mn.MultiLoss([mn.MSELoss(), mn.MSELoss()]).forward((P["angle"],) * 2, (Y["angle"],) * 2, {"a": 1})
