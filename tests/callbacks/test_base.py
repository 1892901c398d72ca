"""A callback does nothing by itself, and says what is missing from a row."""

import inspect

import pytest

from minnet.callbacks import Callback
from minnet.core.rows import monitored


def test_every_moment_of_the_base_does_nothing():
    moments = [method for name, method in vars(Callback).items() if name.startswith("on_")]
    assert len(moments) == 6
    for moment in moments:
        assert moment(*[None] * len(inspect.signature(moment).parameters)) is None


def test_monitored():
    assert monitored(Callback(), "loss", {"loss": 0.5}) == 0.5
    with pytest.raises(ValueError, match="Callback monitors 'lost', but a row has only step, loss: pass fit"):
        monitored(Callback(), "lost", {"step": 1, "loss": 0.5})
