"""Prefixes of names that a wrapper added to all of them, such as "module." of DataParallel."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")
WRAPPERS = ("module.", "_orig_mod.")  # DataParallel and DistributedDataParallel; torch.compile
_COUNTER = "n_averaged"  # what AveragedModel keeps beside the model


def without_prefixes(state: Mapping[str, T], prefixes: tuple[str, ...] = WRAPPERS) -> dict[str, T]:
    """Return a state dict without the prefixes that all of its names share, however many there are.

    The counter of ``torch.optim.swa_utils.AveragedModel`` goes with its prefix. "_orig_mod.", which only
    ``torch.compile`` writes, goes from inside of names, too, where only a part of a model was compiled.
    """
    named = dict(state)
    if _COUNTER in named and all(name == _COUNTER or name.startswith("module.") for name in named):
        del named[_COUNTER]
    while prefix := next((p for p in prefixes if named and all(name.startswith(p) for name in named)), None):
        named = {name.removeprefix(prefix): value for name, value in named.items()}
    inner = {name.replace("._orig_mod.", "."): value for name, value in named.items()}
    return inner if "_orig_mod." in prefixes and len(inner) == len(named) else named
