"""The optimizers, one file a family."""

from typing import TYPE_CHECKING

from minnet.core.words import answer_arguments
from minnet.optimizers.adam import Adam as Adam
from minnet.optimizers.adam import AdamW as AdamW
from minnet.optimizers.adam import NAdam as NAdam
from minnet.optimizers.adamax import Adamax as Adamax
from minnet.optimizers.adaptive import Adadelta as Adadelta
from minnet.optimizers.adaptive import Adagrad as Adagrad
from minnet.optimizers.adaptive import RMSprop as RMSprop
from minnet.optimizers.base import Optimizer as Optimizer
from minnet.optimizers.lbfgs import LBFGS as LBFGS
from minnet.optimizers.lion import Lion as Lion
from minnet.optimizers.multi import MultiOptimizer as MultiOptimizer
from minnet.optimizers.muon import Muon as Muon
from minnet.optimizers.radam import RAdam as RAdam
from minnet.optimizers.sgd import SGD as SGD

if not TYPE_CHECKING:  # type checkers read the imports: a computed __all__ would be an empty one to them
    __all__ = [name for name, value in tuple(globals().items()) if isinstance(value, type)]
answer_arguments(globals())
