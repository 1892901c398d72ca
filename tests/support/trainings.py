"""n ranks and one: what a training leaves behind on each rank, and the largest difference from one rank's."""

import warnings

import numpy as np
from configurations import CONFIGURATIONS

import minnet as mn
from minnet.core.trees import mapped
from minnet.errors import DataWarning, NonFiniteError


def trained(name, ranks=None, last_bit=False):
    """Train a configuration, and return all that it leaves behind: kind → a list of arrays.

    `ranks` makes the `MPI` of a job from its options; None is a training without. With `last_bit`, all weights are the
    next larger number at the start: what that changes is how much a training multiplies a rounding error.
    """
    made = CONFIGURATIONS[name]()
    parallel = {} if ranks is None else {"parallel": ranks(synchronised=made.synchronised)}
    model, found = made.model.astype(made.dtype), {}
    for parameter in model.parameters() if last_bit else ():
        parameter.data = np.nextafter(parameter.data, np.inf, dtype=made.dtype)
    optimizer = made.optimizer(model.parameters()) if callable(made.optimizer) else made.optimizer
    trainer = mn.Trainer(model, made.loss, optimizer, **made.options, **parallel)
    found["end"] = "as planned"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", DataWarning)  # of sizes that suit the test, not the model
        for fit in made.fits:
            try:
                trainer.fit(made.loader, callbacks=made.callbacks, progress=False, **fit)
            except NonFiniteError as error:
                found["end"] = type(error).__name__
    found["end"] += f" after {trainer.step} steps, {trainer.epoch} epochs, stopped: {trainer.stopped}"
    x = made.x if made.dtype == np.float64 else mapped(lambda leaf: np.asarray(leaf, made.dtype), made.x)
    averages = [average for callback in made.callbacks for average in getattr(callback, "average", [])]
    drawn = made.loader.rng.random(3) if isinstance(made.loader, mn.DataLoader) else 0
    return found | {
        "weights": [array.data.copy() for owner in (model, made.loss) for _, array in owner.named_arrays()],
        "optimizer": numbers(optimizer.state_dict()),
        "history": [numbers({k: v for k, v in row.items() if k != "seconds"}) for row in trainer.history],
        "columns": [list(row) for row in trainer.history],
        "averages": [average.copy() for average in averages],
        "predictions": numbers(trainer.predict(x)),
        "order": [drawn],
    }


def numbers(tree):
    """List the numbers and the arrays of numbers in dicts, lists and tuples, in their order."""
    if isinstance(tree, dict):
        return [number for value in tree.values() for number in numbers(value)]
    if isinstance(tree, list | tuple):
        return [number for value in tree for number in numbers(value)]
    return [tree] if isinstance(tree, int | float | np.ndarray | np.generic) else []


def difference(found, expected):
    """Return the largest difference of all numbers, those beyond 1 relative to the largest of their array."""
    for exact in ("end", "columns"):
        if found[exact] != expected[exact]:
            raise AssertionError(f"{exact}: {found[exact]}, expected {expected[exact]}")
    return max(_difference(found[kind], expected[kind]) for kind in expected if kind not in ("end", "columns"))


def _difference(found, expected):
    if isinstance(expected, list):
        assert len(found) == len(expected)
        return max(map(_difference, found, expected), default=0.0)
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    assert np.array_equal(found[~finite], expected[~finite], equal_nan=True)
    apart = np.abs(found[finite] - expected[finite])
    return float(apart.max(initial=0) / max(1.0, np.abs(expected[finite]).max(initial=0)))


def same_bits(found, other):
    """Whether two ranks are alike to the last bit, in all but how long rows took."""
    return repr_of(found) == repr_of(other)


def repr_of(found):
    """Return all bits of what `trained` found."""
    if isinstance(found, dict):
        return [(key, repr_of(value)) for key, value in found.items()]
    if isinstance(found, list):
        return [repr_of(value) for value in found]
    return found if isinstance(found, str) else np.asarray(found).tobytes()
