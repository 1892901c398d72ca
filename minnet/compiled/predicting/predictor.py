"""A Predictor is a model that only predicts, in less time: compiled code does several of its layers in one call."""

from typing import TYPE_CHECKING, Any

import numpy as np

from minnet.core.arrays import cast, scaled
from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.core.trees import call, mapped
from minnet.core.twins import twins
from minnet.layers.normalization.normalize import Normalize, check_scale
from minnet.layers.sequences.states import State

if TYPE_CHECKING:
    from minnet.compiled.predicting.steps import Steps

BYTES = np.dtype(np.uint8)


class Predictor:
    """Map samples to a model's outputs, as its `forward` in eval mode does, most often in less time.

    A prediction of one sample is a few dozen calls of NumPy, many of which take longer than their arithmetic. Here,
    layers that stand in a row are one or two calls of compiled code: `Linear` layers with `ReLU`, `Tanh` or `Sigmoid`,
    and `Softmax` after them; a convolution of a signal or an image, with `BatchNorm`, an activation and a pooling; an
    `RNN`, `GRU` or `LSTM`. All other layers, and all of them for many samples, do what they do in `forward`, with
    compiled twins of their formulas where there are some. So any model may be given. Where large products take most of
    the time, a prediction takes as long as with `forward`.

    It is for programs that ask for one prediction at a time. Several threads may share one.

    A Predictor keeps a copy of the model as it is when it is made, with its `input_scale`, by which it multiplies
    uint8: after more training, make another. The first one on a machine compiles for some seconds. Results differ from
    the model's in how sums are rounded.

    Parameters
    ----------
    model
        Any layer. It is copied, and the copy is in eval mode.

    Attributes
    ----------
    class_names : sequence of str or None
        What the model says of its outputs.

    Raises
    ------
    TypeError
        If the model is not a layer.
    MissingExtraError
        If Numba (the extra "compiled") is not installed.

    Examples
    --------
    >>> from minnet import GRU, Linear, Sequential, Softmax
    >>> model = Sequential(Linear(3, 2, rng=0), Softmax())
    >>> predict = Predictor(model)
    >>> x = np.ones(3, np.float32)
    >>> predict(x).shape, np.allclose(predict(x), model.forward(x))
    ((2,), True)

    A sequence that comes step by step:

    >>> predict, state = Predictor(Sequential(GRU(3, 4, rng=0), Linear(4, 2, rng=1))), None
    >>> for x in np.ones((5, 3), np.float32):
    ...     y, state = predict.step(x, state)
    >>> y.shape
    (2,)
    """

    def __init__(self, model: Layer) -> None:
        require("numba", "compiled")
        if not isinstance(model, Layer):
            got = f"the class {model.__name__}: make one" if isinstance(model, type) else type(model).__name__
            raise TypeError(f"Predictor expected model to be a Layer, got {got}")
        from minnet.compiled.predicting.chain import for_prediction  # which takes half a second
        from minnet.compiled.twins.table import saying_what_takes_long

        self.class_names = model.class_names
        self._scale, self._dtype = check_scale(model, model.input_scale), model.dtype
        with saying_what_takes_long():
            self._model = for_prediction(model)
        self._get_ready()

    def _get_ready(self) -> None:
        from minnet.compiled.twins.table import table

        self._twins = table()
        self._steps: Steps | None = None
        first: Any = self._model
        while len(getattr(first, "layers", ())):
            first = first.layers[0]
        self._normalize = isinstance(first, Normalize) and first.mean.data.ndim > 0

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Return the model's outputs for samples, in the form in which its `forward` takes and returns them.

        Several inputs may also be one tuple, or one dict of their names, and ``mask=`` is the mask of padded sequences,
        as for `forward`.
        """
        x = inputs[0] if len(inputs) == 1 and not named else None
        token = twins.set(self._twins)
        try:
            if type(x) is not np.ndarray:
                if isinstance(x, tuple | dict):
                    return call(self._model.forward, mapped(self._read, x))
                return self._model.forward(*map(self._read, inputs), **mapped(self._read, named))
            if x.dtype == BYTES:
                x = self._read(x)
            if self._normalize and x.ndim == 1:  # one sample of features
                return self._model.forward(x[np.newaxis])[0]
            return self._model.forward(x)
        finally:
            twins.reset(token)

    def step(self, x: Any, state: tuple[State, ...] | None = None) -> tuple[Any, tuple[State, ...]]:
        """Take one step along sequences that come step by step: return (y_t, state).

        It is for a `Sequential` with one or more of `RNN`, `GRU` and `LSTM`, none of them bidirectional, among layers
        that compute each place of a sequence by itself. T steps compute the same as one call with T places. A layer
        that takes the last place, such as ``Select(-1)``, takes this one; so a classifier of sequences says after each
        step what it thinks of those so far.

        Parameters
        ----------
        x
            What the model takes at one place of each sequence: (N, I), or (I,) for one sequence; (N,) for indices.
        state
            What the step before returned; None at the beginning. It is a tuple of the layers' states, in their order.
            It is not changed, so that several sequences may go on from it.

        Raises
        ------
        ValueError
            If the model cannot go step by step.
        """
        if self._steps is None:
            from minnet.compiled.predicting.steps import Steps

            self._steps = Steps(self._model)
        token = twins.set(self._twins)
        try:
            after: tuple[Any, tuple[State, ...]] = self._steps.step(self._read(x), state)
            return after
        finally:
            twins.reset(token)

    def _read(self, x: Any) -> Any:
        """Return bytes as floats, as the Trainer does, and anything else as it is."""
        if type(x) is np.ndarray and x.dtype == BYTES:
            return cast(scaled(x, self._scale), self._dtype)
        return x

    def __getstate__(self) -> dict[str, Any]:
        # Without the compiled code: a copy in another process reads it from the disk, and does not compile it again.
        return {name: value for name, value in vars(self).items() if name not in ("_twins", "_steps")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._get_ready()

    def __repr__(self) -> str:
        return f"Predictor({self._model!r})"
