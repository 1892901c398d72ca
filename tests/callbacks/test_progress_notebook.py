"""The progress bar in a real kernel: a widget where ipywidgets is installed, and text without."""

import json
import re

import pytest

pytest.importorskip("ipykernel")
nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

pytestmark = pytest.mark.slow

WIDGET = "application/vnd.jupyter.widget-view+json"
TRAIN = """
import minnet as mn, numpy as np, warnings
warnings.filterwarnings("error", module="tqdm|minnet|__main__")
X, y = np.random.default_rng(0).random((80, 4), np.float32), np.arange(80) % 3
model = mn.Sequential(mn.Linear(4, 3, rng=0))
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
loader = mn.DataLoader(X, y, 8, rng=0)
"""


def outputs(*cells):
    """Return the outputs of the last cell, run in a kernel, and the state of its widgets."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    states = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    return notebook.cells[-1].outputs, [widget["state"] for widget in states.values()]


def text(found):
    return "".join(output.text for output in found if output.output_type == "stream")


def test_a_widget_that_ends_where_the_run_ended():
    pytest.importorskip("ipywidgets")
    found, widgets = outputs(TRAIN, "history = trainer.fit(loader, epochs=2)")
    assert [output.output_type for output in found] == ["display_data"]
    assert WIDGET in found[0].data
    bars = [state for state in widgets if state.get("_model_name") == "FloatProgressModel"]
    assert [(bar["value"], bar["max"], bar["bar_style"]) for bar in bars] == [(20.0, 20.0, "success")]
    assert re.search(r"loss.\d\.\d{4}", json.dumps(widgets, ensure_ascii=False))


def test_text_without_ipywidgets():
    found, widgets = outputs("import sys; sys.modules['ipywidgets'] = None", TRAIN, "h = trainer.fit(loader, epochs=2)")
    assert {(output.output_type, output.name) for output in found} == {("stream", "stderr")}
    assert "20/20" in text(found)
    assert re.search(r"loss \d\.\d{4}", text(found))
    assert "IProgress" not in text(found)
    assert widgets == []


@pytest.mark.parametrize(("progress", "shown"), [("'rows'", True), ("False", False)])
def test_rows_and_silence(progress, shown):
    found, widgets = outputs(TRAIN, f"h = trainer.fit(loader, epochs=2, progress={progress})")
    assert [line.split()[0] for line in text(found).splitlines()] == (["step", "10", "20"] if shown else [])
    assert widgets == []


def test_a_history_is_a_table():
    found, _ = outputs(TRAIN, "trainer.fit(loader, epochs=2, progress=False)")
    assert found[0].data["text/html"].startswith('<table style="text-align: right">\n<tr><th>step</th>')
    assert found[0].data["text/plain"].startswith("History of 2 rows\n")
