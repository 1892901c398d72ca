"""Regression on a table: a model's error, and its spread over ten seeds.

Each seed draws other data, other first weights and another order of the samples.

python examples/tabular.py --help
"""

import argparse

import numpy as np
import pictures

import minnet as mn


def friedman(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw n rows of ten columns, five of which matter: J. Friedman, Annals of Statistics 19, 1991, section 4.3."""
    X = rng.random((n, 10), np.float32)
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    return X, (y + rng.standard_normal(n, np.float32))[:, None]  # noise of variance 1: no model can do better


def one_run(seed: int, epochs: int) -> tuple[float, float, mn.History]:
    """Train on 2,000 rows; return the error on 2,000 others, that of a linear fit, and the history."""
    rng = np.random.default_rng(seed)
    (X, y), validation, test = friedman(2000, rng), friedman(1000, rng), friedman(2000, rng)
    mean, spread = y.mean(), y.std()
    model = mn.Sequential(
        mn.Linear(10, 64, rng=rng), mn.ReLU(), mn.Linear(64, 64, rng=rng), mn.ReLU(), mn.Linear(64, 1, rng=rng)
    )
    trainer = mn.Trainer(model, mn.MSELoss(), mn.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05))
    batches = mn.DataLoader(X, (y - mean) / spread, batch_size=64, shuffle=True, rng=rng)
    held_out = {"validation": (validation[0], (validation[1] - mean) / spread)}
    stop = mn.callbacks.EarlyStopping("validation_loss", patience=10)
    history = trainer.fit(batches, epochs=epochs, evaluate=held_out, callbacks=[stop], progress=False)
    error = np.mean((trainer.predict(test[0]) * spread + mean - test[1]) ** 2)

    table = np.column_stack([X, np.ones(len(X))])
    weights = np.linalg.lstsq(table, y, rcond=None)[0]
    linear = np.mean((np.column_stack([test[0], np.ones(len(test[0]))]) @ weights - test[1]) ** 2)
    return float(error), float(linear), history


def main(seeds: int = 10, epochs: int = 100, out: str | None = "tabular.png") -> float:
    """Run every seed, and print mean and spread beside two references; return the mean."""
    runs = []
    for seed in range(seeds):
        runs.append(one_run(seed, epochs))
        print(f"seed {seed}: mean squared error {runs[-1][0]:.3f}, linear {runs[-1][1]:.3f}", flush=True)
    errors, linear = np.array([run[0] for run in runs]), np.array([run[1] for run in runs])
    sd = errors.std(ddof=1) if seeds > 1 else float("nan")
    print(f"network {errors.mean():.3f} +- {sd:.3f} over {seeds} seeds   [linear {linear.mean():.3f}, the noise 1.000]")
    if out:
        title = "Seed 0 (losses in units of the target's variance)"
        pictures.save(mn.plots.curves(runs[0][2], title=title), out)
    return float(errors.mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Regression on a table, with the spread of the score over seeds.")
    parser.add_argument("--seeds", type=int, default=10, help="networks, each with another seed (10)")
    parser.add_argument("--epochs", type=int, default=100, help="passes over the training set (100)")
    parser.add_argument("--out", default="tabular.png", metavar="FILE", help="where the picture goes")
    options = parser.parse_args()
    if min(options.epochs, options.seeds) < 1:
        parser.error(f"--epochs and --seeds must be at least 1, got {options.epochs} and {options.seeds}")
    options.out = pictures.place(parser, options.out)
    main(**vars(options))
