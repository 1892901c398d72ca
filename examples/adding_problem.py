"""The adding problem: remember two marked numbers out of fifty, far apart, and say their sum.

    python examples/adding_problem.py --help

Each step of a sequence has a number from [0, 1) and a mark, which is 1 at two of the steps and 0 elsewhere. The answer
1, the mean of all sums, has a mean squared error of 1/6 = 0.167, the variance of the sum. Only a model that remembers
the marked numbers does better.

S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997, section 5.4; with numbers
from [0, 1) as in Q. Le et al., "A simple way to initialize recurrent networks of rectified linear units", 2015.
"""

import argparse

import numpy as np
import pictures

import minnet as mn

BASELINE = 1 / 6


def sequences(n: int, rng: np.random.Generator, length: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Draw n sequences (n, length, 2) and their sums (n, 1): one mark in the first half, one in the second."""
    x = np.zeros((n, length, 2), np.float32)
    x[..., 0] = rng.random((n, length))
    for low, high in ((0, length // 2), (length // 2, length)):
        x[np.arange(n), rng.integers(low, high, n), 1] = 1
    return x, x.prod(axis=-1).sum(axis=1, keepdims=True)


def main(steps: int = 1000, out: str | None = "adding_problem.png") -> float:
    """Train an LSTM on random sequences; return its mean squared error on a thousand others."""
    rng = np.random.default_rng(0)
    model = mn.Sequential(mn.LSTM(2, 32, rng=1), mn.Select(-1), mn.Linear(32, 1, rng=2))
    loss, optimizer = mn.MSELoss(), mn.Adam(model.parameters(), lr=0.01)
    test_x, test_sum = sequences(1000, np.random.default_rng(99))

    history: list[dict[str, float]] = []
    for step in range(1, steps + 1):
        x, total = sequences(50, rng)
        optimizer.zero_grad()
        value = loss.forward(model.forward(x), total)
        model.accumulate_grad(loss.backward())
        optimizer.step()
        if step % max(1, steps // 10) == 0:
            error = mn.MSELoss().forward(model.eval().forward(test_x), test_sum)
            model.train()
            history.append({"step": step, "train_loss": value, "test_loss": error})
            print(f"step {step:5}: mean squared error {error:.4f} on the test sequences", flush=True)

    print(f"LSTM {error:.4f}   [always answering 1: {BASELINE:.3f}]")
    if out:
        pictures.save(mn.plots.curves(history, title="Always answering 1 has a loss of 0.167"), out)
    return error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000, help="training steps, of one batch each (1000)")
    parser.add_argument("--out", default="adding_problem.png", metavar="FILE", help="where the picture goes")
    options = parser.parse_args()
    if options.steps < 1:
        parser.error(f"--steps must be at least 1, got {options.steps}")
    options.out = pictures.place(parser, options.out)
    main(**vars(options))
