"""The random numbers of PyTorch's DataLoaders, which decide the order of the samples and what worker processes draw.

A loader draws from its own generators, or else from the one of the whole process. A checkpoint keeps them all, so that
a pass that is begun again yields the same batches. PyTorch is never imported: a loader of its kind is there only if the
script has imported it.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from minnet.core.state import State, held

PROCESS = "torch"  # the name of the process's generator


def generators(loader: Any) -> dict[str, Any]:
    """Return PyTorch's generators in a loader of its kind, or in one that has one as an attribute; by their paths."""
    found: dict[str, Any] = {}
    for path, one in _torch_loaders(loader):
        found[PROCESS] = sys.modules["torch"].default_generator
        for name in ("", "sampler", "batch_sampler", "batch_sampler.sampler", "dataset"):
            owner = one
            for part in filter(None, name.split(".")):
                owner = getattr(owner, part, None)
            generator = getattr(owner, "generator", None)
            if isinstance(generator, sys.modules["torch"].Generator):
                found[".".join(filter(None, (path, name, "generator")))] = generator
    return found


def capture(loader: Any) -> State:
    """Return the states of all generators of a loader."""
    return {name: generator.get_state().numpy().copy() for name, generator in generators(loader).items()}


def restore(loader: Any, state: State) -> None:
    """Restore what `capture` returned."""
    for name, generator in generators(loader).items():
        generator.set_state(_tensor(state[name]))


def check(loader: Any, state: Any) -> None:
    """Raise ValueError if a state, from a file, is none of this loader's generators."""
    names = generators(loader).keys()
    if type(state) is not dict or state.keys() != names:
        raise ValueError(f"the loader's generators are others than {', '.join(names)}")
    for name, bits in state.items():
        try:
            sys.modules["torch"].Generator().set_state(_tensor(bits))
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"the loader's {name} is no state of a generator ({error})") from None


def end_workers(batches: Any) -> bool:
    """End the worker processes of a pass, unless they are to persist; return whether there were any."""
    end = getattr(batches, "_shutdown_workers", None)
    if end is None:
        return False
    if not getattr(batches, "_persistent_workers", False):
        end()
    return True


def _torch_loaders(loader: Any) -> Iterator[tuple[str, Any]]:
    module = sys.modules.get("torch.utils.data")
    kind = getattr(module, "DataLoader", None)
    if kind is None:
        return
    if isinstance(loader, kind):
        yield "", loader
    elif hasattr(loader, "__dict__"):
        yield from ((name, value) for name, value in held(loader).items() if isinstance(value, kind))


def _tensor(bits: Any) -> Any:
    if not isinstance(bits, np.ndarray) or bits.dtype != np.uint8:
        raise TypeError("no bytes")
    return sys.modules["torch"].from_numpy(bits.copy())
