"""scikit-learn by `partial_fit`, a batch at a time, with its most similar models, which are not quite the same."""

import itertools
from collections.abc import Callable

import numpy as np
from rounds import Call
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from works import Data, Weights, Work, shuffled

CLASSES = np.arange(10)


def contenders(work: Work, data: Data, remark: Callable[[str], None]) -> list["Sklearn"]:
    """Return scikit-learn's way to do a work, if there is one."""
    if work.key == "W1":
        remark(
            "scikit-learn's SGDClassifier is another model: ten of one class against the rest, and it learns from one "
            "sample after the other, so its learning rate is divided by the batch size"
        )
        model = SGDClassifier(loss="log_loss", alpha=0.0, learning_rate="constant", eta0=work.lr / work.batch_size)
    elif work.key in ("W3", "W3A"):
        model = MLPClassifier(
            (work.sizes[1],), solver=work.optimizer.lower(), alpha=0.0, batch_size=work.batch_size, random_state=0,
            learning_rate_init=work.lr, momentum=0.0, nesterovs_momentum=False,
        )  # fmt: skip
    else:
        return []
    return [Sklearn("scikit-learn", model, work, data)]


def predictors(weights: Weights, x: np.ndarray, remark: Callable[[str], None]) -> list[Call]:
    """Return scikit-learn's way to map one image to probabilities; it takes no single image without a batch axis."""
    if x.ndim == 1:
        return []
    if len(weights) == 1:
        model, (W, b) = LogisticRegression(), weights[0]
        model.classes_, model.coef_, model.intercept_ = CLASSES, np.ascontiguousarray(W.T), b
    else:
        model = MLPClassifier([len(b) for _, b in weights[:-1]])
        model.partial_fit(x.repeat(10, axis=0), CLASSES, classes=CLASSES)
        model.coefs_, model.intercepts_ = (list(arrays) for arrays in zip(*weights, strict=True))
    return [Call("scikit-learn", lambda: model.predict_proba(x))]


class Sklearn:
    """A model that is given one batch after the other."""

    def __init__(self, name: str, model: SGDClassifier | MLPClassifier, work: Work, data: Data) -> None:
        self.name = name
        self.model = model
        self.X, self.y = data.X, data.y
        self.rows = shuffled(len(data.X), work.batch_size)

    def run(self, steps: int) -> None:
        """Do so many steps."""
        for rows in itertools.islice(self.rows, steps):
            self.model.partial_fit(self.X[rows], self.y[rows], classes=CLASSES)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities."""
        return self.model.predict_proba(X)
