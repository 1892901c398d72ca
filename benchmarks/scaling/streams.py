"""What a shuffle buffer does to the accuracy, and when reading ahead pays: the figures of docs/large-data.md.

MINNET_DATA=... python benchmarks/scaling/streams.py     (without MINNET_DATA: synthetic digits)
"""

import time
from typing import Any

import numpy as np
from page import DOCS, table, write
from program import environment, median

import minnet as mn

PAGE = DOCS / "large-data.md"
BUFFERS = (0, 1_000, 6_000, 20_000, 60_000)
SEEDS, EPOCHS, ROUNDS = (0, 1, 2), 3, 5


def digits() -> tuple[str, Any]:
    """Return MNIST if it is there, and synthetic digits if not, with a name."""
    try:
        return "MNIST", mn.data.load_mnist()
    except mn.errors.DataNotFoundError:
        X, y = mn.data.synthetic_digits(70_000, rng=0)
        train, test = mn.data.Split(X[:60_000], y[:60_000]), mn.data.Split(X[60_000:], y[60_000:])
        return "Synthetic digits", mn.data.Mnist(train, test)


def trainer_of(seed: int) -> mn.Trainer:
    """Return a Trainer of a network with one hidden layer."""
    model = mn.Sequential(mn.Linear(784, 128, rng=seed), mn.ReLU(), mn.Linear(128, 10, rng=seed + 1))
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))


def accuracies(data: Any, order: Any) -> list[str]:
    """Return the accuracies on the test set for each size of the buffer, and for a full shuffle, as texts."""
    X, y, test = data.train.X[order], data.train.y[order], (data.test.X, data.test.y)

    def batches() -> Any:
        for start in range(0, len(X), 1000):
            yield X[start : start + 1000], y[start : start + 1000]

    def scored(make: Any) -> str:
        scores = []
        for seed in SEEDS:
            trainer = trainer_of(seed)
            trainer.fit(make(seed), epochs=EPOCHS, progress=False)
            scores.append(100 * trainer.evaluate(test)["accuracy"])
        return f"{np.mean(scores):.1f} ± {np.std(scores):.1f}"

    streams = [
        scored(lambda seed, size=size: mn.data.Stream(batches, 100, batches=True, buffer=size, rng=seed))
        for size in BUFFERS
    ]
    return [*streams, scored(lambda seed: mn.DataLoader(X, y, 100, shuffle=True, rng=seed))]


def buffers() -> None:
    """Measure what the buffer does, and write its section."""
    name, data = digits()
    orders = {"mixed, as it comes": slice(None), "sorted by class": np.argsort(data.train.y, kind="stable")}
    rows = [[what, *accuracies(data, order)] for what, order in orders.items()]
    head = ["order of the source", *(f"buffer {size:,}" for size in BUFFERS), "`shuffle=True`"]
    text = f"""{name}, {len(data.train.y):,} images; 784-128-10, SGD, batches of 100, {EPOCHS} epochs; accuracy on
the test set in percent, mean and standard deviation of {len(SEEDS)} seeds:

{table(head, rows)}"""
    write("buffer", text, PAGE)


def in_python(x: Any, rng: np.random.Generator) -> Any:
    """Shift each image, in a loop of Python's that holds its lock."""
    for row, step in zip(x, rng.integers(-2, 3, len(x)).tolist(), strict=True):
        for _ in range(20):
            np.roll(row, step)
    return x


def with_numpy(x: Any, rng: np.random.Generator) -> Any:
    """Add noise, and smooth: NumPy frees the lock in large arrays."""
    noise = rng.standard_normal(x.shape, np.float32)
    return np.sqrt(np.square(x + 0.1 * noise) + np.square(0.1 * noise))


def speed(loader: Any, steps: int) -> float:
    """Return the steps a second."""
    trainer = trainer_of(0)
    trainer.fit(loader, steps=20, progress=False)
    begin = time.perf_counter()
    trainer.fit(loader, steps=steps, progress=False)
    return steps / (time.perf_counter() - begin)


def ahead() -> None:
    """Measure when reading ahead pays, and write its section."""
    X, y = mn.data.synthetic_digits(20_000, rng=0)

    def slow() -> Any:
        while True:
            for start in range(0, len(X), 128):
                time.sleep(0.001)
                yield X[start : start + 128], y[start : start + 128]

    makes = {
        "a `DataLoader` in memory": lambda: mn.DataLoader(X, y, shuffle=True, rng=0),
        "a transform in NumPy": lambda: mn.DataLoader(X, y, shuffle=True, rng=0, transform=with_numpy),
        "`mn.data.augment.Rotate(10)`": lambda: mn.DataLoader(
            X, y, shuffle=True, rng=0, transform=mn.data.augment.Rotate(10)
        ),
        "a transform in Python": lambda: mn.DataLoader(X, y, shuffle=True, rng=0, transform=in_python),
        "a source that waits 1 ms a batch": lambda: mn.data.Stream(slow, batches=True),
    }
    rows = []
    for name, make in makes.items():
        steps = 400 if "DataLoader" in name else 100
        pairs = [(speed(make(), steps), speed(mn.data.Prefetch(make()), steps)) for _ in range(ROUNDS)]
        ratio = median([fast / plain for plain, fast in pairs])
        rows.append([name, *(f"{median(list(each)):,.0f}" for each in zip(*pairs, strict=True)), f"{ratio:.2f}"])
    facts = environment.facts()
    text = f"""784-128-10, batches of 128, one BLAS thread, {facts["cores"]} cores; steps a second, medians of {ROUNDS}
turns:

{table(["batches", "as they are", "with Prefetch", "ratio"], rows)}"""
    write("prefetch", text, PAGE)


if __name__ == "__main__":
    buffers()
    ahead()
