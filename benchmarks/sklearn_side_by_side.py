"""mn.sklearn beside scikit-learn's own networks: five data sets, the same networks, epochs and folds.

python benchmarks/sklearn_side_by_side.py

For each fold of each data set, both are fitted in turns, in one process. The time is the processor's, of `fit` alone; the
score, of the samples that were left out, is the accuracy, or R² for diabetes. scikit-learn's networks are given
standardised numbers, because ours standardise by default. Three ways are compared: a fixed number of epochs; stopping when
the training loss no longer improves; and stopping by samples that are held out.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import minnet as mn

DATA = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
    "diabetes": load_diabetes,
}
WAYS = {
    "100 epochs": {"max_iter": 100, "n_iter_no_change": 10_000},
    "until the loss rests": {"max_iter": 1000},
    "early stopping": {"max_iter": 1000, "early_stopping": True},
}


def pair(name: str, seed: int, options: dict) -> tuple:
    """Return scikit-learn's estimator and ours."""
    if name == "diabetes":
        theirs = make_pipeline(StandardScaler(), MLPRegressor(random_state=seed, **options))
        theirs = TransformedTargetRegressor(theirs, transformer=StandardScaler())
        return theirs, mn.sklearn.Regressor(random_state=seed, **options)
    theirs = make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, **options))
    return theirs, mn.sklearn.Classifier(random_state=seed, **options)


def epochs_of(estimator: object) -> int:
    """Return how many epochs an estimator has made."""
    estimator = getattr(estimator, "regressor_", estimator)
    return (estimator[-1] if hasattr(estimator, "steps") else estimator).n_iter_


def fits(name: str, options: dict, seeds: int) -> Iterator[tuple[list[float], list[float], list[int]]]:
    """Yield the times, scores and epochs of both, for each fold and seed."""
    X, y = DATA[name](return_X_y=True)
    for seed in range(seeds):
        both = pair(name, seed, options)
        folds = (StratifiedKFold if is_classifier(both[1]) else KFold)(5, shuffle=True, random_state=seed)
        for fold, (train, test) in enumerate(folds.split(X, y)):
            seconds, scores, epochs = [0.0, 0.0], [0.0, 0.0], [0, 0]
            for which in (0, 1) if fold % 2 else (1, 0):
                estimator = clone(both[which])
                start = time.process_time()
                estimator.fit(X[train], y[train])
                seconds[which] = time.process_time() - start
                scores[which], epochs[which] = estimator.score(X[test], y[test]), epochs_of(estimator)
            yield seconds, scores, epochs


def main(seeds: int = 5) -> None:
    """Print a table a way."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    for way, options in WAYS.items():
        print(
            f"\n| {way} | samples × features | score | scikit-learn | ms a fit | scikit-learn | ÷ | epochs | scikit-learn |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for name, load in DATA.items():
            seconds, scores, epochs = map(np.array, zip(*fits(name, options, seeds), strict=True))
            ratio = statistics.median(seconds[:, 1] / seconds[:, 0])
            theirs, ours = 1000 * np.median(seconds, axis=0)
            n, f = load().data.shape
            print(
                f"| {name} | {n} × {f} | {scores[:, 1].mean():.3f} | {scores[:, 0].mean():.3f} | {ours:.0f} | {theirs:.0f} | "
                f"{ratio:.2f} | {epochs[:, 1].mean():.0f} | {epochs[:, 0].mean():.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="mn.sklearn beside scikit-learn's own networks.")
    parser.add_argument("--seeds", type=int, default=5, help="how often the five folds are drawn (5)")
    main(**vars(parser.parse_args()))
