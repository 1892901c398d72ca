"""What a Classifier and a Regressor share: their parameters, and how they learn with a Trainer."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from minnet.callbacks import Callback
from minnet.core.arrays import Array
from minnet.core.checks import check_int, check_number
from minnet.core.layer import Layer
from minnet.layers import Sequential
from minnet.losses import Loss
from minnet.sklearn import parts
from minnet.sklearn.held_out import NAME, HeldOut
from minnet.sklearn.network import Network
from minnet.sklearn.patience import Patience
from minnet.sklearn.samples import Samples, Standard, check_sample_weight
from minnet.sklearn.weighted_trainer import WeightedTrainer
from minnet.sklearn.worker import use_one_thread
from minnet.training.validation import check_callbacks

FLOATS = (np.float64, np.float32)
MOST = 200  # samples of a batch, with batch_size="auto"
DENSE = 2**20  # numbers of a sparse X that are dense at a time in predictions: 8 MB


def can_go_on(estimator: Any) -> bool:
    """Whether an estimator has `partial_fit`; an AttributeError says why not."""
    if estimator.early_stopping:
        raise AttributeError(
            "partial_fit holds no samples out, so it cannot stop early: set early_stopping=False, or use fit"
        )
    if isinstance(getattr(estimator, "class_weight", None), str):
        raise AttributeError(
            f"class_weight={estimator.class_weight!r} needs all of y, which partial_fit never sees: pass a dict, made "
            "by sklearn.utils.compute_class_weight, or use fit"
        )
    return True


class Estimator(BaseEstimator):  # type: ignore[misc]
    """The base of `Classifier` and `Regressor`, whose docstrings have the parameters."""

    def __init__(
        self,
        model: Any = None,
        *,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        loss: Any = None,
        optimizer: Any = "Adam",
        learning_rate_init: float = 0.001,
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        max_iter: int = 200,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = 10,
        tol: float = 1e-4,
        standardize: bool = True,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate_init = learning_rate_init
        self.alpha = alpha
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.standardize = standardize
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from X and y, in at most `max_iter` passes over them.

        Parameters
        ----------
        X
            (N, F): an array, a table of numbers, or a sparse matrix, whose rows become dense a batch at a time. float32
            is computed in float32, anything else in float64.
        y
            The targets, (N,) or (N, K).
        sample_weight
            (N,) numbers >= 0: how much each sample counts. 0 is the same as leaving the sample out, and a whole number
            k, where one batch holds all samples, the same as having it k times.

        Raises
        ------
        TypeError, ValueError
            If X or y hold NaN, infinity, or no numbers; if a parameter is wrong, or the model does not fit X and y.
        NonFiniteError
            If training diverges: it is a ValueError, and says where that began.
        KeyboardInterrupt
            After Ctrl-C, so that it ends a search, too. What was learned until then is kept: `predict` works.
        """
        epochs = check_int(self._name, "max_iter", self.max_iter, why="it is how many passes over the data are made")
        again = self.warm_start and hasattr(self, "trainer_")
        X, y = self._checked(X, y, reset=not again)
        samples, rng = self._samples(X, self._encoded(y, again), sample_weight), self._generator()
        held_out = None
        if self.early_stopping:
            share = check_number(self._name, "validation_fraction", self.validation_fraction, above=0, below=1)
            samples, held_out = samples.split(share, self._strata(samples.y), int(rng.integers(2**31)))
        network = self._network if again else self._built(samples, rng)
        self._train(network, self._new_trainer(network, samples), samples, epochs, held_out)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Make one pass over X and y, and go on from the passes before."""
        again = hasattr(self, "trainer_")
        X, y = self._checked(X, y, reset=not again)
        samples = self._samples(X, self._encoded(y, again, classes), sample_weight)
        if again:
            self._network.learn_from(samples)
            self._train(self._network, self.trainer_, samples, 1)
        else:
            network = self._built(samples, self._generator())
            self._train(network, self._new_trainer(network, samples), samples, 1)
        return self

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Return X as floats, an array or CSR, and y as an array."""
        X, y = validate_data(self, X, y, reset=reset, accept_sparse="csr", dtype=FLOATS, multi_output=True)
        return X, y

    def _samples(self, X: Any, y: NDArray[Any], sample_weight: Any) -> Samples:
        """Return what there is to learn from, without samples of weight 0."""
        samples = Samples(X, y, check_sample_weight(sample_weight, X)).counted()
        return replace(samples, weight=self._weighted(samples.y, samples.weight))

    def _generator(self) -> np.random.Generator:
        """Return the random numbers of a fit: of weights, orders, and what is held out."""
        return np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))

    def _built(self, samples: Samples, rng: np.random.Generator) -> Network:
        """Return a new network for these samples."""
        name, inputs, dtype = self._name, samples.X.shape[1], samples.X.dtype
        loss = None if self.loss is None else parts.make_loss(name, self.loss)
        wanted, meaning = self._outputs_for(loss)
        if self.model is None:
            chain = parts.make_dense(name, self.hidden_layer_sizes, self.activation, inputs, wanted[0], loss, rng)
            model: Layer = Sequential(*chain)
        else:
            seeded = self.random_state is not None
            chain = [model := parts.make_model(name, self.model, inputs, wanted[0], rng, seeded)]
        outputs = parts.outputs_of(name, model.astype(dtype), samples.dense(slice(1)), wanted, meaning)
        loss = loss or self._default_loss(parts.last_layer(model), outputs)
        # The deviation of a rare word is tiny: divided by it, a text classifier had 78 % instead of 95 %.
        scaled = self.standardize and not issparse(samples.X)
        of_x = Standard(samples.X, samples.weight, dtype) if scaled else None
        if of_x is not None:
            model = Sequential(of_x.layer, *chain)
        network = Network(model, loss, outputs, rng, of_x)
        network.count(samples)
        self._finish(network, samples)
        return network

    def _new_trainer(self, network: Network, samples: Samples) -> WeightedTrainer:
        """Return a Trainer with a new optimizer, whose weights decay as much as in scikit-learn's networks."""
        alpha = check_number(self._name, "alpha", self.alpha, 0)
        decay = alpha / (self._batch_size(samples) * network.mean_weight)
        lr, given = self.learning_rate_init, network.model.parameters()
        optimizer = parts.make_optimizer(self._name, self.optimizer, given, lr, decay)
        return WeightedTrainer(network.model, network.loss, optimizer, metrics=self._metrics(network.loss))

    def _train(
        self,
        network: Network,
        trainer: WeightedTrainer,
        samples: Samples,
        epochs: int,
        held_out: Samples | None = None,
    ) -> None:
        """Train for so many epochs, or until nothing improves any more."""
        use_one_thread()
        samples, size = self._with_targets(samples, network), self._batch_size(samples)
        trainer.mean_weight = network.mean_weight
        callbacks = [
            *copy.deepcopy(check_callbacks(self.callbacks or ())),
            *self._stopping(epochs, held_out is not None),
        ]
        if held_out is not None:
            callbacks.insert(0, HeldOut(self._with_targets(held_out, network).loader(MOST)))
        try:
            trainer.fit(
                samples.loader(size, network.rng),
                epochs=epochs,
                callbacks=callbacks,
                progress="rows" if self.verbose else False,
                on_interrupt="raise",
            )
        except KeyboardInterrupt:
            self._keep(network, trainer)
            raise
        self._keep(network, trainer)

    def _keep(self, network: Network, trainer: WeightedTrainer) -> None:
        """Keep what was learned, in attributes as scikit-learn names them."""
        self._network, self.trainer_, self.model_ = network, trainer, network.whole
        self.history_ = trainer.history
        self.loss_curve_ = trainer.history.column("loss") if trainer.history else []
        self.n_iter_ = trainer.epoch

    def _stopping(self, epochs: int, held_out: bool) -> list[Callback]:
        """Return what stops the run early."""
        patience = self.n_iter_no_change
        if patience in (None, math.inf) or epochs == 1:
            return []
        tol = check_number(self._name, "tol", self.tol, 0)
        patience = check_int(self._name, "n_iter_no_change", patience, why="it counts epochs without improvement")
        return [Patience(f"{NAME}_loss" if held_out else "loss", patience, tol, restore=held_out)]

    def _batch_size(self, samples: Samples) -> int:
        """Return how many samples a batch has, at most all."""
        if isinstance(self.batch_size, str) and self.batch_size == "auto":
            return min(MOST, len(samples))
        return min(check_int(self._name, "batch_size", self.batch_size, why="or 'auto'"), len(samples))

    def _outputs(self, X: Any) -> Array:
        """Return the outputs of the trained model."""
        check_is_fitted(self, "trainer_")
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=FLOATS)
        if not issparse(X):
            predicted: Array = self.trainer_.predict(X)
            return predicted
        step = max(DENSE // X.shape[1], 1)
        rows = range(0, X.shape[0], step)
        outputs: Array = np.concatenate([self.trainer_.predict(X[row : row + step].toarray()) for row in rows])
        return outputs

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags

    # What differs between classes and quantities.

    def _encoded(self, y: Any, again: bool, classes: Any = None) -> NDArray[Any]:
        """Return y as the numbers of classes, as 0 and 1 (N, labels), or as quantities (N, K)."""
        raise NotImplementedError

    def _weighted(self, y: NDArray[Any], weight: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """Return the samples' weights times those of their classes."""
        return weight

    def _strata(self, y: NDArray[Any]) -> NDArray[Any] | None:
        """Return what has the same shares among the samples that are held out."""
        return None

    def _outputs_for(self, loss: Loss | None) -> tuple[tuple[int, ...], str]:
        """Return how many outputs the model may have, the best first, and why in words."""
        raise NotImplementedError

    def _default_loss(self, last: Layer, outputs: int) -> Loss:
        """Return the loss for a model that ends with this layer."""
        raise NotImplementedError

    def _metrics(self, loss: Loss) -> dict[str, Any]:
        """Return what is measured on the samples that are held out, beside the loss."""
        return {}

    def _finish(self, network: Network, samples: Samples) -> None:
        """Complete a new network."""

    def _with_targets(self, samples: Samples, network: Network) -> Samples:
        """Return the samples with the targets that the loss takes."""
        raise NotImplementedError
