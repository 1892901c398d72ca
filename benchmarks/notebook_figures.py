"""The figures that the class notebook prints after training, measured with ten seeds: docs/notebook-figures.md.

    MINNET_DATA=folder OPENBLAS_NUM_THREADS=1 python benchmarks/notebook_figures.py

runs ten online passes of 1,000,000 samples and ten mini-batch runs of 20,000 steps: ten minutes on two cores.
"""

import argparse
import functools
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import minnet as mn

PAGE = Path(__file__).parents[1] / "docs" / "notebook-figures.md"


def trainer(seed: int, lr: float) -> mn.Trainer:
    """Make the notebook's model with new weights."""
    uniform = mn.initializers.uniform(-1, 1)
    model = mn.Sequential(mn.Linear(784, 10, weight_init=uniform, bias_init=uniform, rng=seed), mn.Softmax())
    return mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr))


@functools.cache
def data() -> mn.data.Mnist:
    """Load the real MNIST, once a process."""
    return mn.data.load_mnist(download=False)


def measure(seed: int) -> dict[str, object]:
    """Run both parts of the notebook from one seed."""
    train, _, test = data()
    online = trainer(seed, lr=0.01)
    score = mn.callbacks.RunningScore(decay=0.999)
    samples = mn.DataLoader(*train, batch_size=1)
    online.fit(samples, steps=1_000_000, every=50_000, callbacks=[score], progress=False)
    running = {row["step"]: 100 * row["running_accuracy"] for row in online.history}
    predicted = online.predict(test.X[:100]).argmax(axis=1)
    pairs = [f"{p}/{t}" for p, t in zip(predicted, test.y[:100], strict=True)]

    batches = trainer(seed, lr=0.5)
    loader = mn.DataLoader(*train, batch_size=128, shuffle="resampled", rng=seed)
    batches.fit(loader, steps=20_000, every=2_000, evaluate={"test": test, "train": train}, progress=False)
    return {
        "G7 running": running[950_000],
        "G8 test": 100 * batches.history[-1]["test_accuracy"],
        "G8 train": 100 * batches.history[-1]["train_accuracy"],
        "G10 right": sum(p == t for p, t in zip(predicted[:10], test.y[:10], strict=True)),
        "G11 wrong": sum(p != t for p, t in zip(predicted, test.y[:100], strict=True)),
        "online test": 100 * online.evaluate(test)["accuracy"],
        "first ten": pairs[:10],
        "mistakes": [pair for pair, p, t in zip(pairs, predicted, test.y[:100], strict=True) if p != t],
        "G7 all": list(running.values()),
        "G8 all": [100 * row["test_accuracy"] for row in batches.history],
    }


ROWS = [
    ("G7 running", "online: running accuracy before step 950,000, %", "92.044"),
    ("G8 test", "mini-batch: test accuracy at step 20,000, %", "92.06"),
    ("G8 train", "mini-batch: training accuracy at step 20,000, %", "93.12"),
    ("G10 right", "online: right among the first ten test digits", "9"),
    ("G11 wrong", "online: mistakes among the first hundred", "5"),
]


def page(results: list[dict]) -> str:
    """Write the page."""
    lines = [
        "# The notebook's figures, beside ours",
        "",
        "The notebook sets no random seed, so minnet cannot repeat what it printed after training. Here is what",
        f"minnet gets on the real MNIST with {len(results)} seeds (0 to {len(results) - 1}), in float32, with the",
        "notebook's recipe: W and b uniform in [-1, 1); one million single samples in order with the learning rate",
        "0.01; 20,000 batches of 128, each a random draw, with the learning rate 0.5. `tests/test_notebook.py`",
        "reproduces the figures that need no seed (one sample, one step) exactly.",
        "",
        "| figure | notebook | minnet, mean ± sd | lowest … highest | band |",
        "|---|---|---|---|---|",
    ]
    for key, name, notebook in ROWS:
        values = np.array([result[key] for result in results], float)
        mean, sd = values.mean(), values.std(ddof=1)
        low, high = mean - 4 * sd, mean + 4 * sd
        digits = 0 if key in ("G10 right", "G11 wrong") else 2
        ends = f"{values.min():.{digits}f} … {values.max():.{digits}f}"
        name, band = f"{key.split()[0]} {name}", f"{low:.2f} … {high:.2f}"
        lines.append(f"| {name} | {notebook} | {mean:.2f} ± {sd:.2f} | {ends} | {band} |")
    lines += [
        "",
        "The band is mean ± 4 sd. The notebook's figures are in the band, and so must be those of every later run.",
        "",
        "| seed | first ten test digits, predicted/true | mistakes among the first hundred | online, all test digits |",
        "|---|---|---|---|",
        "| notebook | 7/7 2/2 1/1 0/0 4/4 1/1 4/4 9/9 6/5 9/9 | 6/5 6/4 3/2 2/3 7/6 | not printed |",
    ]
    for seed, result in enumerate(results):
        ten, mistakes = " ".join(result["first ten"]), " ".join(result["mistakes"])
        lines.append(f"| {seed} | {ten} | {mistakes} | {result['online test']:.2f} % |")
    lines += ["", "Made by `benchmarks/notebook_figures.py`, on real MNIST.", ""]
    return "\n".join(lines)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:
        results = []
        for result in pool.map(measure, range(options.seeds)):
            results.append(result)
            print(len(results), {key: result[key] for key, *_ in ROWS}, flush=True)
    PAGE.write_text(page(results), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
