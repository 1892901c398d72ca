"""Some options of a Trainer do not call all of its methods: a subclass that overrides one of these is refused."""

from typing import Any

from minnet.core.extras import require

METHODS = ("train_step", "update")  # of a Trainer, which whole compiled steps do not call


def check_options(trainer: Any, base: type) -> None:
    """Check that each method that an option leaves out is that of the class `base`, and that code can be compiled.

    Raises ValueError, or MissingExtraError.
    """
    if trainer.compiled:
        require("numba", "compiled")
    if trainer.parallel is not None:
        _check_called(trainer, base, "parallel=mn.MPI()", "train_step")
        for option in ("accumulate", "threads"):
            if trainer.parallel.synchronised and (parts := getattr(trainer, option)) > 1:
                raise ValueError(
                    f"MPI(synchronised=True) makes batch norms use the whole batch, but {option}={parts} cuts a rank's "
                    f"part of it, and ranks may have different numbers of pieces: leave out {option}, and start more "
                    "ranks; or leave out synchronised"
                )
    for option in ("accumulate", "threads"):
        if (parts := getattr(trainer, option)) > 1:
            _check_called(trainer, base, f"{option}={parts}", "train_step")


def own_methods(trainer: Any, base: type, *methods: str) -> list[str]:
    """Return which methods are not those of the class `base`."""
    return [
        name for name in methods if name in vars(trainer) or getattr(type(trainer), name) is not getattr(base, name)
    ]


def _check_called(trainer: Any, base: type, option: str, *methods: str) -> None:
    for name in own_methods(trainer, base, *methods):
        raise ValueError(f"{option} does not call {type(trainer).__name__}.{name}: leave out {option}, or the method")
