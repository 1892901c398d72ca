"""The table of the page "From PyTorch, and back" has every layer, and says what it is there."""

import re
from pathlib import Path

import pytest
from every_layer import OPTIONS, make
from pytorch import torch

import minnet as mn
from minnet.saving.description import OWN

PAGE = (Path(__file__).parents[2] / "docs" / "from-pytorch-and-back.md").read_text(encoding="utf-8")


def rows(heading):
    """Return the cells of the table below a heading."""
    section = PAGE[PAGE.index(f"\n## {heading}") + 1 :].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


EVERY = {name: row for row in rows("Every layer") for name in re.findall(r"`(\w+)`", row[0])}


def test_every_layer_has_a_row():
    assert EVERY.keys() == {name for name in OWN if hasattr(mn, name)}
    assert sum(len(re.findall(r"`\w+`", row[0])) for row in rows("Every layer")) == len(EVERY)


def first(name):
    """Make a layer with the first of its options."""
    return make(name, {key: (values() if callable(values) else values)[0] for key, values in OPTIONS[name][1].items()})


@pytest.mark.parametrize("name", sorted(EVERY.keys() & OPTIONS.keys()))
def test_it_is_what_the_row_says(name):
    there = EVERY[name][1]
    module = mn.torch.to_torch(first(name))
    if there == "—":
        assert not hasattr(torch.nn, name)
        assert type(module).__module__.startswith("minnet.torch.modules")
    else:
        kind = getattr(torch.nn, name if there == "the same" else there.strip("`"))
        assert isinstance(module, kind)
