"""A Trainer trains a model: it does the five lines of learning for every batch, evaluates, and keeps the history."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, Literal

import numpy as np

from minnet.callbacks import Callback
from minnet.callbacks.base import Hooks, hooks
from minnet.callbacks.busy_machine import watch
from minnet.callbacks.participants import Participants
from minnet.callbacks.progress import shown_by
from minnet.compiled.steps import supported
from minnet.compiled.steps.steps import CompiledSteps
from minnet.compiled.twins.table import using_twins
from minnet.core.blas import one_thread
from minnet.core.checks import check_choice, check_flag, check_int
from minnet.core.console import silenced
from minnet.core.layer import Layer
from minnet.core.samples import as_data
from minnet.core.trees import as_tree, call
from minnet.data.collate import Collate, as_samples
from minnet.data.epoch import Batch
from minnet.data.loader import DataLoader
from minnet.data.prefetch import unwrapped
from minnet.layers.normalization.normalize import check_scale
from minnet.losses.base import Loss, weight_of
from minnet.losses.multi import losses_of
from minnet.losses.totals import loss_of
from minnet.metrics import Metric
from minnet.metrics.functions import Function
from minnet.mpi.communicator import MPI
from minnet.mpi.together import check_same, together
from minnet.optimizers import Optimizer
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.loaders import length_of
from minnet.saving.run_parts import RunParts
from minnet.training import validation
from minnet.training.access import Access
from minnet.training.closure import ClosureSteps
from minnet.training.evaluation import EvaluationMode, check_batch_size, evaluated, predicted, predicted_batches
from minnet.training.fit_loop import FitLoop, Plan
from minnet.training.history import History
from minnet.training.job import JobLearning, JobSteps, check_parallel, watched
from minnet.training.measures import check_columns, check_metrics, check_parts_take_weights, default_metrics
from minnet.training.memory import keep_freed_memory
from minnet.training.nonfinite import NonFiniteChecks
from minnet.training.options import METHODS, check_options, own_methods
from minnet.training.parallel import ParallelSteps
from minnet.training.shared_evaluation import evaluated_together
from minnet.training.shown import shown
from minnet.training.signals import Interrupts, JobInterrupts
from minnet.training.state import TrainingState, of_state
from minnet.training.steps import ManySteps, Steps
from minnet.training.stream_scale import scale_of
from minnet.training.validation import Data


class Trainer:
    """Train a model: minimise a loss over batches, evaluate, and keep the history.

    Parameters
    ----------
    model
        The layer to train, usually a `Sequential`.
    loss
        What is minimised.
    optimizer
        What changes the weights: made with ``model.parameters()``. It may hold a part of them.
    metrics
        What evaluations report beside the loss: name → a metric of `minnet.metrics`, or a function ``(prediction,
        target) -> float``, which is called once with those of the whole set (or batch by batch, and averaged over
        samples, if it says ``function.additive = True``). By default the accuracy, if the loss takes class labels; of
        a `MultiLoss`, of each output whose loss does. Metrics leave out the labels that the loss ignores.
    accumulate
        Into how many parts to cut every batch, which saves memory: the gradients of the parts add up to the batch's.
        (Layers that use statistics of a batch, such as BatchNorm1d, see the parts.)
    threads
        How many threads work on a batch at the same time, each on `accumulate` parts; BLAS then uses one thread in
        the whole process. Large batches of convolutions and transformers gain from it; with ``compiled=True``, those of
        recurrent layers do, too, and so do whole steps of layers with up to 32 outputs each. All other batches are done
        by one thread and those of BLAS. Needs the extra "threads".
    compiled
        Whether compiled code takes the place of formulas: of those layers, losses and optimizers that have such a twin.
        In networks of Linear layers, it takes the place of whole steps, several in one call (gradients are not kept
        then). Rounding differs. Needs the extra "compiled".
    parallel
        `MPI()`: the processes of a job, started by ``mpiexec``, train the model together, each on its part of every
        batch. Needs the extra "mpi".
    nonfinite
        What to do when a loss, a gradient or a weight is NaN or infinite: "stop" with an error that says where it
        began; "skip" the step, without an update (rows of the history say how many were ``skipped``); "ignore"
        checks no gradient and no weight, and goes on.

    Attributes
    ----------
    history : History
        The rows of all runs so far.

    Raises
    ------
    TypeError, ValueError
        If the parts are not what their names say, or do not belong together.

    Examples
    --------
    >>> import minnet as mn, numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = (X[:, 0] > X[:, 1]).astype(int)
    >>> model = mn.Sequential(mn.Linear(2, 2, rng=0), mn.Softmax())
    >>> trainer = Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.5))
    >>> history = trainer.fit(mn.DataLoader(X, y, 10, shuffle=True, rng=0), epochs=20)
    >>> trainer.evaluate((X, y))["accuracy"]
    1.0
    """

    __repr__ = shown
    step: int = of_state("step", "How many steps were finished, in all runs.")
    epoch: int = of_state("epoch", "How many epochs were finished, in all runs.")
    last_loss: float = of_state("last_loss", "The loss of the last step.")
    prediction: Any = of_state("prediction", "The prediction of the last step or compiled call, before its update.")
    target: Any = of_state("target", "The target of `prediction`.")
    stopped: bool = of_state("stopped", "Whether a callback ended the last run.")
    interrupted: bool = of_state("interrupted", "Whether Ctrl-C, or an error, ended the last run early.")

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        optimizer: Optimizer,
        *,
        metrics: Mapping[str, Metric | Function] | None = None,
        accumulate: int = 1,
        threads: int = 1,
        compiled: bool = False,
        parallel: MPI | None = None,
        nonfinite: Literal["stop", "skip", "ignore"] = "stop",
    ) -> None:
        validation.check_parts(model, loss, optimizer, {} if metrics is None else metrics)
        of_subclass = set(vars(self))
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.metrics: dict[str, Metric | Function] = dict(default_metrics(loss) if metrics is None else metrics)
        self.nonfinite = check_choice("Trainer", "nonfinite", nonfinite, ("stop", "skip", "ignore"))
        self.accumulate = check_int("Trainer", "accumulate", accumulate)
        self.threads = check_int("Trainer", "threads", threads)
        self.compiled = check_flag("Trainer", "compiled", compiled)
        self.parallel = check_parallel(parallel)
        self.history = History()
        self.state = TrainingState()
        self._hooks: Hooks = {}
        self._checks: NonFiniteChecks | None = None
        self._access = Access()
        self._own = frozenset(vars(self)) - of_subclass | {"_own"}  # a subclass's others are kept by checkpoints
        check_options(self, Trainer)
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
        progress: bool | Literal["rows"] = True,
        on_interrupt: Literal["return", "raise"] = "return",
    ) -> History:
        """Train for so many epochs or so many steps; call it again to train on.

        Ctrl-C ends the run after the current step, and `fit` returns as usual: the model is as of that step, and the
        history is complete. A Trainer runs one `fit` at a time.

        A model in eval mode is switched to training mode, as a whole, and stays in it; so is a part of it that `load`
        or `load_model` returned. If only some layers in it are in eval mode (``model.layers[0].eval()``), they go on
        behaving so, during the run and after it, but `backward` goes through them.
        ``layer.freeze(statistics=True)`` makes that last through ``model.train()``.

        Parameters
        ----------
        loader
            The batches: a `DataLoader`, or anything that yields (x, y), or (x, y, sample_weight), each time it is
            iterated over, such as PyTorch's DataLoader. x and y are arrays (or tensors), or tuples or dicts of arrays;
            a tuple x is ``model.forward(*x)``, a dict ``model.forward(**x)``. Floats are converted to the model's
            dtype.
        epochs, steps
            How long to train: one of the two. An epoch is one pass over the loader. `epochs` begins with a new pass.
            `steps` goes on where this Trainer's last `fit` with the same loader object has left its pass, if it has
            not reached the end.
        evaluate
            Name → data to evaluate on: a tuple (X, y) or (X, y, sample_weight), a DataLoader, or anything that yields
            batches each time (a list, not a tuple). "test" gives the columns test_loss, test_accuracy, …. uint8 of a
            tuple is scaled as the training loader's, which becomes the model's `input_scale`.
        every
            How many steps lie between two rows of history; by default a row an epoch. The end of the run adds one.
        callbacks
            What to do beside; see `minnet.callbacks`. Each `fit` uses them as if they were new.
        checkpoint
            A folder, or a `Checkpoint` with a folder and options: everything that decides the next step is written
            there every minute, at the end, and on Ctrl-C and SIGTERM.
        resume
            With a checkpoint: "auto" goes on from the newest in the folder, if there is one. So a script that was
            killed is started again without a change: ``epochs`` or ``steps`` count from where the killed run began.
            A path goes on from that file; None refuses a folder with checkpoints.
        progress
            True shows a bar on a terminal and in a notebook, and nothing elsewhere. "rows" prints each row of the
            history as a line to stderr, which suits files, pipes and logs. False shows nothing.
        on_interrupt
            What Ctrl-C does, after callbacks and checkpoints are done: "return" goes on with the script, as for a run
            that is complete; "raise" raises KeyboardInterrupt, so that a script of several fits ends with this one.

        Returns
        -------
        History
            The same object as ``trainer.history``: one dict a row.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong; and what layers and losses raise, with a note that says at which step.
        NonFiniteError
            If a loss, a gradient or a weight is NaN or infinite (and ``nonfinite="stop"``): the message says
            where it began, in which batch, and the likely cause. The model has the weights from before that step.
        CheckpointError, OSError
            If the checkpoint to go on from is damaged or of another run; if the folder cannot be written to.
        RuntimeError
            If this Trainer is in a `fit` already, whether a callback or another thread calls, or is evaluating in
            another thread; if another thread trains the model; if a callback is in use by another `fit`.

        Warns
        -----
        TrainingWarning
            If the optimizer does not hold a Parameter that is trainable: at the beginning, and of those that a callback
            unfroze or replaced at the end.
        """
        mpi = self._ranks()
        with together(mpi):  # no rank may wait for one whose arguments are refused
            plan = self._planned(steps, epochs, every, on_interrupt)
            if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
                checkpoint = Checkpoint(checkpoint)
        check_same(mpi, steps=plan.steps, epochs=plan.epochs, on_interrupt=on_interrupt, checkpoint=bool(checkpoint))
        quiet = nullcontext() if mpi is None or mpi.rank == 0 else silenced()
        with watched(mpi, self.state, checkpoint), self._access.fit(self.model), quiet, using_twins(self.compiled):
            with together(mpi):
                callbacks = validation.check_callbacks(callbacks)
                parts = self._checked_parts(loader, plan.epochs, {} if evaluate is None else evaluate, callbacks)
            untrained = validation.warn_of_untrained(self.model, self.loss, self.optimizer)
            length = length_of(loader)
            total = plan.steps if plan.epochs is None else plan.epochs * length if length else None
            everyone = [*callbacks, *shown_by(progress, total), *watch(), *scale_of(unwrapped(loader))]
            if mpi is not None and mpi.rank:
                everyone = [callback for callback in everyone if not callback.rank_zero_only]
            self._hooks, participants = hooks(everyone), Participants(everyone, self)
            try:
                if self.nonfinite != "ignore":
                    stops = self.nonfinite == "stop"
                    self._checks = NonFiniteChecks(self.model, self.loss, self.optimizer, stops=stops)
                how = self._steps(parts, checkpoint)
                FitLoop(parts, plan, how, checkpoint, participants, self.notify, self._evaluation(mpi)).run(resume)
            finally:
                self._hooks, self._checks = {}, None
            validation.warn_of_untrained(self.model, self.loss, self.optimizer, known=untrained)
        return self.history

    def _planned(self, steps: int | None, epochs: int | None, every: int | None, on_interrupt: str) -> Plan:
        """Return what a `fit` is to do, or raise what is wrong with these arguments."""
        steps, epochs, every = validation.check_duration(steps, epochs, every)
        check_choice("fit", "on_interrupt", on_interrupt, ("return", "raise"))
        settings: dict[str, Any] = {name: getattr(self, name) for name in ("accumulate", "threads", "compiled")}
        settings |= {"every": every, "metrics": sorted(self.metrics)}
        return Plan(steps, epochs, every, self.nonfinite != "stop", on_interrupt == "raise", settings)

    def _checked_parts(
        self, loader: Iterable[Batch], epochs: int | None, evaluate: Mapping[str, Data], callbacks: list[Callback]
    ) -> RunParts:
        """Return the parts of a run, after a look at whether they belong together."""
        model, loss, optimizer = self.model, self.loss, self.optimizer
        read = unwrapped(loader)
        validation.check_loader(read, epochs)
        validation.check_schedules(callbacks, read)
        validation.check_trained(model, loss, optimizer)
        sets = validation.as_sets(evaluate, validation.training_scale(model, read))
        check_metrics(self.metrics)  # which may have been changed
        check_columns(sets, self.metrics, losses_of(loss))
        validation.check_weighted(read, sets, loss, self.metrics, self.train_step)
        # A product on two threads leaves one that spins for 100 ms, and takes a processor from the first steps.
        with one_thread if self.threads > 1 else nullcontext():
            validation.check_data(model, loss, read, sets, self.metrics)
        check_options(self, Trainer)
        validation.set_scale(model, read, sets)
        parallel = ParallelSteps(model, loss, self.threads, self.accumulate)
        given = model, loss, optimizer, self.metrics, sets, loader, callbacks
        return RunParts(*given, self.history, self.state, parallel, self)

    def train_step(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Learn from one batch and return its loss: the five lines, and the one method to override.

        `fit` gives it `sample_weight` only if the loader yields weights, so an override may leave it out.
        `accumulate_grad` is `backward` without dL/dx, which nobody uses here: the model's input is data.
        """
        self.optimizer.zero_grad()
        forward, loss = self.model.forward, self.loss
        prediction = self.state.prediction = forward(x) if type(x) is np.ndarray else call(forward, x)
        value: float = (
            loss.forward(prediction, y) if sample_weight is None else loss_of(loss, prediction, y, sample_weight)
        )
        self.model.accumulate_grad(loss.backward())
        self.update()
        return value

    def update(self) -> None:
        """Call the callbacks' `on_gradients`, check that the gradients are finite, and let the optimizer step."""
        self.notify("on_gradients")
        if self._checks is not None:
            if self._checks.optimizer is not self.optimizer:
                self._checks.watch(self.model, self.loss, self.optimizer)
            self._checks.check_gradients()
        self.optimizer.step()

    def evaluate(self, data: Data, *, batch_size: int | None = None) -> dict[str, float]:
        """Return the loss and the metrics of a data set, in eval mode; they do not depend on how it is cut.

        Parameters
        ----------
        data
            A tuple (X, y) or (X, y, sample_weight), whose uint8 is multiplied by the model's `input_scale`, a
            DataLoader, or anything that yields batches (a list, not a tuple). X and y are arrays, or tuples or dicts of
            arrays.
        batch_size
            How many samples of a pair go through the model at a time. None: up to 1,000, fewer if they are large.

        Raises
        ------
        TypeError, ValueError
            If there are no samples; if the DataLoader multiplies uint8 by another scale; if a metric is not defined for
            the set, or returns no number (a note says which).
        RuntimeError
            If another thread is in a `fit` of this Trainer.

        Notes
        -----
        In a job of several ranks, `evaluate` and `predict` work in the process that calls them, alone. Only the
        evaluations of ``fit(evaluate=...)`` are shared by the ranks.
        """
        return self._evaluated(data, evaluated, batch_size)

    def _evaluated(
        self, data: Data, how: Callable[..., dict[str, float]], batch_size: int | None = None
    ) -> dict[str, float]:
        """Evaluate by `evaluated`, or by `evaluated_together`."""
        check_batch_size("evaluate", batch_size)
        check_metrics(self.metrics)
        scale = check_scale(self.model, self.model.input_scale)
        batches = validation.as_loader("evaluate", "data", data, scale, batch_size=batch_size)
        if self.step and isinstance(batches, DataLoader):
            validation.warn_of_bytes("evaluate", "data", batches.X, self.model)
        with self._evaluating("evaluate"):
            return how(self.model, self.loss, self.metrics, batches)

    def predict(self, X: Any, *, batch_size: int | None = None, collate: Collate | None = None) -> Any:
        """Return the model's outputs for X (N, ...), computed in eval mode, batch by batch.

        Parameters
        ----------
        X
            The samples, along the first axis, in an array, or a tuple or dict of arrays; uint8 is multiplied by the
            model's `input_scale`. Or a loader of batches that is no `DataLoader`, such as PyTorch's: of each batch, x.
        batch_size
            How many samples go through the model at a time. None: up to 1,000, fewer if they are large.
        collate
            What makes a batch of samples, as for a `DataLoader`: `minnet.data.Pad` for sequences of several lengths. If
            the model has an output for each of their places, that is a list of arrays (T_n, ...), each as long as its
            sequence.

        Raises
        ------
        TypeError, ValueError
            If X is not an array of samples, or what the layers raise.
        RuntimeError
            If another thread is in a `fit` of this Trainer.
        """
        scale = check_scale(self.model, self.model.input_scale)
        if validation.is_loader_to_predict(X, batch_size, collate):
            with self._evaluating("predict"):
                return predicted_batches(self.model, X, scale)
        X = as_tree("predict", "X", X, as_data if collate is None else as_samples)
        check_batch_size("predict", batch_size)
        if self.step:
            validation.warn_of_bytes("predict", "X", X, self.model)
        with self._evaluating("predict"):
            return predicted(self.model, X, scale, batch_size, collate)

    @contextmanager
    def _evaluating(self, method: str) -> Iterator[None]:
        """Keep other threads away, in eval mode."""
        mode = EvaluationMode(self.model, self.loss)
        with self._access.evaluation(method, self.model), mode, using_twins(self.compiled):
            yield

    def stop(self) -> None:
        """End the run after the current step; for callbacks."""
        self.stopped = True

    def notify(self, moment: str, *arguments: Any) -> None:
        """Call the callbacks' methods of this name."""
        for hook in self._hooks.get(moment, ()):
            hook(self, *arguments)

    def _steps(self, parts: RunParts, checkpoint: Checkpoint | None) -> Steps:
        """Choose how steps are done: by `train_step`, in parallel, or by compiled code."""
        terminate = checkpoint is not None
        mpi = self._ranks()
        interrupts = Interrupts(terminate) if mpi is None else JobInterrupts(terminate)
        learn: Callable[..., float] = self.train_step
        if self.accumulate > 1 or self.threads > 1:
            learn = partial(self._train_step_in_parts, parts.parallel)
        if mpi is not None:
            given = self._trained, self.state, parts.parallel, self.update, interrupts, checkpoint
            learn = learning = JobLearning(mpi, *given)
        if self.optimizer.needs_closure:
            learn = ClosureSteps(learn, self._trained, self.state, parts.parallel)
        check = partial(check_parts_take_weights, self.loss, {}, self.train_step)
        state = learn, self.state, self.model.dtype, self._checks, interrupts
        shared = *state, lambda x, y, v: weight_of(self.loss, x, y, v), check, self._scale  # a callback may set it
        if mpi is not None:
            return JobSteps(learning, parts, *shared)
        if not (self.compiled and isinstance(parts.loader, DataLoader)) or own_methods(self, Trainer, *METHODS):
            return Steps(*shared)
        if supported.reason(*self._trained(), self.accumulate, parts.loader, parts.callbacks):
            return Steps(*shared)  # whose formulas have twins
        compiled = CompiledSteps(self.model, self.loss, self.optimizer, parts.loader, self.threads)
        compiled.compile()
        return ManySteps(compiled, parts.parallel, self._called, *shared)

    def _ranks(self) -> MPI | None:
        """Return the processes that train together; None if there is this one only."""
        return self.parallel if self.parallel is not None and self.parallel.size > 1 else None

    def _evaluation(self, mpi: MPI | None) -> Callable[[Data], dict[str, float]]:
        """Return what evaluates a set in `fit`: all ranks together, or `evaluate`, also if a subclass has its own."""
        if mpi is None or getattr(self.evaluate, "__func__", None) is not Trainer.evaluate:
            return self.evaluate
        return partial(self._evaluated, how=partial(evaluated_together, mpi))

    def _trained(self) -> tuple[Layer, Loss, Optimizer]:
        """Return what is trained: a callback may replace it."""
        return self.model, self.loss, self.optimizer

    def _called(self) -> tuple[Any, ...]:
        """Return what is trained, and which methods are not those of a Trainer: a callback may replace them, too."""
        return (*self._trained(), own_methods(self, Trainer, *METHODS))

    def _scale(self) -> float | None:
        """Return what uint8 tensors are multiplied by, which the model remembers: see `validation.set_scale`."""
        scale = self.model.input_scale = check_scale(self.model, self.model.input_scale)
        return scale

    def _train_step_in_parts(self, parallel: ParallelSteps, x: Any, y: Any, *weights: Any) -> float:
        """Do what `train_step` does, with the batch cut into parts, if it is to be cut."""
        if not parallel.cuts(x, y, *weights):
            return Trainer.train_step(self, x, y, *weights)
        self.optimizer.zero_grad()
        value, self.prediction = parallel.learn(self.model, self.loss, x, y, *weights)
        self.update()
        return value
