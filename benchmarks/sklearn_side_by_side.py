"""mn.sklearn beside scikit-learn's own networks: five data sets, the same networks, epochs and folds.

python benchmarks/sklearn_side_by_side.py

For each fold of each data set, both are fitted in turns, in one process. The time is the processor's, of `fit` alone;
the score, of the samples that were left out, is the accuracy, or R² for diabetes. scikit-learn's networks are given
standardised numbers, because ours standardise by default. Four ways are compared: a fixed number of epochs; until the
training loss rests; with early stopping, by the defaults; and with early stopping where scikit-learn's is as patient as
it must be for our score.
"""

import argparse
import statistics
import time
import warnings

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
    "early stopping, the same score": {"max_iter": 1000, "early_stopping": True},
}
PATIENCE = (10, 30, 100, 300)  # n_iter_no_change of scikit-learn's
SAME = 0.01  # scores that differ by less are the same


def pair(name: str, seed: int, options: dict, patience: int | None) -> tuple:
    """Return scikit-learn's estimator, with another patience if that is given, and ours."""
    given = options if patience is None else options | {"n_iter_no_change": patience}
    if name == "diabetes":
        theirs = make_pipeline(StandardScaler(), MLPRegressor(random_state=seed, **given))
        theirs = TransformedTargetRegressor(theirs, transformer=StandardScaler())
        return theirs, mn.sklearn.Regressor(random_state=seed, **options)
    theirs = make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, **given))
    return theirs, mn.sklearn.Classifier(random_state=seed, **options)


def epochs_of(estimator: object) -> int:
    """Return how many epochs an estimator has made."""
    estimator = getattr(estimator, "regressor_", estimator)
    return (estimator[-1] if hasattr(estimator, "steps") else estimator).n_iter_


def fits(name: str, options: dict, seeds: int, patience: int | None = None) -> list[np.ndarray]:
    """Return the times, scores and epochs (fits, 2) of both, for each fold and seed."""
    X, y = DATA[name](return_X_y=True)
    rows = []
    for seed in range(seeds):
        both = pair(name, seed, options, patience)
        folds = (StratifiedKFold if is_classifier(both[1]) else KFold)(5, shuffle=True, random_state=seed)
        for fold, (train, test) in enumerate(folds.split(X, y)):
            row = np.zeros((3, 2))
            for which in (0, 1) if fold % 2 else (1, 0):
                estimator = clone(both[which])
                start = time.process_time()
                estimator.fit(X[train], y[train])
                seconds = time.process_time() - start
                row[:, which] = seconds, estimator.score(X[test], y[test]), epochs_of(estimator)
            rows.append(row)
    return list(np.array(rows).swapaxes(0, 1))


def at_the_same_score(name: str, options: dict, seeds: int) -> list[np.ndarray]:
    """Return the same, with the least patience of scikit-learn's that has our score for the first seed."""
    for patience in PATIENCE:
        theirs, ours = fits(name, options, 1, patience)[1].mean(axis=0)
        if theirs > ours - SAME:
            break
    return fits(name, options, seeds, patience)


def main(seeds: int = 5) -> None:
    """Print a table a way."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    columns = "samples × features | score | scikit-learn's | ms a fit | scikit-learn's | ÷ | epochs | scikit-learn's"
    for way, options in WAYS.items():
        print(f"\n| {way} | {columns} |\n|---|---|---|---|---|---|---|---|---|")
        measure = at_the_same_score if "same" in way else fits
        for name, load in DATA.items():
            seconds, scores, epochs = measure(name, options, seeds)
            ratio = statistics.median(seconds[:, 1] / seconds[:, 0])
            cells = [" × ".join(map(str, load().data.shape))]
            cells += [f"{score:.3f}" for score in scores.mean(axis=0)[::-1]]
            cells += [f"{1000 * time:.0f}" for time in np.median(seconds, axis=0)[::-1]]
            cells += [f"{ratio:.2f}", *(f"{number:.0f}" for number in epochs.mean(axis=0)[::-1])]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="mn.sklearn beside scikit-learn's own networks.")
    parser.add_argument("--seeds", type=int, default=5, help="how often the five folds are drawn (5)")
    main(**vars(parser.parse_args()))
