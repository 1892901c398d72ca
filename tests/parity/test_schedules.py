"""Every schedule sets PyTorch's learning rates over a hundred steps, and so does ReduceLROnPlateau."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytorch import examples, torch

import minnet as mn
from minnet import schedules
from minnet.callbacks import LearningRate, ReduceLROnPlateau

theirs = torch.optim.lr_scheduler

modest = examples(30)
lrs = st.floats(1e-4, 10)
factors = st.floats(0.05, 1)
times = st.integers(1, 40)
floors = st.sampled_from([0.0, 0.01])


def their_rates(lr, make, steps=100):
    """Return the learning rates that a scheduler of PyTorch's sets."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    while len(rates) < steps:
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def compare(parity, schedule, lr, make, steps=100):
    ours = [schedule(lr, t) for t in range(steps)]
    parity(type(schedule).__name__, "learning rates", ours, their_rates(lr, make, steps))


ONE = {  # name → what its arguments are drawn from
    "StepLR": {"step_size": times, "gamma": factors},
    "MultiStepLR": {"milestones": st.lists(st.integers(1, 100), max_size=5), "gamma": factors},
    "ExponentialLR": {"gamma": st.floats(0.8, 1)},
    "LinearLR": {"start_factor": factors, "end_factor": factors, "total_iters": times},
    "ConstantLR": {"factor": factors, "total_iters": times},
    "PolynomialLR": {"total_iters": times, "power": st.sampled_from([0.5, 1.0, 2.0])},
    "CosineAnnealingLR": {"T_max": times, "eta_min": floors},  # past T_max it climbs again
    "CosineAnnealingWarmRestarts": {"T_0": times, "T_mult": st.integers(1, 3), "eta_min": floors},
}
OWN = [3.0, 1.0, 1 / 7]  # groups' learning rates, in units of a common one


@pytest.mark.parametrize("name", ONE)
@modest
@given(data=st.data(), lr=lrs)
def test_schedules(parity, name, data, lr):
    arguments = data.draw(st.fixed_dictionaries(ONE[name]))
    ours = getattr(schedules, name)(**arguments)
    compare(parity, ours, lr, lambda optimizer: getattr(theirs, name)(optimizer, **arguments))


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")
@modest
@given(data=st.data(), lr=lrs)
def test_one_after_another(parity, data, lr):
    names = data.draw(st.lists(st.sampled_from([*ONE]), min_size=1, max_size=3))
    drawn = [(name, data.draw(st.fixed_dictionaries(ONE[name]))) for name in names]
    milestones = sorted(data.draw(st.sets(st.integers(1, 90), min_size=len(names) - 1, max_size=len(names) - 1)))
    compare(
        parity,
        schedules.SequentialLR([getattr(schedules, name)(**arguments) for name, arguments in drawn], milestones),
        lr,
        lambda optimizer: theirs.SequentialLR(
            optimizer, [getattr(theirs, name)(optimizer, **arguments) for name, arguments in drawn], milestones
        ),
    )


@modest
@given(
    lr=lrs,
    base=st.floats(0.001, 0.1),
    rise=st.floats(0, 1),
    up=times,
    down=st.none() | times,
    mode=st.sampled_from(["triangular", "triangular2", "exp_range"]),
    gamma=st.floats(0.9, 1),
)
def test_cycles(parity, lr, base, rise, up, down, mode, gamma):
    arguments = {"base_lr": base, "max_lr": base + rise, "step_size_up": up, "step_size_down": down, "mode": mode}
    ours = schedules.CyclicLR(**arguments, gamma=gamma)
    compare(
        parity, ours, lr, lambda optimizer: theirs.CyclicLR(optimizer, **arguments, gamma=gamma, cycle_momentum=False)
    )


@modest
@given(lr=lrs, warmup=times, length=times, start=factors, eta_min=floors)
def test_warm_up_and_cosine(parity, lr, warmup, length, start, eta_min):
    def make(optimizer):
        up = theirs.LinearLR(optimizer, start, total_iters=warmup)
        return theirs.SequentialLR(optimizer, [up, theirs.CosineAnnealingLR(optimizer, length, eta_min)], [warmup])

    compare(parity, schedules.WarmupCosineLR(warmup, warmup + length, start, eta_min), lr, make, warmup + length)


@modest
@given(
    lr=lrs,
    steps=st.integers(20, 100),
    arguments=st.fixed_dictionaries(
        {
            "max_lr": lrs,
            "pct_start": st.floats(0.1, 0.45),
            "anneal_strategy": st.sampled_from(["cos", "linear"]),
            "div_factor": st.floats(1, 30),
            "final_div_factor": st.floats(1, 1e4),
            "three_phase": st.booleans(),
        }
    ),
)
def test_one_cycle(parity, lr, steps, arguments):
    compare(
        parity,
        schedules.OneCycleLR(total_steps=steps, **arguments),
        lr,
        lambda optimizer: theirs.OneCycleLR(optimizer, total_steps=steps, cycle_momentum=False, **arguments),
        steps,
    )


@pytest.mark.parametrize("pct_start", [0.0, 1.0])
def test_one_cycle_of_one_phase(parity, pct_start):
    compare(
        parity,
        schedules.OneCycleLR(1.0, 50, pct_start),
        0.1,
        lambda optimizer: theirs.OneCycleLR(optimizer, 1.0, 50, pct_start=pct_start, cycle_momentum=False),
        50,
    )


def optimizers_with_groups(lr):
    """Return an optimizer of ours and one of PyTorch's, each with three groups; the second's rate is the common one."""
    given = [{} if x == 1 else {"lr": x * lr} for x in OWN]
    their_groups = [{"params": torch.nn.Parameter(torch.zeros(1))} | own for own in given]
    return (
        mn.SGD([{"params": mn.Parameter([0.0])} | own for own in given], lr=lr),
        torch.optim.SGD(their_groups, lr=lr),
    )


def group_rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def check_rates(parity, optimizer, their_optimizer, scheduler, schedule, per, begin=0):
    """Compare each group's rate over 50 steps, or epochs, of a fit that begins with the trainer's 'begin'."""
    trainer = SimpleNamespace(optimizer=optimizer, step=begin, epoch=begin)
    callback = LearningRate(schedule, per)
    callback.on_fit_start(trainer)
    for t in range(1, 51):
        parity(type(schedule).__name__, "learning rates", group_rates(optimizer), group_rates(their_optimizer))
        their_optimizer.step()
        scheduler.step()
        setattr(trainer, per, begin + t)
        callback.on_step_end(trainer)
        callback.on_epoch_end(trainer)


@modest
@given(data=st.data(), lr=st.floats(0.1, 10), per=st.sampled_from(["epoch", "step"]), begin=st.integers(0, 100))
def test_every_group_follows_the_schedule_as_in_pytorch(parity, data, lr, per, begin):
    """Then a second schedule, in a second fit, which begins with the initial rates again."""
    optimizer, their_optimizer = optimizers_with_groups(lr)
    for _ in range(2):
        name = data.draw(st.sampled_from([*ONE]))
        arguments = data.draw(st.fixed_dictionaries(ONE[name]))
        for group in their_optimizer.param_groups:
            group["lr"] = group.get("initial_lr", group["lr"])
        scheduler = getattr(theirs, name)(their_optimizer, **arguments)
        check_rates(parity, optimizer, their_optimizer, scheduler, getattr(schedules, name)(**arguments), per, begin)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_one_cycle_of_groups(parity, strategy):
    """One max_lr is every group's, as in PyTorch, whatever they had before."""
    optimizer, their_optimizer = optimizers_with_groups(0.1)
    arguments = {"max_lr": 1.0, "total_steps": 60, "anneal_strategy": strategy}
    scheduler = theirs.OneCycleLR(their_optimizer, cycle_momentum=False, **arguments)
    with pytest.warns(mn.errors.TrainingWarning, match="the same learning rate, 0.04, .* own, 0.3, 0.1, 0.0142857: "):
        check_rates(parity, optimizer, their_optimizer, scheduler, schedules.OneCycleLR(**arguments), "step")


@modest
@given(lr=st.floats(0.1, 10), numbers=st.lists(st.sampled_from([0.5, 0.9, 1.0, 1.5]), min_size=60, max_size=60))
def test_reduce_on_plateau_of_groups(parity, lr, numbers):
    optimizer, their_optimizer = optimizers_with_groups(lr)
    arguments = {"factor": 0.3, "patience": 1, "min_lr": 0.01, "eps": 1e-3}
    scheduler = theirs.ReduceLROnPlateau(their_optimizer, **arguments)
    callback, trainer = ReduceLROnPlateau("loss", **arguments), SimpleNamespace(optimizer=optimizer)
    for number in numbers:
        callback.on_row(trainer, {"loss": number})
        scheduler.step(number)
        parity("ReduceLROnPlateau", "learning rates", group_rates(optimizer), group_rates(their_optimizer))


@examples(50)
@given(
    numbers=st.lists(st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0, 1.01, 1.5, float("nan")]), min_size=100, max_size=100),
    lr=st.floats(0.01, 10),
    arguments=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.floats(0.1, 0.9),
            "patience": st.integers(0, 4),
            "threshold": st.sampled_from([0.0, 1e-4, 0.02, 0.2]),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 4),
            "min_lr": st.sampled_from([0.0, 1e-3]),
            "eps": st.sampled_from([1e-8, 0.01]),
        }
    ),
)
def test_reduce_on_plateau(parity, numbers, lr, arguments):
    their_optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = theirs.ReduceLROnPlateau(their_optimizer, **arguments)
    trainer = SimpleNamespace(optimizer=mn.SGD([mn.Parameter([0.0])], lr=lr))
    callback = ReduceLROnPlateau("metric", **arguments)
    ours, expected = [], []
    for number in numbers:
        callback.on_row(trainer, {"metric": number})
        scheduler.step(number)
        ours.append(trainer.optimizer.lr)
        expected.append(their_optimizer.param_groups[0]["lr"])
    parity("ReduceLROnPlateau", "learning rates", ours, expected)
