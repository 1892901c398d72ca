"""A loss is the layer that ends the chain: it turns a prediction and its target into one number to make small.

``forward(prediction, target)`` returns a float, the mean over the batch, so that the learning rate need not know the
batch's size; ``backward()`` returns dL/d prediction. The mean over an empty batch is taken as 0. There are three ways
to learn classes, equal in value and gradient:

=========================  ============================  ===================================
loss                       it takes                      so the model ends with
=========================  ============================  ===================================
`CrossEntropyLoss`         probabilities p               `Softmax`
`NLLLoss`                  log-probabilities log p       `LogSoftmax`
`SoftmaxCrossEntropyLoss`  scores z                      neither: the fastest, exact everywhere
=========================  ============================  ===================================

Their labels (...) are integers, for predictions (..., C) whose *last* axis are the classes: see
`minnet.losses.labels.ClassLoss`, also for images.

For a yes or a no there are `BCELoss` (after `Sigmoid`) and `BCEWithLogitsLoss` (scores), and without probabilities
`HingeLoss` and `SoftMarginLoss`, and `MultiMarginLoss` for classes; for quantities `MSELoss`, `L1Loss`, `HuberLoss` and
`SmoothL1Loss`, `GaussianNLLLoss` for a mean and its variance, and `PoissonNLLLoss` for counts; for whole distributions
`KLDivLoss`; for labels of a sequence whose places are not known `CTCLoss`. `CosineEmbeddingLoss`, `TripletMarginLoss`
and `MarginRankingLoss` compare two or three outputs, and `HingeEmbeddingLoss` takes their distance. Every loss takes
``reduction="mean"``, ``"sum"`` or ``"none"`` (see `Loss`).

`MultiLoss` is the weighted sum of several losses, for a model with several outputs.
"""

from typing import TYPE_CHECKING

from minnet.core.words import answer_arguments
from minnet.losses.base import Loss as Loss
from minnet.losses.binary import BCELoss as BCELoss
from minnet.losses.binary import BCEWithLogitsLoss as BCEWithLogitsLoss
from minnet.losses.classification import CrossEntropyLoss as CrossEntropyLoss
from minnet.losses.classification import NLLLoss as NLLLoss
from minnet.losses.classification import SoftmaxCrossEntropyLoss as SoftmaxCrossEntropyLoss
from minnet.losses.ctc import CTCLoss as CTCLoss
from minnet.losses.divergence import KLDivLoss as KLDivLoss
from minnet.losses.embeddings import CosineEmbeddingLoss as CosineEmbeddingLoss
from minnet.losses.embeddings import TripletMarginLoss as TripletMarginLoss
from minnet.losses.likelihood import GaussianNLLLoss as GaussianNLLLoss
from minnet.losses.likelihood import PoissonNLLLoss as PoissonNLLLoss
from minnet.losses.margin import HingeEmbeddingLoss as HingeEmbeddingLoss
from minnet.losses.margin import HingeLoss as HingeLoss
from minnet.losses.margin import MarginRankingLoss as MarginRankingLoss
from minnet.losses.margin import MultiMarginLoss as MultiMarginLoss
from minnet.losses.margin import SoftMarginLoss as SoftMarginLoss
from minnet.losses.multi import MultiLoss as MultiLoss
from minnet.losses.regression import HuberLoss as HuberLoss
from minnet.losses.regression import L1Loss as L1Loss
from minnet.losses.regression import MSELoss as MSELoss
from minnet.losses.regression import SmoothL1Loss as SmoothL1Loss

if not TYPE_CHECKING:  # type checkers read the imports: a computed __all__ would be an empty one to them
    __all__ = [name for name, value in tuple(globals().items()) if isinstance(value, type)]
answer_arguments(globals())
