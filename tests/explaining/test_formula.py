"""A formula is the first line of the docstring of the layer's class."""

from dataclasses import dataclass

import minnet as mn
from minnet.explaining.formula import formula_of


class Square(mn.Layer):
    """y = x².

    Not this.
    """

    def forward(self, x):
        return x * x


class Quiet(Square):
    def forward(self, x):
        return x


class Same(Square):
    pass


@dataclass
class Generated(mn.Layer):
    size: int = 3

    def forward(self, x):
        return x


def test_the_first_line_without_its_full_stop():
    assert formula_of(mn.Linear(2, 3)) == "y = x @ W + b"
    assert formula_of(Square()) == "y = x²"


def test_a_subclass_has_the_formula_of_its_parent_unless_it_computes_something_else():
    assert formula_of(Same()) == "y = x²"
    assert formula_of(Quiet()) == ""


def test_what_python_writes_for_a_dataclass_is_no_formula():
    assert formula_of(Generated()) == ""


def test_every_layer_and_loss_has_one():
    for name in mn.__all__:
        kind = getattr(mn, name)
        if isinstance(kind, type) and issubclass(kind, mn.Layer) and kind not in (mn.Layer, mn.Loss):
            assert formula_of(object.__new__(kind)), name
