"""A History is a list of rows that knows its columns and writes itself to a file."""

import copy
import csv
import json
import math
import pickle

import numpy as np
import pytest

from minnet import History


@pytest.fixture
def history():
    return History([{"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.5, "test_accuracy": 0.75}])


def test_is_a_list_of_dicts(history):
    assert isinstance(history, list)
    assert len(history) == 2
    assert history[-1] == {"step": 20, "loss": 1.5, "test_accuracy": 0.75}


def test_names_are_in_order_of_appearance(history):
    history.append({"extra": 1.0, "step": 30})
    assert history.names == ["step", "loss", "test_accuracy", "extra"]
    assert History().names == []


def test_column(history):
    assert history.column("loss") == [2.0, 1.5]


def test_a_missing_cell_is_nan(history):
    first, second = history.column("test_accuracy")
    assert math.isnan(first)
    assert second == 0.75


def test_a_missing_column_is_an_error_that_lists_the_others(history):
    with pytest.raises(KeyError, match="no column 'acc', only step, loss, test_accuracy"):
        history.column("acc")


def test_json(history, tmp_path):
    history.to_json(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text(encoding="utf-8")) == list(history)


def test_json_has_null_for_what_json_cannot_say(tmp_path):
    History([{"a": math.nan, "b": math.inf, "c": 0.0}]).to_json(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text()) == [{"a": None, "b": None, "c": 0.0}]


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), np.int64(3)])
def test_json_takes_numpy_numbers_as_metrics_return_them(number, tmp_path):
    History([{"metric": number}]).to_json(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text()) == [{"metric": number}]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("warm-up", "warm-up"),
        (None, None),
        (True, True),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.float32("nan"), None),
        (np.array([1.0, np.inf]), [1.0, None]),
        ((1, "b"), [1, "b"]),
        (10**400, 10**400),
    ],
)
def test_json_takes_text_and_what_else_a_callback_adds(value, written, tmp_path):
    History([{"phase": value}]).to_json(tmp_path / "history.json")
    text = (tmp_path / "history.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text) == [{"phase": written}]


def test_json_names_the_column_of_what_it_cannot_write(tmp_path):
    (tmp_path / "history.json").write_text("the one before")
    with pytest.raises(TypeError, match=r"^the history's column 'phase' holds a set, which JSON"):
        History([{"step": 1, "phase": {1}}]).to_json(tmp_path / "history.json")
    assert (tmp_path / "history.json").read_text() == "the one before"


def test_csv(history, tmp_path):
    history.to_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["step", "loss", "test_accuracy"], ["10", "2.0", ""], ["20", "1.5", "0.75"]]


def test_an_empty_history_can_be_written(tmp_path):
    History().to_json(str(tmp_path / "history.json"))
    History().to_csv(str(tmp_path / "history.csv"))
    assert json.loads((tmp_path / "history.json").read_text()) == []
    assert (tmp_path / "history.csv").read_text().strip() == ""


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))])
def test_copies(history, copied_by):
    copied = copied_by(history)
    assert type(copied) is History
    assert copied == history
    copied[0]["loss"] = 0.0
    assert history[0]["loss"] == 2.0
