"""Callbacks run code while a Trainer trains; each file holds those of one purpose."""

from minnet.callbacks.averaging import EMA
from minnet.callbacks.base import Callback, Training
from minnet.callbacks.clipping import ClipGradNorm, ClipGradValue, MaxNorm
from minnet.callbacks.csv_logger import CSVLogger
from minnet.callbacks.early_stopping import EarlyStopping
from minnet.callbacks.learning_rate import LearningRate, ReduceLROnPlateau
from minnet.callbacks.progress import Progress, RunningScore
from minnet.callbacks.tensorboard import TensorBoard

__all__ = [
    "EMA",
    "CSVLogger",
    "Callback",
    "ClipGradNorm",
    "ClipGradValue",
    "EarlyStopping",
    "LearningRate",
    "MaxNorm",
    "Progress",
    "ReduceLROnPlateau",
    "RunningScore",
    "TensorBoard",
    "Training",
]
