"""A Classifier is a network that predicts classes, as an estimator of scikit-learn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_class_weight, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from minnet.callbacks import Callback
from minnet.core.arrays import TINY, Array
from minnet.core.layer import Layer
from minnet.core.special import exponentials, sigmoid
from minnet.layers import LogSoftmax, Sigmoid, Softmax
from minnet.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    Loss,
    NLLLoss,
    SoftmaxCrossEntropyLoss,
)
from minnet.metrics import Accuracy
from minnet.sklearn import parts
from minnet.sklearn.estimator import Estimator, can_go_on
from minnet.sklearn.network import Network
from minnet.sklearn.samples import Samples


def _has_probabilities(estimator: Any) -> bool:
    """Whether the loss says how outputs become probabilities; an AttributeError says which do."""
    if hasattr(estimator, "_network"):
        takes = estimator._network.loss.takes
    else:
        takes = "scores" if estimator.loss is None else parts.make_loss("Classifier", estimator.loss).takes
    if takes is None:
        raise AttributeError(
            f"there are no probabilities with loss={estimator.loss!r}: use decision_function, or a loss that makes "
            "them, such as SoftmaxCrossEntropyLoss; a loss of your own says what it takes: takes = 'scores'"
        )
    return True


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A network that predicts classes, trained by a minnet Trainer: an estimator of scikit-learn.

    Parameters that `sklearn.neural_network.MLPClassifier` also has mean the same, and have its defaults.

    Parameters
    ----------
    model
        None: dense layers by `hidden_layer_sizes` and `activation`. A function ``(n_features, n_outputs) -> Layer``,
        which is called in `fit`; if it has an argument ``rng``, it is given the random numbers of `random_state` for
        its layers. Or a Layer with the right sizes, which is copied, weights and all.
    hidden_layer_sizes
        How many units each hidden layer has; ``()`` is logistic regression.
    activation
        "relu", "tanh", "logistic", "identity", or the name or class of a layer, such as "GELU".
    loss
        The name, class or object of a loss, or a function that makes one. None: what fits the end of the model, the
        cross-entropy of classes, or of yes and no, if there are several labels a sample or the model has one output.
    optimizer
        The name or class of an optimizer, or a function ``(parameters, lr) -> Optimizer``, such as
        ``functools.partial(mn.SGD, momentum=0.9)``.
    learning_rate_init
        The learning rate.
    alpha
        The penalty α/2 ‖W‖² of all weights, but not of biases, divided by the samples of a batch: weight decay. An
        optimizer with a weight decay of its own (AdamW) keeps that.
    batch_size
        How many samples a step learns from; "auto": 200, or all if there are fewer.
    max_iter
        How many epochs, passes over the data, are made at most.
    early_stopping
        Whether a share of the samples is held out (of each class, unless one is too rare), and training stops when the
        loss of these no longer improves. The weights are then those of the best epoch.
    validation_fraction
        The share that is held out.
    n_iter_no_change, tol
        Stop after so many epochs in which the loss (of training, or of what is held out) has not improved by `tol`.
        None makes all `max_iter` epochs.
    standardize
        Whether X is brought to mean 0 and deviation 1, by a `Normalize` as the first layer. A sparse X is left as it
        is, because the deviation of a rare word is tiny, and divided by it, the word would count too much.
    class_weight
        "balanced", or a dict of class → weight (for several labels: a list of dicts): it multiplies sample_weight.
    callbacks
        A list of minnet's callbacks, such as a schedule of the learning rate. Each fit uses copies.
    warm_start
        Whether `fit` goes on with the weights of the last fit.
    random_state
        None, a seed, or a RandomState: first weights, order of the samples, what is held out.
    verbose
        Whether to print a line for each epoch.

    Attributes
    ----------
    classes_ : array
        The classes, in the order of the model's outputs; of several labels their numbers.
    model_ : Layer
        The trained model: ``mn.save(classifier.model_, path)``.
    trainer_ : Trainer
        What trained it.
    history_ : History
        A row for each epoch, with "validation_loss" and "validation_accuracy" if there is early stopping.
    loss_curve_ : list of float
        The training loss of each epoch.
    n_iter_ : int
        How many epochs were made.
    n_features_in_, feature_names_in_
        The number of features, and their names, if X is a table with names.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> Classifier(max_iter=100, random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

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
        class_weight: Any = None,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            model,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            loss=loss,
            optimizer=optimizer,
            learning_rate_init=learning_rate_init,
            alpha=alpha,
            batch_size=batch_size,
            max_iter=max_iter,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            standardize=standardize,
            callbacks=callbacks,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    @available_if(can_go_on)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Make one pass over X and y, and go on from the passes before; see `fit`.

        With `standardize`, the means and deviations are those of all samples so far.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes
            All classes that any y will hold: needed in the first call, and the same in each.
        """
        if classes is None and not hasattr(self, "trainer_"):
            raise ValueError("classes must be passed on the first call to partial_fit: all that any y will hold")
        return self._partial_fit(X, y, sample_weight, classes)

    _multilabel: bool  # whether a sample has several labels
    _label_dtype: "np.dtype[Any]"  # of these

    def decision_function(self, X: Any) -> Array:
        """Return scores: (N,) for two classes, above 0 for the second; else (N, classes) or (N, labels)."""
        z = self._scores(X)
        if self._multilabel or z.shape[1] > 2:
            return z
        return z[:, 0] if z.shape[1] == 1 else z[:, 1] - z[:, 0]

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the classes (N,), or 0 and 1 for each label (N, labels)."""
        scores = self.decision_function(X)
        if self._multilabel:
            return (scores > 0).astype(self._label_dtype)
        numbers = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        predicted: NDArray[Any] = self.classes_[np.minimum(numbers, len(self.classes_) - 1)]
        return predicted

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class (N, classes), or of each label (N, labels)."""
        z = self._scores(X)
        loss, classes = self._network.loss, len(self.classes_)
        if loss.classifies:
            p, total = exponentials(z - z.max(axis=1, keepdims=True))
            p /= total
        else:
            p = sigmoid(z)
            if z.shape[1] == 1:
                p = np.hstack([sigmoid(-z), p])
            elif not self._multilabel:
                p /= p.sum(axis=1, keepdims=True)
        return p if classes > 1 else np.ones((len(z), 1), z.dtype)

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`."""
        p: Array = self.predict_proba(X)
        logs: Array = np.log(np.maximum(p, TINY[p.dtype]))
        return logs

    def _scores(self, X: Any) -> Array:
        """Return the outputs as scores, whose softmax or sigmoid are the probabilities, and 0 is between yes and no."""
        z = self._outputs(X)
        loss, tiny = self._network.loss, TINY[z.dtype]
        if loss.takes == "probabilities":
            logs: Array = np.log(np.maximum(z, tiny))
            return logs if loss.classifies else logs - np.log(np.maximum(1 - z, tiny))
        return z if loss.classifies else z - z.dtype.type(_threshold(loss))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        several = self.loss is None or not parts.make_loss(self._name, self.loss).classifies
        tags.classifier_tags.multi_label = tags.target_tags.multi_output = several
        return tags

    def _encoded(self, y: Any, again: bool, classes: Any = None) -> NDArray[Any]:
        kind = type_of_target(y, input_name="y")
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)  # which raises the error, for all but one kind
        if kind == "multiclass-multioutput":
            raise ValueError(
                "Classifier takes several labels a sample as 0 and 1, not several classes: wrap it in "
                "sklearn.multioutput.MultiOutputClassifier"
            )
        multilabel = kind == "multilabel-indicator"
        if again and multilabel != self._multilabel:
            raise ValueError("y has several labels a sample, or one class, other than in the fit before")
        y = y.toarray() if issparse(y) else np.asarray(y)
        if multilabel:
            return self._encoded_labels(y, again)
        y = column_or_1d(y, warn=True)
        if not again:
            self._multilabel = False
            if classes is None:
                self.classes_, numbers = np.unique(y, return_inverse=True)
                return np.asarray(numbers)
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes={classes!r} are not those of the first call to partial_fit, {self.classes_.tolist()}: leave "
                "them out, or make a new Classifier"
            )
        known = np.isin(y, self.classes_)
        if not known.all():
            raise ValueError(f"y holds classes that were not given before: {np.unique(y[~known])[:5].tolist()}")
        numbers = np.searchsorted(self.classes_, y)
        return np.asarray(numbers)

    def _encoded_labels(self, y: NDArray[Any], again: bool) -> NDArray[Any]:
        """Return several labels a sample, (N, labels)."""
        labels = y.shape[1]
        if again and labels != len(self.classes_):
            raise ValueError(f"y has {labels} labels a sample, but had {len(self.classes_)} in the fit before")
        self._multilabel, self._label_dtype, self.classes_ = True, y.dtype, np.arange(labels)
        return y

    def _weighted(self, y: NDArray[Any], weight: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        given, classes = self.class_weight, self.classes_
        if given is None:
            return weight
        factors: NDArray[np.float64]
        if self._multilabel:
            factors = compute_sample_weight(given, y)
        elif isinstance(given, str) and given == "balanced":
            totals = np.bincount(y, weight, len(classes))  # so that a weight of 2 is the same as two samples
            present = totals > 0
            factors = (totals.sum() / (present.sum() * np.where(present, totals, 1)))[y]
        else:
            factors = compute_class_weight(given, classes=classes, y=classes[y])[y]
        return factors if weight is None else weight * factors

    def _strata(self, y: NDArray[Any]) -> NDArray[Any] | None:
        return None if self._multilabel else y

    def _outputs_for(self, loss: Loss | None) -> tuple[tuple[int, ...], str]:
        classes = len(self.classes_)
        if self._multilabel:
            return (classes,), f"{classes} labels a sample"
        if classes > 2:
            return (classes,), f"{classes} classes"
        if loss is None:
            return (2, 1), "two classes"
        return (2 if loss.classifies else 1,), f"two classes, and {loss.describe()} takes that for them"

    def _default_loss(self, last: Layer, outputs: int) -> Loss:
        if self._multilabel or outputs == 1:
            return BCELoss() if isinstance(last, Sigmoid) else BCEWithLogitsLoss()
        if isinstance(last, Softmax | LogSoftmax):
            return CrossEntropyLoss() if isinstance(last, Softmax) else NLLLoss()
        return SoftmaxCrossEntropyLoss()

    def _metrics(self, loss: Loss) -> dict[str, Any]:
        one_of_many = not (loss.classifies or self._multilabel) and len(self.classes_) > 2
        return {} if one_of_many else {"accuracy": Accuracy(threshold=None if loss.classifies else _threshold(loss))}

    def _finish(self, network: Network, samples: Samples) -> None:
        if self._multilabel and network.loss.classifies:
            raise ValueError(
                f"y has several labels a sample, but {network.loss.describe()} takes one class: leave out the loss, or "
                "use BCEWithLogitsLoss"
            )
        if network.outputs == len(self.classes_) and not self._multilabel:
            network.model.class_names = [str(name) for name in self.classes_]

    def _with_targets(self, samples: Samples, network: Network) -> Samples:
        if network.loss.classifies:
            return samples
        y = samples.y
        if not self._multilabel:
            y = y[:, None] if network.outputs == 1 else y[:, None] == np.arange(network.outputs)
        y = y.astype(network.dtype)
        return replace(samples, y=2 * y - 1 if isinstance(network.loss, HingeLoss) else y)


def _threshold(loss: Loss) -> float:
    """Return above which output a yes begins, whose target is 1."""
    return 0.5 if loss.threshold is None else loss.threshold
