"""A formula of a picture fits into its room."""

import pytest

pytest.importorskip("matplotlib")

from formulas import HOSTILE, SHIPPED

from minnet.explaining.formula_text import LARGE, LEAST, formula_text


def test_a_short_formula_is_large_and_a_long_one_smaller():
    short, long = formula_text("y = x @ W + b", 3), formula_text("y = " + " + ".join(["x"] * 14), 3)
    assert short.is_math
    assert short.size == LARGE
    assert long.is_math
    assert LEAST <= long.size < LARGE


def test_one_that_would_be_too_small_is_written_as_plain_text():
    plain = formula_text("y = " + " + ".join(["x"] * 90), 3)
    assert not plain.is_math
    assert "\n" in plain.text
    assert "\\" not in plain.text


def test_chinese_is_plain_text_because_mathtext_has_no_such_letters():
    assert not formula_text("輸出是輸入的兩倍", 3).is_math
    assert formula_text("y = 2 * x，兩倍", 3).is_math


@pytest.mark.parametrize("plain", [*SHIPPED.values(), *HOSTILE], ids=[*SHIPPED, *map(str, range(len(HOSTILE)))])
def test_any_formula(plain):
    planned = formula_text(plain, 3)
    assert (planned.height > 0) == bool(plain)
    assert not planned.is_math or planned.size >= LEAST
