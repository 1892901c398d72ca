"""What an EventFile writes, read by TensorBoard's own reader."""

import math

import numpy as np
import pytest

from minnet.callbacks.event_file import EventFile, as_tag

pytest.importorskip("tensorboardX")
accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

ALL = dict.fromkeys(("scalars", "histograms", "images", "tensors"), 0)


def read(folder):
    return accumulators.EventAccumulator(str(folder), ALL).Reload()


def test_scalars_that_are_not_finite(tmp_path):
    file = EventFile(tmp_path / "a" / "b", 1)
    values = [0.5, math.nan, math.inf, -math.inf]
    for step, value in enumerate(values, 1):
        file.scalar("loss", value, step)
    file.flush()
    events = read(tmp_path / "a" / "b").Scalars("loss")
    file.close()
    assert [event.step for event in events] == [1, 2, 3, 4]
    np.testing.assert_array_equal([event.value for event in events], values)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 2.0, math.nan, math.inf],
        [3.0],
        [-1e38, 1e38],
        [0.0, 1e-45],
        [1e30],
        [1, 1 + 2e-16],
        [-1e150, 1e150],
        [0.0],
    ],
)
def test_a_histogram_counts_the_finite_values(values, tmp_path):
    values = np.array(values)
    finite = values[np.isfinite(values)].astype(float)
    file = EventFile(tmp_path, 1)
    file.histogram("weights/layers[0].weight", values, 3)
    file.histogram("none", np.full(3, np.nan), 3)
    file.histogram("empty", np.zeros(0), 3)
    file.close()
    assert read(tmp_path).Tags()["histograms"] == ["weights/layers.0.weight"]
    (event,) = read(tmp_path).Histograms("weights/layers.0.weight")
    found = event.histogram_value
    assert (event.step, found.num, sum(found.bucket)) == (3, len(finite), len(finite))
    assert (found.min, found.max) == (finite.min(), finite.max())
    assert found.sum == pytest.approx(finite.sum())


def test_a_picture(tmp_path):
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (30).to_bytes(4, "big") + (20).to_bytes(4, "big") + b"..."
    file = EventFile(tmp_path, 1)
    file.picture("mistakes", png, 2)
    file.close()
    (event,) = read(tmp_path).Images("mistakes")
    assert (event.width, event.height, event.encoded_image_string) == (30, 20, png)


def test_a_later_file_replaces_the_steps_from_its_first(tmp_path):
    for first, steps in ((1, (1, 2, 3, 4)), (3, (3, 4, 5))):
        file = EventFile(tmp_path, first)
        for step in steps:
            file.scalar("loss", 10 * first + step, step)
        file.close()
    assert len(list(tmp_path.iterdir())) == 2  # although they were made in the same second
    assert [event.value for event in read(tmp_path).Scalars("loss")] == [11, 12, 33, 34, 35]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("layers[12].body.layers[0].weight", "layers.12.body.layers.0.weight"),
        ('layers["head"].bias', "layers.head.bias"),
        ("layers['head'].bias", "layers.head.bias"),
        ("loss", "loss"),
        ("größe", "größe"),
        ("F1 score (%)", "F1_score____"),
    ],
)
def test_a_tag(name, tag):
    assert as_tag(name) == tag
