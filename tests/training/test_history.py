"""A History is a list of rows that knows its columns and writes itself to a file."""

import copy
import csv
import json
import math
import pickle
import sys

import numpy as np
import pytest

from minnet import History
from minnet.errors import MissingExtraError


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


def long(rows):
    return History([{"step": i, "loss": 1 / (i + 1)} for i in range(rows)])


def test_it_shows_as_a_table(history):
    assert repr(history).splitlines() == [
        "History of 2 rows",
        "                     test",
        "   step     loss accuracy",
        "     10   2.0000",
        "     20   1.5000   0.7500",
    ]
    assert str(history) == repr(history)
    assert repr(History()) == "History of 0 rows"
    assert repr(long(1)).startswith("History of 1 row\n")


def test_of_a_long_history_the_beginning_and_the_end_are_shown():
    lines = repr(long(12_345)).splitlines()
    assert lines[0] == "History of 12,345 rows"
    assert [line.split()[0] for line in lines[2:]] == [
        *("0", "1", "2", "3", "4", "..."),
        *("12340", "12341", "12342", "12343", "12344"),
    ]
    assert len(repr(long(10)).splitlines()) == 12
    assert "..." not in repr(long(10))


def test_columns_that_do_not_fit_are_named():
    history = History([{f"column_{i}": float(i) for i in range(20)}])
    lines = repr(history).splitlines()
    assert max(map(len, lines)) <= 79
    assert lines[-2].startswith("(and column_8, column_9, ")
    assert lines[-1].endswith(", column_19)")


def test_a_column_that_begins_later_is_shown():
    assert "late" in repr(History([*long(100), {"step": 100, "late": 1.0}, *long(100)]))


def test_html(history):
    assert history._repr_html_() == (
        '<table style="text-align: right">\n<tr><th>step</th><th>loss</th><th>test_accuracy</th></tr>\n'
        "<tr><td>10</td><td>2.0000</td><td></td></tr>\n"
        "<tr><td>20</td><td>1.5000</td><td>0.7500</td></tr>\n</table>"
    )
    assert History()._repr_html_() == "<p>History of 0 rows</p>"


def test_html_is_escaped_and_short():
    history = History([{"<script>": "<b>&", "step": i} for i in range(1000)])
    page = history._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    assert "980 more rows" in page
    assert page.count("<tr>") == 22
    assert "<td>989</td>" not in page
    assert "<td>990</td>" in page


def test_pandas(history):
    pandas = pytest.importorskip("pandas")
    frame = history.to_pandas()
    assert list(frame.columns) == history.names
    assert frame["step"].dtype == np.int64
    assert frame["loss"].dtype == np.float64
    assert math.isnan(frame["test_accuracy"][0])
    assert frame["test_accuracy"][1] == 0.75
    pandas.testing.assert_index_equal(frame.index, pandas.RangeIndex(2))
    assert History().to_pandas().empty


def test_what_is_written_can_be_read_by_pandas(history, tmp_path):
    pandas = pytest.importorskip("pandas")
    history.append({"step": 30, "loss": math.nan, "test_accuracy": math.inf})
    history.to_csv(tmp_path / "history.csv")
    pandas.testing.assert_frame_equal(pandas.read_csv(tmp_path / "history.csv"), history.to_pandas())


def test_without_pandas_the_error_names_the_extra(history, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r'^pandas is not installed: pip install pandas .* extra "jupyter"\)$'):
        history.to_pandas()


def test_the_way_back(history, tmp_path):
    history.to_json(tmp_path / "history.json")
    assert History(json.loads((tmp_path / "history.json").read_text(encoding="utf-8"))) == history


def test_a_slice_is_a_history():
    history = History([{"step": step} for step in range(5)])
    assert type(history[1:3]) is History
    assert history[1:3].column("step") == [1, 2]
    assert type(history[0]) is dict


def test_words_of_keras_are_answered():
    history = History([{"loss": 1.0}])
    with pytest.raises(AttributeError, match=r'no attribute \'history\': write history.column\("loss"\)'):
        history.history  # noqa: B018
    with pytest.raises(AttributeError, match=r"write mn.plots.curves\(history\)"):
        history.plot()
    assert not {"history", "plot"} & set(dir(history))
