"""Every optimizer goes where PyTorch's goes over a hundred steps, and so does the average of the weights."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytorch import examples, seeds, torch

import minnet as mn
from minnet import Parameter, optimizers
from minnet.callbacks import EMA


@pytest.fixture(scope="module", autouse=True)
def _float64():
    """PyTorch keeps NAdam's product of momenta in its default dtype, whatever that of the Parameters."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


modest = examples(10)
flags = st.booleans()
shares = st.sampled_from([0.0, 0.5, 0.9])
betas = st.tuples(st.floats(0, 0.95), st.floats(0.5, 0.999))
small = st.sampled_from([1e-10, 1e-8, 1e-3])

OPTIONS = {  # name → what its options are drawn from, besides lr and weight_decay
    "SGD": {"momentum": shares, "dampening": st.sampled_from([0.0, 0.3, 1.0])},
    "Adam": {"betas": betas, "eps": small, "amsgrad": flags, "decoupled_weight_decay": flags},
    "AdamW": {"betas": betas, "eps": small, "amsgrad": flags},
    "NAdam": {
        "betas": betas,
        "eps": small,
        "momentum_decay": st.sampled_from([0.0, 4e-3, 0.1]),
        "decoupled_weight_decay": flags,
    },
    "RAdam": {"betas": betas, "eps": small, "decoupled_weight_decay": flags},
    "Adamax": {"betas": betas, "eps": small},
    "RMSprop": {"alpha": st.floats(0.5, 0.99), "eps": small, "momentum": shares, "centered": flags},
    "Adagrad": {"lr_decay": st.sampled_from([0.0, 0.1]), "initial_accumulator_value": shares, "eps": small},
    "Adadelta": {"rho": st.floats(0.5, 0.99), "eps": st.sampled_from([1e-6, 1e-3])},
}
COMMON = {"lr": st.floats(1e-3, 0.1), "weight_decay": st.sampled_from([0.0, 0.01, 0.5])}
SHAPES = [(4, 3), (3,), (), (2, 1, 3)]


def both(starts):
    ours = [Parameter(start, np.float64) for start in starts]
    theirs = [torch.nn.Parameter(torch.tensor(start, dtype=torch.float64)) for start in starts]
    return ours, theirs


def run(parity, name, optimizer, their_optimizer, ours, theirs, seed, between=None, frozen=None, steps=100):
    """Compare the Parameters after each step, made from the same random gradients of many sizes."""
    generator = np.random.default_rng(seed)
    gradients = [
        generator.normal(size=(steps, *p.data.shape)) * 10.0 ** generator.integers(-3, 3, (steps, *[1] * p.data.ndim))
        for p in ours
    ]
    for step in range(steps):
        if between is not None and step == steps // 2:
            between()
        optimizer.zero_grad()
        away = frozen if frozen is not None and 20 <= step < 40 else -1
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            p.grad += gradients[i][step]
            p.trainable = i != away
            q.grad = None if i == away else torch.from_numpy(np.asarray(gradients[i][step]))
        optimizer.step()
        their_optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        parity(name, "Parameters after 100 steps", p.data, q)


@pytest.mark.parametrize("name", OPTIONS)
def test_with_the_defaults(parity, name):
    """Our defaults are PyTorch's. (SGD's learning rate, which has none here, is given.)"""
    ours, theirs = both([np.linspace(-1, 1, 12).reshape(4, 3), np.ones(3)])
    lr = {"lr": 0.1} if name == "SGD" else {}
    optimizer, their_optimizer = getattr(optimizers, name)(ours, **lr), getattr(torch.optim, name)(theirs, **lr)
    run(parity, name, optimizer, their_optimizer, ours, theirs, seed=0)
    for option, value in optimizer.param_groups[0].items():
        if option not in ("params", "decay_biases", "decoupled_weight_decay"):
            assert value == their_optimizer.param_groups[0][option]


@pytest.mark.parametrize("name", OPTIONS)
@modest
@given(data=st.data(), seed=seeds, factor=st.floats(0.1, 3), frozen=st.sampled_from([None, 0, 2]))
def test_with_random_options(parity, name, data, seed, factor, frozen):
    """The learning rate changes in between, and one Parameter is frozen for a while."""
    options = data.draw(st.fixed_dictionaries(COMMON | OPTIONS[name]))
    ours, theirs = both([np.random.default_rng(seed).normal(size=shape) for shape in SHAPES])
    optimizer = getattr(optimizers, name)(ours, **options)
    their_optimizer = getattr(torch.optim, name)(theirs, **options)

    def between():
        optimizer.lr *= factor
        their_optimizer.param_groups[0]["lr"] *= factor

    run(parity, name, optimizer, their_optimizer, ours, theirs, seed, between, frozen)


@modest
@given(seed=seeds, momentum=st.floats(0.1, 0.95), weight_decay=COMMON["weight_decay"])
def test_nesterov(parity, seed, momentum, weight_decay):
    options = {"lr": 0.05, "momentum": momentum, "nesterov": True, "weight_decay": weight_decay}
    ours, theirs = both([np.random.default_rng(seed).normal(size=shape) for shape in SHAPES])
    run(parity, "SGD", optimizers.SGD(ours, **options), torch.optim.SGD(theirs, **options), ours, theirs, seed)


@pytest.mark.parametrize("name", OPTIONS)
@modest
@given(data=st.data(), seed=seeds, factor=st.floats(0.1, 3))
def test_groups(parity, name, data, seed, factor):
    """Three groups, each with any options of its own; in between all learning rates change alike."""
    every = COMMON | OPTIONS[name]
    defaults = data.draw(st.fixed_dictionaries(every))
    # PyTorch gives all groups the first accumulator of the constructor.
    optional = {option: drawn for option, drawn in every.items() if option != "initial_accumulator_value"}
    own = [data.draw(st.fixed_dictionaries({}, optional=optional)) for _ in range(3)]
    starts = [np.random.default_rng(seed).normal(size=shape) for shape in SHAPES]
    ours, theirs = both(starts)
    cuts = [slice(0, 1), slice(1, 3), slice(3, 4)]
    optimizer, their_optimizer = (
        kind([{"params": parameters[cut], **o} for cut, o in zip(cuts, own, strict=True)], **defaults)
        for kind, parameters in ((getattr(optimizers, name), ours), (getattr(torch.optim, name), theirs))
    )

    def between():
        optimizer.lr *= factor
        for group in their_optimizer.param_groups:
            group["lr"] *= factor

    run(parity, name, optimizer, their_optimizer, ours, theirs, seed, between)


MATRICES = [(4, 3), (3, 4), (5, 5), (1, 6), (6, 1)]
MUON = COMMON | {
    "momentum": shares,
    "nesterov": flags,
    "ns_coefficients": st.sampled_from([(3.4445, -4.775, 2.0315), (1.5, -0.5, 0.0), (2.0, -1.5, 0.5)]),
    "eps": small,
    "ns_steps": st.integers(1, 8),
    "adjust_lr_fn": st.sampled_from([None, "original", "match_rms_adamw"]),
}


def run_muon(parity, options, seed, steps=50):
    """Compare each step. PyTorch's matrices are (out, in); it iterates in bfloat16, if it is not kept from it."""
    generator = np.random.default_rng(seed)
    starts = [generator.normal(size=shape) for shape in MATRICES]
    ours = [Parameter(start, np.float64) for start in starts]
    theirs = [torch.nn.Parameter(torch.tensor(start.T.copy())) for start in starts]
    optimizer, their_optimizer = optimizers.Muon(ours, **options), torch.optim.Muon(theirs, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        for p, q in zip(ours, theirs, strict=True):
            p.grad += generator.normal(size=p.data.shape) * 10.0 ** generator.integers(-3, 3)
            q.grad = torch.tensor(p.grad.T.copy())
        optimizer.step()
        their_optimizer.step()
    if parity is None:
        return [p.data for p in ours], [q.detach().numpy().T for q in theirs]
    for p, q in zip(ours, theirs, strict=True):
        parity("Muon", "Parameters after 50 steps", p.data, q.T)
    return None


@pytest.fixture
def in_float64(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)


def test_muon_with_the_defaults(parity, in_float64):
    run_muon(parity, {}, 0)


@pytest.mark.usefixtures("in_float64")
@settings(modest, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=st.fixed_dictionaries(MUON), seed=seeds)
def test_muon_with_random_options(parity, options, seed):
    run_muon(parity, options, seed)


def test_muon_as_pytorch_does_it_in_bfloat16():
    """A bfloat16 has two or three digits, of steps of length lr."""
    ours, theirs = run_muon(None, {"lr": 0.01, "weight_decay": 0.0}, 0, steps=1)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p, q, atol=0.01 * 0.05 * 2.5)


STEPS = 1000


def gradients_at_the_ends(tiny, huge):
    """Return gradients of many kinds, (STEPS, kinds, 2): constant, tiny, huge, of all sizes, and such that stop."""
    t, random = np.arange(STEPS), np.random.default_rng(0).normal(size=STEPS)
    kinds = [
        np.ones(STEPS),
        np.full(STEPS, tiny),
        np.full(STEPS, huge),
        tiny * random,
        random * np.geomspace(huge, tiny, STEPS),
        np.where(t < 10, 1.0, 0.0),
        np.where((t < 10) | (t > 900), 1.0, 0.0),
        np.where(t < 300, tiny, 0.0),
        np.where(t % 100 == 0, 1.0, 0.0),
    ]
    return np.stack(kinds, axis=1)[:, :, None] * [1.0, 0.3]


def run_long(name, options, gradients, dtype=np.float64):
    """Return our Parameter and PyTorch's of the same dtype after a step for each gradient."""
    start = np.full(gradients[0].shape, 0.5, dtype)
    p, q = Parameter(start, dtype), torch.nn.Parameter(torch.from_numpy(start))
    optimizer = getattr(optimizers, name)([p], lr=1e-3, **options)
    their_optimizer = getattr(torch.optim, name)([q], lr=1e-3, foreach=False, **options)
    for gradient in gradients:
        optimizer.zero_grad()
        p.grad += gradient.astype(dtype)
        q.grad = torch.from_numpy(p.grad.copy())
        optimizer.step()
        their_optimizer.step()
    return p.data, q.detach().numpy()


ADAPTIVE = [
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("NAdam", {}),
    ("RAdam", {}),
    ("Adamax", {}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9}),
    ("Adagrad", {}),
]
WITH_EPS = [(name, options | {"eps": eps}) for name, options in ADAPTIVE for eps in (1e-8, 1e-20, 0.0)]
WITHOUT = [("SGD", {}), ("SGD", {"momentum": 0.9}), ("Adadelta", {}), ("Adadelta", {"eps": 1e-30})]


@pytest.mark.parametrize(("name", "options"), WITH_EPS + WITHOUT, ids=str)
def test_long_runs_at_the_ends_of_the_range(parity, name, options):
    """Also without ε, a thousand steps go where PyTorch's go: what is set to zero on the way changes nothing."""
    ours, theirs = run_long(name, options, gradients_at_the_ends(1e-150, 1e150))
    parity(name, "Parameters after 1,000 steps", ours, theirs)


@pytest.mark.parametrize(("name", "options"), WITH_EPS + WITHOUT, ids=str)
def test_long_runs_whose_squares_are_subnormal(name, options):
    """In float32, squares of gradients of 1e-19 have few digits: ours have no fewer than PyTorch's."""
    ours, theirs = run_long(name, options, gradients_at_the_ends(1e-19, 1e17), np.float32)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


@modest
@given(seed=seeds, decay=st.floats(0, 0.999))
def test_average_of_the_weights(parity, seed, decay):
    generator = np.random.default_rng(seed)
    ours, theirs = both([generator.normal(size=shape) for shape in SHAPES])
    module = torch.nn.ParameterList(theirs)
    swa = torch.optim.swa_utils
    average = swa.AveragedModel(module, multi_avg_fn=swa.get_ema_multi_avg_fn(decay))
    ema = EMA(decay)
    optimizer = mn.SGD(ours, lr=0.1, momentum=0.9)
    their_optimizer = torch.optim.SGD(theirs, lr=0.1, momentum=0.9)
    for _ in range(100):
        optimizer.zero_grad()
        for p, q in zip(ours, theirs, strict=True):
            p.grad += generator.normal(size=p.data.shape)
            q.grad = torch.tensor(p.grad)
        optimizer.step()
        their_optimizer.step()
        ema.update(optimizer.parameters)
        average.update_parameters(module)
    with ema.averaged():
        for p, q in zip(ours, average.module, strict=True):
            parity("EMA", "averages after 100 steps", p.data, q)
