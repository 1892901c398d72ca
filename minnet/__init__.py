"""minnet: deep learning in NumPy, every layer a class with a `forward` and the matching `backward`."""

import sys as _sys
from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING

from minnet import callbacks as callbacks
from minnet import data as data
from minnet import errors as errors
from minnet import initializers as initializers
from minnet import metrics as metrics
from minnet import plots as plots
from minnet.compiled.predicting.predictor import Predictor as Predictor
from minnet.core import extras as extras
from minnet.core import names as _names
from minnet.core.buffer import Buffer as Buffer
from minnet.core.layer import Layer as Layer
from minnet.core.parameter import Parameter as Parameter
from minnet.data import DataLoader as DataLoader
from minnet.explaining.explain import explain as explain
from minnet.inspection import gradcheck as gradcheck
from minnet.inspection.summary import summary as summary
from minnet.layers import *
from minnet.losses import *
from minnet.mpi.communicator import MPI as MPI
from minnet.optimizers import *
from minnet.optimizers import schedules as schedules
from minnet.saving.checkpoint import Checkpoint as Checkpoint
from minnet.saving.models import load_model as load_model
from minnet.saving.weights import load as load
from minnet.saving.weights import save as save
from minnet.training.history import History as History
from minnet.training.lr_finder import lr_finder as lr_finder
from minnet.training.trainer import Trainer as Trainer
from minnet.version import __version__ as __version__

if TYPE_CHECKING:
    from minnet import grading as grading
    from minnet import onnx as onnx
    from minnet import sklearn as sklearn
    from minnet import torch as torch

# The rooms that are imported when first used, and what they need.
_LAZY = {"grading": "minnet", "onnx": "onnx", "sklearn": "sklearn", "torch": "minnet"}
_ROOMS = {
    "compiled",
    "core",
    "explaining",
    "inspection",
    "layers",
    "losses",
    "mpi",
    "optimizers",
    "saving",
    "training",
    "untrusted",
    "version",
}
__all__ = sorted(
    name for name in globals() if not name.startswith("_") and name not in {*_ROOMS, *_LAZY, "TYPE_CHECKING"}
)
_PUBLIC = {"mn": _sys.modules["minnet"], "mn.data.augment": data.augment}
_PUBLIC |= {f"mn.{name}": globals()[name] for name in __all__ if isinstance(globals()[name], _ModuleType)}
_PUBLIC |= {f"mn.{room}": _sys.modules[f"minnet.{room}"] for room in ("layers", "losses", "optimizers")}


def __dir__() -> list[str]:
    there = [room for room, package in _LAZY.items() if _find_spec(package)]
    return [*__all__, *there, "__version__"]


if not TYPE_CHECKING:  # a type checker would take every name for one that is there

    def __getattr__(name):
        """Import a room that is not imported yet; of another name, say what was probably meant."""
        if name in _LAZY:
            return _import_module(f"minnet.{name}")
        raise _names.unknown("mn", name, _PUBLIC)


_names.offer(_PUBLIC)
