"""All readers that are fuzzed."""

from array_target import ARRAY
from mnist_targets import MNIST
from onnx_target import ONNX
from saving_targets import SAVING
from torch_target import TORCH

TARGETS = {**ARRAY, **MNIST, **ONNX, **SAVING, **TORCH}
