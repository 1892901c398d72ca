"""Every public class of PyTorch, and every argument, is in minnet, or in the table "Left out, and why"."""

import inspect
import re
from pathlib import Path

import pytest

import minnet as mn

torch = pytest.importorskip("torch")

PAGE = Path(__file__).parents[2] / "docs" / "from-pytorch-and-back.md"
PINNED = "2.13.0"  # another release has other classes
OTHER_NAMES = {
    "MultiheadAttention": "MultiHeadAttention",
    "TransformerEncoderLayer": "TransformerBlock",
    "TransformerDecoderLayer": "TransformerDecoderBlock",
}
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

pinned = pytest.mark.skipif(
    torch.__version__.partition("+")[0] != PINNED, reason=f"the table is that of PyTorch {PINNED}"
)


def classes(module, base):
    found = {name: value for name, value in vars(module).items() if inspect.isclass(value) and issubclass(value, base)}
    return {name: value for name, value in found.items() if not name.startswith("_")}


def theirs():
    """Return every public class and function, by its name."""
    schedulers = torch.optim.lr_scheduler
    init = {name: getattr(torch.nn.init, name) for name in torch.nn.init.__all__}
    return {
        **classes(torch.nn, torch.nn.Module),
        **classes(torch.optim, torch.optim.Optimizer),
        **classes(schedulers, schedulers.LRScheduler),
        # Names without "_" are deprecated.
        **{name: function for name, function in init.items() if name.endswith("_") or f"{name}_" not in init},
    }


def ours(name):
    """Return what minnet has of that name, wherever it is."""
    places = (mn, mn.schedules, mn.callbacks, mn.initializers)
    name = OTHER_NAMES.get(name, name.removesuffix("_"))
    return next((getattr(place, name) for place in places if name in vars(place)), None)


def arguments(value):
    """Return the names of the arguments."""
    return {name for name, a in signature(value).items() if a.kind not in VARIABLE and not name.startswith("_")}


def signature(value):
    """Return the arguments with their defaults; the recurrent layers' are those of their base, but for its mode."""
    if inspect.isclass(value) and issubclass(value, torch.nn.RNNBase):
        return {name: a for name, a in inspect.signature(torch.nn.RNNBase).parameters.items() if name != "mode"}
    return inspect.signature(value).parameters


def entries_of(heading):
    """Return the entries of a table: (name, None) of a class, (name, argument) of an argument; "…" is any name."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    entries, rows = [], re.findall(r"^\| (`.*?) \|(.*) \|$", section, re.MULTILINE)
    assert len(rows) == section.count("\n| `")
    for cell, reason in rows:
        assert len(reason) > 3, f"{cell} is left out without a reason"
        spans = re.findall(r"`([^`]+)`", cell)
        assert ", ".join(f"`{span}`" for span in spans) == cell, f"{cell} is no list of names"
        for span in spans:
            name, given = re.fullmatch(r"(\w*…|\w+)(?:\(([\w, ]+)\))?", span).groups()
            entries += [(name, argument) for argument in given.split(", ")] if given else [(name, None)]
    assert len(entries) == len(set(entries))
    return entries


LEFT_OUT = entries_of("Left out, and why")
OTHER_DEFAULTS = entries_of("Other defaults")


def covers(entry, name, argument=None):
    pattern, of = entry
    return of == argument and (name == pattern or (pattern.endswith("…") and name.startswith(pattern[:-1])))


def lacking(name):
    """List what minnet lacks of a class: itself, as None, or arguments."""
    mine = ours(name)
    return sorted(arguments(theirs()[name]) - arguments(mine)) if mine is not None else [None]


@pinned
@pytest.mark.parametrize("name", sorted(theirs()))
def test_it_is_in_minnet_or_in_the_table(name):
    lacks = [argument for argument in lacking(name) if not any(covers(entry, name, argument) for entry in LEFT_OUT)]
    what = f"{name}({', '.join(lacks)})" if lacks and None not in lacks else name
    assert not lacks, f"PyTorch has {what}, minnet does not, and the table of {PAGE.name} does not say why"


@pinned
@pytest.mark.parametrize("entry", LEFT_OUT, ids=str)
def test_what_the_table_says_is_so(entry):
    """Each entry is PyTorch's, and minnet's not."""
    if entry[1] is None and entry[0] in OTHER_NAMES:
        assert ours(entry[0]) is not None
        return
    names = [name for name in theirs() if covers((entry[0], None), name)]
    assert any(entry[1] in lacking(name) for name in names), f"{entry} is in minnet, or not in PyTorch"


@pinned
def test_arguments_of_one_name_have_one_default_but_those_of_the_other_table():
    found = []
    for name, value in theirs().items():
        if (mine := ours(name)) is not None:
            given, own = signature(value), signature(mine)
            both = arguments(value) & arguments(mine)
            found += [(name, argument) for argument in both if given[argument].default != own[argument].default]
    assert sorted(found) == sorted(OTHER_DEFAULTS)


def test_what_models_from_pytorch_need():
    needed = """PReLU Mish Hardswish Hardsigmoid GLU CELU InstanceNorm1d InstanceNorm2d MaxPool1d AvgPool1d
        AdaptiveMaxPool2d ConvTranspose1d Conv3d MaxPool3d AvgPool3d Upsample ZeroPad2d PixelShuffle
        CosineEmbeddingLoss TripletMarginLoss GaussianNLLLoss PoissonNLLLoss CTCLoss RAdam Adamax LBFGS Muon"""
    assert [name for name in needed.split() if not hasattr(mn, name)] == []
    assert {"orthogonal", "trunc_normal", "constant"} <= {*dir(mn.initializers)}
