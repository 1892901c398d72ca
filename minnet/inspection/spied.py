"""A spied layer remembers what its forward kept for backward, at the moment when it was kept."""

from typing import Any

import numpy as np

from minnet.inspection.layer_checks import Trial


def changed_cache(trial: Trial) -> str:
    """Say whether forward changes an array after it has put it into self.cache; "" if not."""
    layer = trial.new()
    kept: dict[str, Any] = {}
    cls = type(layer)

    class Spied(cls):  # type: ignore[misc, valid-type]
        """Copies what is assigned."""

        def __setattr__(self, name: str, value: Any) -> None:
            kept[name] = _copied(value)
            super().__setattr__(name, value)

    layer.__class__ = Spied
    trial.forward(layer, trial.inputs)
    now = vars(layer) | {"cache": vars(layer).get("_cache")}
    changed = [name for name, value in kept.items() if not _equal(value, now.get(name))]
    if not changed:
        return ""
    return (
        f"forward changes an array after it has kept it in self.{changed[0]}, so backward computes with other numbers: "
        f"keep a copy, self.{changed[0]} = (...).copy(), or make a new array instead of changing the kept one"
    )


def _copied(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_copied(part) for part in value]
    return value.copy() if isinstance(value, np.ndarray) else value


def _equal(before: Any, now: Any) -> bool:
    if isinstance(now, tuple | list) and isinstance(before, list):
        return len(now) == len(before) and all(_equal(a, b) for a, b in zip(before, now, strict=True))
    if isinstance(before, np.ndarray) and isinstance(now, np.ndarray):
        return np.array_equal(before, now, equal_nan=before.dtype.kind == "f")
    return True
