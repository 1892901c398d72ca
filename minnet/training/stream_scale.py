"""What a Stream multiplies uint8 by becomes the model's `input_scale` when the first bytes have come."""

from typing import Any

from minnet.callbacks import Callback
from minnet.core.console import warn
from minnet.data.stream import Stream
from minnet.errors import DataWarning
from minnet.layers.normalization.normalize import check_scale, same_scale


class StreamScale(Callback):
    """Remember the scale: nobody knows before the first batch whether a stream's samples are uint8."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self._done = stream, False

    def on_step_end(self, trainer: Any) -> None:
        """Look whether a batch was of bytes."""
        if not self._done and self._stream.of_bytes:
            self._done = True
            trainer.model.input_scale = checked_scale(trainer.model, self._stream.scale)


def scale_of(loader: object) -> list[StreamScale]:
    """Return what remembers the scale, if the loader is a Stream."""
    return [StreamScale(loader)] if isinstance(loader, Stream) else []


def checked_scale(model: Any, given: float | None) -> float | None:
    """Return the scale of a loader of bytes; warn of another one than the model was made for."""
    scale = check_scale(model, given)
    if "input_scale" in vars(model) and not same_scale(scale, model.input_scale):
        warn(
            f"fit was given a loader with scale={scale}, but the model's input_scale is {model.input_scale}, from "
            "an earlier fit or from its file: pass scale=model.input_scale to the loader; or, to train "
            f"the model anew with this scale, set model.input_scale = {scale} first",
            DataWarning,
        )
    return scale
