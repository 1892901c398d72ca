"""An EventFile holds the curves, histograms and pictures of one run, as TensorBoard reads them."""

import re
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.extras import require

BINS = 50  # of a histogram; TensorBoard draws 30
PLUGIN = "hparams"  # TensorBoard's name for the table of settings


class EventFile:
    """A new file in the folder of a run; TensorBoard reads all files of a folder as one run.

    It begins with a mark that lets TensorBoard forget what other files of the folder say of the step `first` and later
    ones, because a resumed run makes these steps again. Whatever is added is in the file after `flush`.

    It uses tensorboardX's writer of files, and not its SummaryWriter, which writes in a thread of its own: a row must
    be in the file when the checkpoint that follows is.

    Raises OSError if the file cannot be written, MissingExtraError without tensorboardX.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self._writing = require("tensorboardX.event_file_writer", "tensorboard")
        self._summary = require("tensorboardX.summary", "tensorboard")
        self._proto = {name: require(f"tensorboardX.proto.{name}", "tensorboard") for name in _PROTO}
        folder.mkdir(parents=True, exist_ok=True)
        # Files are read in the order of their names, which hold only the second.
        self._writer = self._writing.EventsWriter(str(folder.absolute() / "events"), f".{time.time_ns():020}")
        event = self._proto["event_pb2"]
        self._add(first, session_log=event.SessionLog(status=event.SessionLog.START))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a point to a curve; it may be NaN or infinite."""
        self._add(step, summary=self._summary.scalar(as_tag(tag), value))

    def histogram(self, tag: str, values: NDArray[Any], step: int) -> None:
        """Add the histogram of those values that are finite, if there are any."""
        finite = np.clip(values[np.isfinite(values)].astype(float), -1e150, 1e150)  # their squares are finite, too
        if finite.size:
            self._add(step, summary=self._summary.histogram(as_tag(tag), finite, bins(finite)))

    def picture(self, tag: str, png: bytes, step: int) -> None:
        """Add a picture: the bytes of a PNG file with colours and transparency."""
        width, height = struct.unpack(">II", png[16:24])
        kinds = self._proto["summary_pb2"].Summary
        image = kinds.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        self._add(step, summary=kinds(value=[kinds.Value(tag=as_tag(tag), image=image)]))

    def settings(self, hparams: Mapping[str, Any], curves: Iterable[tuple[str, str]]) -> None:
        """Add the row of TensorBoard's table of settings: these, and the last points of curves (run inside, tag)."""
        api, plugin = self._proto["api_pb2"], self._proto["plugin_hparams_pb2"]
        infos, session = [], plugin.SessionStartInfo()
        for name, value in hparams.items():
            field, kind = next((f, k) for types, f, k in _FIELDS if isinstance(value, types))
            setattr(session.hparams[name], field, value)
            infos.append(api.HParamInfo(name=name, type=api.DataType.Value(kind)))
        names = [api.MetricName(group=group, tag=as_tag(tag)) for group, tag in curves]
        metrics = [api.MetricInfo(name=name, display_name=f"{name.group} {name.tag}") for name in names]
        self._add_plugin("experiment", experiment=api.Experiment(hparam_infos=infos, metric_infos=metrics))
        self._add_plugin("session_start_info", session_start_info=session)

    def end(self, well: bool) -> None:
        """Say that the run has ended, well or not."""
        status = self._proto["api_pb2"].Status.Value("STATUS_SUCCESS" if well else "STATUS_FAILURE")
        end = self._proto["plugin_hparams_pb2"].SessionEndInfo(status=status, end_time_secs=time.time())
        self._add_plugin("session_end_info", session_end_info=end)

    def flush(self) -> None:
        """Write what was added."""
        self._writer.flush()

    def close(self) -> None:
        """Write what was added, and close the file."""
        self._writer.close()

    def _add(self, step: int, **content: Any) -> None:
        self._writer.write_event(self._proto["event_pb2"].Event(step=step, wall_time=time.time(), **content))

    def _add_plugin(self, name: str, **content: Any) -> None:
        proto = self._proto["summary_pb2"]
        data = self._proto["plugin_hparams_pb2"].HParamsPluginData(version=0, **content)
        plugin = proto.SummaryMetadata.PluginData(plugin_name=PLUGIN, content=data.SerializeToString())
        metadata = proto.SummaryMetadata(plugin_data=plugin)
        self._add(0, summary=proto.Summary(value=[proto.Summary.Value(tag=f"_hparams_/{name}", metadata=metadata)]))


def bins(values: NDArray[Any]) -> Any:
    """Return the number of bins of a histogram, or its edges, where NumPy finds no room for so many between values."""
    room = BINS * np.spacing(np.abs(values).max())
    if (np.ptp(values) or 1.0) > 2 * room:
        return BINS
    return np.linspace(values.min() - room, values.max() + room, BINS + 1)


_PROTO = ("event_pb2", "summary_pb2", "api_pb2", "plugin_hparams_pb2")
_FIELDS = (
    (bool, "bool_value", "DATA_TYPE_BOOL"),
    ((int, float), "number_value", "DATA_TYPE_FLOAT64"),
    (str, "string_value", "DATA_TYPE_STRING"),
)


def as_tag(name: str) -> str:
    """Return a name as TensorBoard allows it: ``layers[0].weight`` is ``layers.0.weight``.

    Examples
    --------
    >>> as_tag('weights/layers["head"].weight'), as_tag("my metric, in %")
    ('weights/layers.head.weight', 'my_metric__in__')
    """
    return re.sub(r"[^-/\w.]", "_", re.sub(r"\[[\"']?([^\]\"']*)[\"']?\]", r".\1", name))
