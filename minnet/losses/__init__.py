"""A loss is the layer that ends the chain: it turns a prediction and its target into one number to make small.

``forward(prediction, target)`` returns a float, the mean over the batch, so that the learning rate
need not know the batch's size; ``backward()`` returns dL/d prediction. The mean over an empty batch
is taken as 0. There are three ways to learn classes, equal in value and gradient:

=========================  ============================  ===================================
loss                       it takes                      so the model ends with
=========================  ============================  ===================================
`CrossEntropyLoss`         probabilities p               `Softmax`
`NLLLoss`                  log-probabilities log p       `LogSoftmax`
`SoftmaxCrossEntropyLoss`  scores z                      neither: the fastest, exact everywhere
=========================  ============================  ===================================

For a yes or a no there are `BCELoss` (after `Sigmoid`) and `BCEWithLogitsLoss` (scores), and without
probabilities `HingeLoss`, and `MultiMarginLoss` for classes; for quantities `MSELoss`, `L1Loss`,
`HuberLoss` and `SmoothL1Loss`; for whole distributions `KLDivLoss`.

Every loss takes ``reduction="mean"``, ``"sum"`` or ``"none"`` (see `Loss`).
"""

from typing import TYPE_CHECKING

from minnet.lazy import later

if TYPE_CHECKING:
    from minnet.losses.base import Loss
    from minnet.losses.binary import BCELoss, BCEWithLogitsLoss
    from minnet.losses.classification import CrossEntropyLoss, NLLLoss, SoftmaxCrossEntropyLoss
    from minnet.losses.divergence import KLDivLoss
    from minnet.losses.margin import HingeLoss, MultiMarginLoss
    from minnet.losses.regression import HuberLoss, L1Loss, MSELoss, SmoothL1Loss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "Loss",
    "MSELoss",
    "MultiMarginLoss",
    "NLLLoss",
    "SmoothL1Loss",
    "SoftmaxCrossEntropyLoss",
]

__getattr__ = later(
    __name__,
    {
        "base": ("Loss",),
        "binary": (
            "BCELoss",
            "BCEWithLogitsLoss",
        ),
        "classification": (
            "CrossEntropyLoss",
            "NLLLoss",
            "SoftmaxCrossEntropyLoss",
        ),
        "divergence": ("KLDivLoss",),
        "margin": (
            "HingeLoss",
            "MultiMarginLoss",
        ),
        "regression": (
            "HuberLoss",
            "L1Loss",
            "MSELoss",
            "SmoothL1Loss",
        ),
    },
)
