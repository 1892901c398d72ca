"""A Regressor is a network that predicts quantities, as an estimator of scikit-learn."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array

from minnet.core.layer import Layer
from minnet.losses import Loss, MSELoss
from minnet.sklearn.estimator import Estimator, can_go_on
from minnet.sklearn.network import Network
from minnet.sklearn.samples import Samples, Standard


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A network that predicts quantities, trained by a minnet Trainer: an estimator of scikit-learn.

    The parameters are those of `Classifier`, but for these.

    Parameters
    ----------
    model, hidden_layer_sizes, activation, optimizer, learning_rate_init, alpha, batch_size, max_iter
        See `Classifier`. The model has one output for each column of y.
    loss
        A loss that compares number with number: None for `MSELoss`, or such as "HuberLoss".
    standardize
        Whether X (unless it is sparse) and y are brought to mean 0 and deviation 1. The loss, in `loss_curve_` too, is
        that of the standardised y; predictions and `model_` are in the units of y.
    early_stopping, validation_fraction, n_iter_no_change, tol, callbacks, warm_start, random_state, verbose
        See `Classifier`.

    Attributes
    ----------
    model_, trainer_, history_, loss_curve_, n_iter_, n_features_in_, feature_names_in_
        See `Classifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> Regressor(random_state=0).fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.4
    True
    """

    @available_if(can_go_on)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one pass over X and y, and go on from the passes before; see `fit`.

        With `standardize`, the means and deviations are those of all samples so far.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted quantities, of the shape of y: (N,) or (N, K)."""
        outputs = self._outputs(X)
        y = self._network.predicted(outputs)
        predicted: NDArray[Any] = y[:, 0] if self._one_dimensional else y
        return predicted

    def _encoded(self, y: Any, again: bool, classes: Any = None) -> NDArray[Any]:
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        self._one_dimensional = y.ndim == 1
        y = y.reshape(len(y), -1)
        if again and y.shape[1] != self._network.outputs:
            raise ValueError(f"y has {y.shape[1]} columns, but had {self._network.outputs} in the fit before")
        self._columns = y.shape[1]
        quantities: NDArray[Any] = y
        return quantities

    def _outputs_for(self, loss: Loss | None) -> tuple[tuple[int, ...], str]:
        return (self._columns,), f"{self._columns} quantities a sample"

    def _default_loss(self, last: Layer, outputs: int) -> Loss:
        return MSELoss()

    def _finish(self, network: Network, samples: Samples) -> None:
        if network.loss.classifies:
            raise ValueError(f"Regressor got {network.loss.describe()}, a loss for classes: use Classifier")
        if self.standardize:
            network.of_y = Standard(samples.y, samples.weight, network.dtype, inverse=True)

    def _with_targets(self, samples: Samples, network: Network) -> Samples:
        y = samples.y.astype(network.dtype) if network.of_y is None else network.of_y.apply(samples.y)
        return replace(samples, y=y)
