"""A MultiOptimizer does what its optimizers do alone, and is one for Trainers, schedules and checkpoints."""

import copy

import numpy as np
import pytest
from helpers import linear_problem

import minnet as mn
from minnet import Parameter
from minnet.errors import CheckpointError

X, Y = linear_problem(60)


def network():
    return mn.Sequential(mn.Linear(4, 8, rng=0), mn.Tanh(), mn.Linear(8, 3, rng=1), mn.Softmax())


def both(model, others=mn.AdamW):
    matrices = [p for p in model.parameters() if p.data.ndim == 2]
    biases = [p for p in model.parameters() if p.data.ndim != 2]
    return mn.Muon(matrices, lr=0.02), others(biases, lr=0.01)


def trainer(others=mn.AdamW):
    model = network()
    return mn.Trainer(model, mn.CrossEntropyLoss(), mn.MultiOptimizer(both(model, others)))


def loader():
    return mn.DataLoader(X, Y, 16, shuffle=True, rng=0)


def bits(one):
    return [p.data.tobytes() for p in one.model.parameters()]


def test_each_parameter_goes_where_its_optimizer_alone_takes_it():
    ours, theirs = network(), network()
    joined, alone = mn.MultiOptimizer(both(ours)), both(theirs)
    rng = np.random.default_rng(0)
    for _ in range(5):
        joined.zero_grad()
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            q.zero_grad()
            p.grad += rng.normal(size=p.data.shape)
            q.grad += p.grad
        joined.step()
        for optimizer in alone:
            optimizer.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_it_trains_a_model():
    one = trainer()
    one.fit(loader(), epochs=30, progress=False)
    assert one.evaluate((X, Y))["accuracy"] > 0.95


def test_groups_and_learning_rates_are_those_of_all():
    model = network()
    muon, adamw = both(model)
    optimizer = mn.MultiOptimizer([muon, adamw])
    assert [group["lr"] for group in optimizer.param_groups] == [0.02, 0.01]
    assert len(optimizer.parameters) == 4
    optimizer.lr *= 0.5
    assert (muon.lr, adamw.lr) == (0.01, 0.005)
    optimizer.weight_decay = 0.3
    assert (muon.weight_decay, adamw.weight_decay) == (0.3, 0.3)


def test_a_schedule_acts_on_each():
    one = trainer()
    one.fit(loader(), epochs=3, callbacks=[mn.callbacks.LearningRate(mn.schedules.ExponentialLR(0.5))], progress=False)
    assert [group["lr"] for group in one.optimizer.param_groups] == pytest.approx([0.02 / 8, 0.01 / 8])
    assert one.optimizer.initial_lrs == [0.02, 0.01]


def test_a_run_goes_on_to_the_last_bit(tmp_path):
    whole = trainer()
    whole.fit(loader(), steps=15, progress=False)
    trainer().fit(loader(), steps=6, checkpoint=tmp_path, progress=False)
    rest = trainer()
    rest.fit(loader(), steps=15, checkpoint=tmp_path, progress=False)
    assert rest.step == 15
    assert bits(rest) == bits(whole)


def test_a_run_with_other_optimizers_is_another(tmp_path):
    trainer().fit(loader(), steps=6, checkpoint=tmp_path, progress=False)
    with pytest.raises(CheckpointError, match="the optimizer: SGD now, AdamW in the checkpoint"):
        trainer(mn.SGD).fit(loader(), steps=15, checkpoint=tmp_path, progress=False)
    model = network()
    one = mn.Trainer(model, mn.CrossEntropyLoss(), mn.Adam(model.parameters()))
    with pytest.raises(CheckpointError, match="the optimizer: Adam now, MultiOptimizer in the checkpoint"):
        one.fit(loader(), steps=15, checkpoint=tmp_path, progress=False)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state["optimizers"].pop(),
        lambda state: state["optimizers"][1]["attributes"]["state"]["step"].pop(),
        lambda state: state["optimizers"][0]["groups"].pop(),
    ],
)
def test_another_state_is_refused_before_anything_is_changed(spoil):
    optimizer = trainer().optimizer
    state = copy.deepcopy(optimizer.state_dict())
    optimizer.load_state_dict(copy.deepcopy(state))
    spoil(state)
    with pytest.raises(ValueError, match="the optimizer"):
        optimizer.load_state_dict(state)


def test_one_alone_needs_no_list():
    assert [type(each) for each in mn.MultiOptimizer(mn.SGD([Parameter([1.0])], 0.1)).optimizers] == [mn.SGD]


@pytest.mark.parametrize(
    ("optimizers", "error", "message"),
    [
        ([], ValueError, "got no Parameters"),
        (
            [mn.SGD([Parameter([1.0])], 0.1), Parameter([1.0])],
            TypeError,
            "expected optimizers, got Parameter in place 1",
        ),
        ([mn.SGD], TypeError, "expected optimizers, got type in place 0"),
        ([mn.SGD([p := Parameter([1.0])], 0.1), mn.Adam([p])], ValueError, "got a Parameter twice"),
    ],
)
def test_what_cannot_be_joined(optimizers, error, message):
    with pytest.raises(error, match=f"^MultiOptimizer {message}"):
        mn.MultiOptimizer(optimizers)


def test_shown():
    assert repr(mn.MultiOptimizer(both(network()))).splitlines() == [
        "MultiOptimizer([",
        "  Muon(2 Parameters of 56 numbers, lr=0.02)",
        "  AdamW(2 Parameters of 11 numbers, lr=0.01)",
        "])",
    ]
    assert "MultiOptimizer([" in repr(trainer())


@pytest.mark.parametrize("options", [{"threads": 2}, {"accumulate": 2}])
def test_in_parts(options):
    pytest.importorskip("threadpoolctl")
    one, other = trainer(), trainer()
    for name, value in options.items():
        setattr(other, name, value)
    for each in (one, other):
        each.model.astype(np.float64)
        each.fit(mn.DataLoader(X.astype(np.float64), Y, 16), steps=8, progress=False)
    for p, q in zip(one.model.parameters(), other.model.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-9)


def test_compiled_code_takes_it():
    pytest.importorskip("numba")
    one, compiled = trainer(), trainer()
    compiled.compiled = True
    for each in (one, compiled):
        each.fit(loader(), steps=5, progress=False)
    assert compiled.last_loss == pytest.approx(one.last_loss, rel=1e-5)
