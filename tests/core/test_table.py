"""A table fits a terminal, and its columns align whatever the numbers are."""

import math

import numpy as np
import pytest

from minnet.core.table import Table, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (123456, "123456"),
        (True, "True"),
        (None, "None"),
        (0.0, "0.0000"),
        (1.0, "1.0000"),
        (-0.5, "-0.5000"),
        (0.05, "0.0500"),
        (0.001, "0.00100"),
        (0.00099, "9.90e-04"),
        (12.3456, "12.346"),
        (123.456, "123.46"),
        (1234.56, "1234.6"),
        (12345.6, "12346"),
        (123456.0, "1.23e+05"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (np.float32(0.1), "0.1000"),
        (np.int64(7), "7"),
        (np.array(0.25), "0.2500"),
        ("warm up\nand then go", "warm up a..."),
        ([1, 2], "[1, 2]"),
        ("", ""),
    ],
)
def test_a_number(value, text):
    assert number(value) == text


def test_no_float_is_wider_than_its_column():
    for value in [s * m * 10.0**e for s in (1, -1) for m in (1, 9.99999) for e in range(-99, 99)]:
        assert len(number(value)) <= 9


def test_seconds_have_one_decimal():
    assert number(0.012, "seconds") == "0.0"
    assert number(12345.67, "seconds") == "12345.7"


ROW = {"step": 100, "epoch": 1, "seconds": 1.5, "lr": 0.1, "loss": 2.3, "test_loss": 2.2, "test_accuracy": 0.125}


def test_lines_align():
    table = Table([ROW], ROW)
    assert table.head() == [
        "                                            test     test",
        "   step epoch seconds       lr     loss     loss accuracy",
    ]
    assert table.line(ROW) == "    100     1     1.5   0.1000   2.3000   2.2000   0.1250"
    assert table.line({"step": 2, "test_loss": 1e-9}) == "      2                                 1.00e-09"


def test_two_evaluation_sets_fit_a_terminal():
    row = ROW | {"validation_loss": 2.2, "validation_accuracy": 0.125}
    table = Table([row], row)
    assert table.hidden == []
    assert {len(line) for line in (*table.head(), table.line(row))} == {79}


@pytest.mark.parametrize("columns", [5, 9, 40])
def test_what_a_line_has_no_room_for_is_named(columns):
    row = ROW | {f"a_long_name_{i}": 0.5 for i in range(columns)} | {"x" * 90: 1.0}
    table = Table([row], row)
    lines = [*table.head(), table.line(row)]
    assert max(map(len, lines)) <= 79
    hidden = len(table.hidden)
    assert hidden > 0
    assert len(lines[-1].split()) + hidden == len(row)
    assert table.hidden == list(row)[-hidden:]


def test_a_name_that_has_no_words():
    assert Table([{"": 1, "_": 2}], ["", "_"]).line({"": 1, "_": 2}) == "       1        2"
