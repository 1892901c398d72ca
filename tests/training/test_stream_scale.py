"""The scale of a stream of bytes becomes the model's, once the bytes are there."""

import numpy as np
import pytest
from helpers import linear_problem, small_trainer

import minnet as mn
from minnet.data import Stream
from minnet.errors import DataWarning
from minnet.training.stream_scale import scale_of

X, Y = linear_problem(60)
PIXELS = np.random.default_rng(0).integers(0, 256, (60, 4), dtype=np.uint8)


def stream(x, **options):
    return Stream(list(zip(x, Y, strict=True)), 7, **options)


@pytest.mark.parametrize("scale", [1 / 255, 1 / 256])
def test_the_scale_of_bytes_becomes_the_models(scale):
    losses = []
    for loader in (stream(PIXELS, scale=scale), mn.DataLoader(PIXELS, Y, 7, scale=scale)):
        trainer = small_trainer()
        rows = trainer.fit(loader, epochs=2, evaluate={"train": (PIXELS, Y)}, progress=False)
        losses.append([row["train_loss"] for row in rows])
        assert vars(trainer.model)["input_scale"] == scale
    assert losses[0] == losses[1]


def test_floats_have_no_scale():
    trainer = small_trainer()
    trainer.fit(stream(X, scale=1 / 255), epochs=1, progress=False)
    assert "input_scale" not in vars(trainer.model)


def test_another_scale_than_the_models_is_a_warning():
    trainer = small_trainer()
    trainer.model.input_scale = 1 / 100
    with pytest.warns(DataWarning, match=r"input_scale is 0\.01"):
        trainer.fit(stream(PIXELS), epochs=1, progress=False)


def test_only_a_stream_has_one():
    assert scale_of(mn.DataLoader(X, Y)) == []
    assert len(scale_of(stream(X))) == 1
