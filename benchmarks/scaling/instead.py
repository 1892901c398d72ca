"""Measure what helps where communication costs too much: larger batches with linear warm-up, and local SGD.

python benchmarks/scaling/instead.py
"""

import copy
from typing import Any

import job
import numpy as np
from page import table
from program import main
from works import digits

import minnet as mn

SEEDS, BATCH, RATE, SAMPLES = 3, 128, 0.1, 50_000 * 4  # samples that each training sees: four epochs
LARGER = (1, 2, 4, 8, 16)  # times the batch
RANKS, EVERY = 8, (4, 16, 64)  # of local SGD: how many, and after how many steps they take the mean of their weights


def model_of(seed: int) -> mn.Sequential:
    """Return 784-128-10."""
    return mn.Sequential(mn.Linear(784, 128, rng=seed), mn.ReLU(), mn.Linear(128, 10, rng=seed + 100))


def trainer_of(model: mn.Sequential, lr: float) -> mn.Trainer:
    """Return what trains a model."""
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=lr))


def large_batch(seed: int, factor: int, power: float, warmed: bool) -> float:
    """Train with a larger batch, a rate that grows as a power of the factor, and maybe a linear warm-up to it."""
    data = digits()
    steps = SAMPLES // (BATCH * factor)
    model = model_of(seed)
    trainer = trainer_of(model, RATE * factor**power)
    warm_up = max(1, steps // 5)
    schedule = mn.schedules.LinearLR(start_factor=factor**-power, total_iters=warm_up)
    callbacks = [mn.callbacks.LearningRate(schedule, per="step")] if warmed else []
    loader = mn.DataLoader(data.X, data.y, BATCH * factor, shuffle=True, rng=seed)
    trainer.fit(loader, steps=steps, callbacks=callbacks, progress=False)
    return accuracy(model)


def local_sgd(seed: int, every: int) -> float:
    """Train ranks on parts of the data, each with its own batch, which take the mean of their weights now and then.

    All of them are simulated in this process. They see as many samples together as the others do.
    """
    data, model = digits(), model_of(seed)
    order = np.random.default_rng(seed).permutation(len(data.X))
    trainers, loaders = [], []
    for part in np.array_split(order, RANKS):
        trainers.append(trainer_of(copy.deepcopy(model), RATE))
        loaders.append(mn.DataLoader(data.X[part], data.y[part], BATCH // 4, shuffle=True, rng=seed))
    for _ in range(SAMPLES // (BATCH // 4 * RANKS * every)):
        for trainer, loader in zip(trainers, loaders, strict=True):
            trainer.fit(loader, steps=every, progress=False)
        for same in zip(*(trainer.model.parameters() for trainer in trainers), strict=True):
            mean = np.mean([p.data for p in same], axis=0)
            for parameter in same:
                parameter.data = mean
    return accuracy(trainers[0].model)


def accuracy(model: mn.Sequential) -> float:
    """Return the accuracy on the test images; chance, if the weights are no longer finite."""
    data = digits()
    return float((model.eval().forward(data.X_test).argmax(axis=1) == data.y_test).mean())


def measure() -> Any:
    """Measure in a process of its own, with one BLAS thread."""
    return job.run("instead", 1, {}, limit=600)


def task(comm: Any, task: Any) -> dict[str, Any]:
    """Train all ways with some seeds."""
    found: dict[str, Any] = {"data": digits().name, "large": {}, "local": {}}
    found["one"] = [large_batch(seed, 1, 0.0, False) for seed in range(SEEDS)]
    ways = {
        "same": (0.0, False),
        "scaled by the root": (0.5, False),
        "scaled": (1.0, False),
        "scaled, warm-up": (1.0, True),
    }
    for name, (power, warmed) in ways.items():
        print(f"{name} ...", flush=True)
        found["large"][name] = {
            factor: [large_batch(seed, factor, power, warmed) for seed in range(SEEDS)] for factor in LARGER[1:]
        }
    for every in EVERY:
        print(f"local SGD, {every} steps ...", flush=True)
        found["local"][every] = [local_sgd(seed, every) for seed in range(SEEDS)]
    return found


def percent(values: list[float]) -> str:
    """Return the mean, and the smallest and largest value."""
    return f"{100 * np.mean(values):.2f} % ({100 * min(values):.2f} … {100 * max(values):.2f})"


def markdown(found: dict[str, Any]) -> str:
    """Return the section."""
    large = [[name, *(percent(row[str(factor)]) for factor in LARGER[1:])] for name, row in found["large"].items()]
    every_step = found["large"]["same"]["2"]  # a step of such ranks has 256 samples
    local = [["1, which is one rank with batch 256", percent(every_step), "1"]]
    local += [[f"{every}", percent(values), f"1/{every}"] for every, values in found["local"].items()]
    head = ["learning rate", *(f"batch {BATCH * factor:,}" for factor in LARGER[1:])]
    return "\n\n".join(
        (
            WORDS,
            f"Accuracy of 784-128-10 on the test images ({found['data']}) after four epochs, SGD, learning rate {RATE} "
            f"for a batch of {BATCH}; {SEEDS} seeds, mean (smallest … largest). *Scaled*: the rate grows as the batch "
            f"does; *warm-up*: it grows linearly from {RATE} to that in the first fifth of the steps.",
            table(head, large),
            f"With the batch of {BATCH} and its rate of {RATE}: {percent(found['one'])}.",
            f"Local SGD, {RANKS} ranks simulated in one process, each with an eighth of the data and batches of "
            f"{BATCH // 4}; they take the mean of their weights after so many steps. As many samples in all:",
            table(["steps between means", "accuracy", "messages"], local),
        )
    )


WORDS = """MPI stops paying where a step's exchange takes as long as the computing that it saves. For the small dense
networks of the benchmark, with batches of 128, that is at once: a step is shorter than what a job adds to it.
Convolutions, LSTM and transformers compute longer for each number that they send: two ranks help, and the table of
the section above says where more do not. Then, in this order:

1. Use the machine first: `Trainer(compiled=True)` or `threads=2` cost no network.
2. **Larger batches**, so that each rank computes longer between two exchanges (weak scaling). Multiply the learning
   rate as the batch (Goyal et al., 2017, [arXiv:1706.02677](https://arxiv.org/abs/1706.02677)), with a linear
   warm-up: `mn.callbacks.LearningRate(mn.schedules.LinearLR(start_factor=1 / n, total_iters=...), per="step")`. There
   are fewer steps an epoch then; and at some size the rate is too large for the network, warm-up or not: see the
   table.
3. **Local SGD**: each rank trains alone for some steps, and then they take the mean of their weights (Stich, 2019,
   [arXiv:1805.09767](https://arxiv.org/abs/1805.09767)). minnet does not have it, because n ranks no longer equal
   one; the program that measured it here does it in ten lines.
4. Train several models, not one faster: a search or an ensemble needs no exchange at all."""

if __name__ == "__main__":
    main("instead", measure, markdown, __doc__)
