"""Requirements beyond a training step: eval mode, copies, and containers around the layer.

Each function asks one of them of a trial, and raises LayerError if it is not met. docs/design.md gives the reasons.
"""

import copy
import operator
import pickle
import sys
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.buffer import Buffer
from minnet.core.layer import TRANSIENT, Layer
from minnet.core.parameter import Parameter
from minnet.inspection.layer_checks import LayerError, Run, Trial, is_ours, other, same
from minnet.inspection.requirements import held
from minnet.layers import Residual, Sequential


def _snapshot(value: object, path: str = "self") -> dict[str, Any]:
    """Return everything that an object holds, as path → comparable value."""
    if isinstance(value, (list, tuple, dict)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        inside = {k: v for key, item in items for k, v in _snapshot(item, f"{path}[{key!r}]").items()}
        return inside | {path: len(value)}
    if isinstance(value, Parameter | Buffer):
        parts = zip(("data", "grad"), held(value), strict=False)
        return {k: v for part, array in parts for k, v in _snapshot(array, f"{path}.{part}").items()}
    if isinstance(value, np.ndarray):
        return {path: (value.dtype.str, value.shape, value.tobytes())}
    if isinstance(value, np.random.Generator):
        return {f"{path} (a Generator)": repr(value.bit_generator.state)}
    if hasattr(value, "__dict__") and (isinstance(value, Layer) or not callable(value)):
        kept = {name: item for name, item in vars(value).items() if name not in TRANSIENT}
        return {k: v for name, item in kept.items() for k, v in _snapshot(item, f"{path}.{name}").items()}
    return {path: repr(value)}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def eval_mode(trial: Trial) -> None:
    """In eval mode, forward is deterministic, keeps nothing, and treats each sample by itself."""
    layer = trial.new()
    fresh = _snapshot(copy.deepcopy(layer))
    trial.run(layer, other(trial.inputs))
    layer.eval()
    before = _snapshot(layer)
    seeded, trial.seeded = trial.seeded, False
    y = trial.forward(layer, trial.inputs)
    again = trial.forward(layer, trial.inputs)
    trial.seeded = seeded
    changed = _changes(before, _snapshot(layer))
    if changed and all(path.endswith("(a Generator)") for path in changed):
        trial.fail(
            "forward draws random numbers in eval mode: return x as it is if not self.training. After training, "
            "model.eval() sets self.training to False, and predictions must not depend on chance"
        )
    if changed:
        trial.fail(
            f"forward in eval mode changes {', '.join(changed)}: keep nothing, because several threads may use one "
            "model at the same time. What backward needs belongs in self.cache, which keeps nothing in eval mode; "
            "change anything else only if self.training"
        )
    if not np.array_equal(y, again, equal_nan=True):
        trial.fail(
            "forward in eval mode gives two results for one input: it must not be random. Return x as it is if not "
            "self.training"
        )
    passing = (".grad", ".training", ".recording", "(a Generator)")
    learned = [path for path in _changes(fresh, before) if not path.endswith(passing)]
    x = trial.inputs[0]
    of_samples = not trial.is_loss and len(trial.inputs) == 1 and x.ndim > 1 and np.shape(y)[:1] == x.shape[:1]
    if of_samples and (learned or not is_ours(trial.layer)):
        _check_samples_apart(trial, layer, y, learned)
    if not trial.repeats:
        return
    layer = trial.new()
    trial.forward(layer.eval(), other(trial.inputs))
    same(trial, trial.run(layer.train(), trial.inputs), "after an eval-mode forward: the modes must share nothing")


def _check_samples_apart(trial: Trial, layer: Layer, y: Array, learned: list[str]) -> None:
    """Each sample gives the same, whether it is alone or in a batch."""
    x = trial.inputs[0]
    try:
        alone = np.concatenate([trial.forward(layer, [x[i : i + 1]]) for i in range(len(x))])
    except (LayerError, ValueError):
        return  # what is wrong with a batch of one is said by its own check
    if alone.shape != y.shape or np.allclose(alone, y, rtol=1e-7, atol=1e-9, equal_nan=True):
        return
    if learned:
        trial.fail(
            f"forward in eval mode depends on the rest of the batch, although training updates "
            f"{', '.join(learned)}: use that if not self.training. A prediction must not depend on the other samples"
        )
    trial.fail(
        "forward in eval mode depends on the rest of the batch: a sample alone gives another result than among the "
        "other samples. Axis 0 is the batch: does a sum, a mean or a maximum run over axis=0, where axis=1, the "
        "numbers of one sample, is meant? (If the statistics of a batch are meant, keep a running mean in an "
        "mn.Buffer for eval mode)"
    )


def copies_compute_the_same(trial: Trial) -> None:
    """Copies and pickles compute the same."""
    layer = trial.new()
    trial.run(layer, trial.inputs)
    copies = {"copy.deepcopy": copy.deepcopy(layer)}
    originals = dict(trial.layer.named_arrays())
    for name, array in copy.deepcopy(trial.layer).named_arrays():
        if name not in originals or not np.array_equal(array.data, originals[name].data, equal_nan=True):
            trial.fail(f"a copy made by copy.deepcopy has another {name}.data")
    if all(_pickle_finds(type(inner)) for _, inner in layer.named_layers()):
        try:
            copies["pickle"] = pickle.loads(pickle.dumps(layer))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            cure = ": define the function with def, outside of the class, in place of a lambda" * (
                "lambda" in str(error)
            )
            raise LayerError(f"{trial.name}: pickle fails, which saves a layer: {error}{cure}") from error
    y = trial.forward(layer, trial.inputs)
    for how, copied in copies.items():
        if not np.array_equal(trial.forward(copied, trial.inputs), y, equal_nan=True):
            trial.fail(f"a copy made by {how} computes something else")


def _pickle_finds(cls: type) -> bool:
    """Whether pickle finds a class by its name: not if the class was made in a function or a session."""
    try:
        return operator.attrgetter(cls.__qualname__)(sys.modules[cls.__module__]) is cls
    except (KeyError, AttributeError):
        return False


def containers(trial: Trial) -> None:
    """The layer works inside Sequential and Residual."""
    if trial.is_loss or len(trial.inputs) > 1 or not trial.varied:
        return
    inside = Sequential(trial.new())
    run = trial.run(inside, trial.inputs)
    same(trial, Run(run.y, run.dx, _inner_grads(inside)), "inside Sequential")
    if np.shape(run.y) == trial.inputs[0].shape:
        around = Residual(trial.new())
        y = trial.forward(around, trial.inputs) - trial.inputs[0]
        dx = [trial.backward(around, trial.dy)[0] - trial.dy]
        same(trial, Run(y, dx, _inner_grads(around)), "inside Residual")


def _inner_grads(container: Sequential) -> dict[str, Array]:
    return {name: p.grad for name, p in container.layers[0].named_parameters()}
