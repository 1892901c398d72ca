"""The READMEs' table is replaced by the one of the results, and nothing else is."""

WORKS = {"W1": "784-10, batch 128, SGD", "L": "LSTM 28-128, 64 steps, batch 64, SGD"}
TIMES = {"W1": {"minnet": [1.0, 1.0], "minnet, compiled": [0.5, 0.5], "PyTorch": [2.0, 2.0], "JAX": [3.0, 3.0]},
         "L": {"minnet": [30.0, 30.0], "minnet, 2 threads": [20.0, 20.0], "PyTorch": [10.0, 10.0]}}  # fmt: skip


def variant(factor=1.0):
    """Return results as compare.py stores them; minnet's times multiplied."""
    sections = {}
    for name, title in WORKS.items():
        micros = {who: [t * (factor if "minnet" in who else 1) for t in times] for who, times in TIMES[name].items()}
        races = {title: {"microseconds": micros, "steps": {}}}
        sections[name] = {"title": f"{title}; MNIST", "races": races, "figures": {}, "remarks": [], "load": [0, 0]}
    return {"environment": {}, "sections": sections}


def test_both_processors_are_in_each_cell_and_pytorch_s_victories_come_first(script):
    lines = script("readme").table({"free": variant(), "pinned": variant(2.0)}).splitlines()
    assert lines[2:] == [
        "| L: LSTM 28-128, 64 steps, batch 64, SGD | 30 / 60 | 3.00 / 6.00 | 2.00 / 4.00 (2 threads) | – / – | – / – |",
        "| W1: 784-10, batch 128, SGD | 1 / 2 | 0.50 / 1.00 | 0.25 / 0.50 (compiled) | 1.50 / 1.50 | – / – |",
    ]


def test_the_tables_are_replaced_and_nothing_else_is(script, tmp_path):
    (tmp_path / "docs").mkdir()
    other = "| training | what |\n|---|---|\n| a | b |\n"
    for name, head in (("README.md", "training step"), ("README.zh-TW.md", "一步訓練")):
        (tmp_path / name).write_text(f"{other}\n| {head} | x |\n|---|---|\n| old | 1 |\n\nlast\n", "utf-8")
    script("readme").write({"free": variant(), "pinned": variant()}, tmp_path / "docs")
    english, chinese = ((tmp_path / name).read_text("utf-8") for name in ("README.md", "README.zh-TW.md"))
    assert english.startswith(other + "\n| training step | ")
    assert english.endswith(" – / – |\n\nlast\n")
    assert "old" not in english + chinese
    assert "| W1: 784-10，批次 128，SGD | 1 / 1 | 0.50 / 0.50 | 0.25 / 0.25（編譯） | 1.50 / 1.50 | – / – |" in chinese
    assert "（2 個執行緒）" in chinese
    assert "| L: LSTM 28-128" in (tmp_path / "docs" / "performance-ratios.md").read_text("utf-8")
