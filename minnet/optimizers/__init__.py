"""The optimizers, one file a family."""

from typing import TYPE_CHECKING

from minnet.lazy import later

if TYPE_CHECKING:
    from minnet.optimizers.adam import Adam, AdamW, NAdam
    from minnet.optimizers.adaptive import Adadelta, Adagrad, RMSprop
    from minnet.optimizers.base import Optimizer
    from minnet.optimizers.lion import Lion
    from minnet.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
]

__getattr__ = later(
    __name__,
    {
        "adam": (
            "Adam",
            "AdamW",
            "NAdam",
        ),
        "adaptive": (
            "Adadelta",
            "Adagrad",
            "RMSprop",
        ),
        "base": ("Optimizer",),
        "lion": ("Lion",),
        "sgd": ("SGD",),
    },
)
