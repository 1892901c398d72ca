"""A Trainer runs the five lines of learning again and again, and looks up now and then to see how it goes."""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.callbacks import Callback, Progress
from minnet.core.arrays import Array, cast
from minnet.core.checks import check_int
from minnet.core.layer import Layer
from minnet.data.checks import as_data
from minnet.data.loader import Batch, DataLoader
from minnet.layers import LogSoftmax, Residual, Sequential, Softmax
from minnet.losses import CrossEntropyLoss, Loss, SoftmaxCrossEntropyLoss
from minnet.metrics import accuracy
from minnet.optimizers import Optimizer
from minnet.saving.checkpoint import Checkpoint
from minnet.training.evaluation import Evaluation
from minnet.training.fit_loop import Run, length_of
from minnet.training.history import History
from minnet.training.memory import keep_freed_memory
from minnet.training.validation import check_callbacks, check_evaluate, check_loader, check_metrics, check_set

Metric = Callable[[Array, Any], float]
Data = DataLoader | tuple[ArrayLike, ArrayLike]

EVALUATION_BATCH = 1000  # a few MB of MNIST at a time, large enough that the matrix products are fast


class Trainer:
    """Train a model: minimise a loss over batches, evaluate, and keep the history.

    Parameters
    ----------
    model
        The layer to train, usually a `Sequential`.
    loss
        What to make small.
    optimizer
        How: made with ``model.parameters()``.
    metrics
        What evaluations report beside the loss: name → function ``(prediction, target) -> float``,
        averaged over samples. By default the accuracy, if the loss takes class labels.
    accumulate
        Into how many parts to cut every batch. Their gradients add up to the batch's own, in a
        fraction of the memory that forward and backward take. (Layers that look at a whole batch see
        the parts.)
    threads
        How many threads work on a batch at the same time, each on as many parts as `accumulate` says; meant for
        convolutions and transformers, and for compiled steps of a single Linear; recurrent layers take longer so.
        Meanwhile BLAS uses one thread in the whole process. Takes the extra "threads".
    compiled
        Whether `fit` does its steps by compiled code, several in one call: for small networks of Linear layers and few
        activations; whatever else is refused. Losses and weights differ in how they are rounded, and gradients are
        not kept. Takes the extra "compiled".
    nonfinite
        What to do when a loss, a gradient or a weight is NaN or infinite: "stop" with an error that says where it
        began; "skip" the step, without an update (rows of the history say how many were ``skipped``); "ignore"
        looks at no gradient and no weight, and goes on.

    Attributes
    ----------
    history : History
        The rows of all runs so far.
    step, epoch : int
        How many were finished, in all runs.
    interrupted : bool
        Whether Ctrl-C, or an error, cut the last run short.
    stopped : bool
        Whether a callback ended the last run.
    last_loss : float
        The loss of the last step.
    prediction, target : ndarray
        The last step's prediction, made before its update, and what it should have been. Where compiled code did
        several steps at once, those of all of them.

    Raises
    ------
    TypeError, ValueError
        If the parts are not what their names say, or do not belong together.

    Examples
    --------
    >>> import minnet as mn
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> model = mn.Sequential(mn.Linear(2, 2, rng=0), mn.Softmax())
    >>> trainer = Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.5))
    >>> history = trainer.fit(mn.DataLoader(X, y, 10, shuffle=True, rng=0), epochs=20)
    >>> trainer.evaluate((X, y))["accuracy"]
    1.0
    """

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        optimizer: Optimizer,
        *,
        metrics: Mapping[str, Metric] | None = None,
        accumulate: int = 1,
        threads: int = 1,
        compiled: bool = False,
        nonfinite: Literal["stop", "skip", "ignore"] = "stop",
    ) -> None:
        for name, value, kind in (("model", model, Layer), ("loss", loss, Loss), ("optimizer", optimizer, Optimizer)):
            if not isinstance(value, kind):
                got = f"the class {value.__name__}: make one" if isinstance(value, type) else type(value).__name__
                raise TypeError(f"Trainer(model, loss, optimizer) expected {name} to be a {kind.__name__}, got {got}")
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        check_metrics({} if metrics is None else metrics)
        self.metrics = dict(metrics or ({"accuracy": accuracy} if metrics is None and loss.classifies else {}))
        if nonfinite not in ("stop", "skip", "ignore"):
            raise ValueError(f'Trainer expected nonfinite to be "stop", "skip" or "ignore", got {nonfinite!r}')
        self.nonfinite = nonfinite
        self.accumulate = check_int("Trainer", "accumulate", accumulate)
        self.threads = check_int("Trainer", "threads", threads)
        self.compiled = compiled
        self.history = History()
        self.step = 0
        self.epoch = 0
        self.interrupted = False
        self.last_loss = math.nan
        self.prediction: Array = np.empty(0)
        self.target: NDArray[Any] = np.empty(0)
        self._callbacks: dict[str, list[Any]] = {}
        self._run: Run | None = None
        self._evaluation = Evaluation(model, loss)
        self.stopped = False
        self._check_parts()
        if compiled:
            self._check_compiled()
        keep_freed_memory()

    def fit(
        self,
        loader: Iterable[Batch],
        *,
        epochs: int | None = None,
        steps: int | None = None,
        evaluate: Mapping[str, Data] | None = None,
        every: int | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = "auto",
        progress: bool = True,
    ) -> History:
        """Train for so many epochs or so many steps; call it again to train on.

        Ctrl-C ends the run after the current step, with the model as of that step and the history
        complete; `fit` then returns as usual.

        Parameters
        ----------
        loader
            The batches: a `DataLoader`, or anything that yields pairs (x, y) each time it is iterated
            over. Floats are converted to the model's dtype.
        epochs, steps
            How long to train: one of the two. An epoch is one pass over the loader.
        evaluate
            Name → data to evaluate on: a DataLoader or a pair (X, y), of which uint8 is scaled as the
            loader's is. "test" gives the columns test_loss, test_accuracy, ….
        every
            How many steps lie between two rows of history; by default a row an epoch. The end of the
            run always gives one.
        callbacks
            What else to do; see `minnet.callbacks`.
        checkpoint
            A folder, or a `Checkpoint` with a folder and more wishes: everything that decides the next step is
            written there every minute, at the end, and on Ctrl-C and SIGTERM.
        resume
            With a checkpoint: "auto" goes on from the newest in the folder, if there is one, so that a script
            that was killed is just started again; with ``epochs`` or ``steps`` counted from where the killed one
            began. A path goes on from that file; None refuses a folder with checkpoints.
        progress
            Whether to show a progress bar (only on a terminal).

        Returns
        -------
        History
            The same object as ``trainer.history``: one dict a row.

        Raises
        ------
        TypeError, ValueError
            If the arguments do not make sense; and what layers and losses raise, with a note that
            says at which step.
        NonFiniteError
            If a loss, a gradient or a weight is NaN or infinite (and ``nonfinite="stop"``): the message says
            where it began, in which batch, and the likely cause. The model has the weights of before that step.
        CheckpointError, OSError
            If the checkpoint to go on from is damaged or of another run; if none can be written in that folder.
        """
        steps, epochs = _count("steps", steps), _count("epochs", epochs)
        if (steps is None) == (epochs is None):
            raise ValueError("fit needs either epochs=... or steps=..., one of the two")
        if _count("every", every) == 0:
            raise ValueError("fit needs every >= 1, the steps between two rows of the history")
        check_loader(loader, epochs)
        evaluate = {} if evaluate is None else evaluate
        check_evaluate(evaluate)
        check_callbacks(callbacks)
        sets = {name: self._loader(name, data, loader) for name, data in evaluate.items()}
        check_set("the training data", self.model, self.loss, loader)
        if self.compiled:
            from minnet.compiled.supported import check_run

            self._check_compiled()
            check_run(self.model, self.loss, self.optimizer, loader, callbacks)
        for name, data in sets.items():
            check_set(f"the evaluation set {name!r}", self.model, self.loss, data)
        if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
            checkpoint = Checkpoint(checkpoint)
        total = steps if epochs is None else epochs * length if (length := length_of(loader)) else None
        self._enlist([*callbacks, Progress(total)] if progress else callbacks)
        self.stopped = False
        self._run = Run(
            self, loader, sets, steps=steps, epochs=epochs, every=every, callbacks=callbacks, checkpoint=checkpoint
        )
        try:
            self._run.go(resume)
        finally:
            self._run, self._callbacks = None, {}
        return self.history

    def train_step(self, x: Array, y: NDArray[Any]) -> float:
        """Learn from one batch and return its loss: the five lines, and the one method to override.

        For the layer that reads the data nobody uses dL/dx, hence `accumulate_grad` where the lesson
        has `backward`; ``self.model.backward(...)`` does the same and more.
        """
        self.optimizer.zero_grad()
        self.prediction = self.model.forward(x)
        value = self.loss.forward(self.prediction, y)
        self.model.accumulate_grad(self.loss.backward())
        self.update()
        return value

    def update(self) -> None:
        """Let the callbacks see the gradients, and let the optimizer make its step, if they are finite."""
        self.call("on_gradients")
        if self._run is not None:
            self._run.gradients_are_there()
        self.optimizer.step()

    def evaluate(self, data: Data) -> dict[str, float]:
        """Return the loss and the metrics over a data set, in eval mode, weighted by samples.

        Parameters
        ----------
        data
            A DataLoader, or a pair (X, y).

        Raises
        ------
        ValueError
            If there are no samples.
        """
        return self._evaluate(self._loader("data", data, None))

    def predict(self, X: ArrayLike) -> Array:
        """Return the model's outputs for X (N, ...), computed in eval mode, batch by batch.

        Raises
        ------
        TypeError, ValueError
            If X is not an array of samples, or what the layers raise.
        """
        X = as_data("predict", "X", X)
        loader = DataLoader(X, np.zeros(len(X), np.int8), EVALUATION_BATCH, check=False)
        with self._evaluation:
            dtype = self.model.dtype
            outputs = np.concatenate([self.model.forward(cast(x, dtype)) for x, _ in loader])
        if len(outputs) != len(X):
            raise ValueError(
                f"predict expected samples along the first axis, got X of shape {X.shape}, of which the model made "
                f"{outputs.shape}: one sample? Pass X[np.newaxis]"
            )
        return outputs

    def stop(self) -> None:
        """End the run after the current step; for callbacks."""
        self.stopped = True

    def learn(self, x: Array, y: NDArray[Any]) -> float:
        """Do a `train_step`, or the same part by part of the batch, and return the loss."""
        if self.accumulate == self.threads == 1 or self._run is None:
            return self.train_step(x, y)
        self.optimizer.zero_grad()
        value, self.prediction = self._run.team.learn(x, y)
        self.update()
        return value

    def call(self, moment: str, *arguments: Any) -> None:
        """Let the callbacks know of a moment."""
        for hook in self._callbacks.get(moment, ()):
            hook(self, *arguments)

    def _evaluate(self, loader: DataLoader) -> dict[str, float]:
        sums, samples, dtype = dict.fromkeys(["loss", *self.metrics], 0.0), 0, self.model.dtype
        with self._evaluation:
            for x, y in loader:
                prediction = self.model.forward(cast(x, dtype))
                sums["loss"] += self.loss.forward(prediction, y) * len(x)
                for name, metric in self.metrics.items():
                    sums[name] += float(metric(prediction, y)) * len(x)
                samples += len(x)
        return {name: value / samples for name, value in sums.items()}

    def _loader(self, name: str, data: Data, like: object) -> DataLoader:
        """Return a loader over evaluation data that treats uint8 as the training loader does."""
        if isinstance(data, DataLoader):
            return data
        if not isinstance(data, tuple) or len(data) != 2:
            raise TypeError(
                f"evaluation data {name!r}: expected a pair (X, y) or a DataLoader, got {type(data).__name__}"
            )
        scale = like.scale if isinstance(like, DataLoader) else 1 / 256
        try:
            return DataLoader(*data, batch_size=EVALUATION_BATCH, scale=scale)
        except (TypeError, ValueError) as error:
            error.add_note(f"in the evaluation set {name!r}")
            raise

    def _enlist(self, callbacks: Sequence[Callback]) -> None:
        """Sort the callbacks by the moments they override, so that a step pays for no others."""
        moments = [name for name in vars(Callback) if name.startswith("on_")]
        self._callbacks = {
            name: [getattr(c, name) for c in callbacks if getattr(type(c), name) is not getattr(Callback, name)]
            for name in moments
        }

    def _check_compiled(self) -> None:
        """Refuse what compiled=True does not support."""
        from minnet.compiled.supported import check_parts

        for name in ("train_step", "update", "learn"):
            if getattr(type(self), name) is not getattr(Trainer, name):
                raise ValueError(
                    f"compiled=True does not call {type(self).__name__}.{name}: leave out compiled=True, or the method"
                )
        check_parts(self.model, self.loss, self.optimizer, self.accumulate, self.threads)

    def _check_parts(self) -> None:
        """Refuse parts that cannot belong together."""
        own = {id(parameter) for parameter in self.model.parameters()}
        if not any(id(parameter) in own for parameter in self.optimizer.parameters):
            raise ValueError(
                "the optimizer holds no Parameter of this model, so nothing would be learned: "
                "make it with model.parameters(), after the model is complete"
            )
        if self.loss.reduction not in ("mean", "batchmean"):
            raise ValueError(
                f"the Trainer averages over samples, so the loss must be a mean, not {self.loss.describe()}: "
                "leave out reduction, or write the loop by hand"
            )
        last = self.model
        while isinstance(last, Sequential) and not isinstance(last, Residual):
            last = last.layers[-1]
        if isinstance(last, (Softmax, LogSoftmax)) and isinstance(self.loss, SoftmaxCrossEntropyLoss):
            raise ValueError(
                f"SoftmaxCrossEntropyLoss takes scores, but the model ends with {last.describe()}: remove that layer, "
                "or use CrossEntropyLoss (after Softmax) or NLLLoss (after LogSoftmax)"
            )
        if isinstance(last, LogSoftmax) and isinstance(self.loss, CrossEntropyLoss):
            raise ValueError("CrossEntropyLoss takes probabilities, but the model ends with LogSoftmax(): use NLLLoss")


def _count(name: str, value: int | None) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"fit expected {name} to be an int, got {type(value).__name__}")
    if value < 0:
        raise ValueError(f"fit needs {name} >= 0, got {value}")
    return int(value)
