"""All readers that are fuzzed."""

from mnist_targets import MNIST
from onnx_target import ONNX
from saving_targets import SAVING
from torch_target import TORCH

TARGETS = {**MNIST, **ONNX, **SAVING, **TORCH}
