"""The READMEs' table is replaced by the one of the results, and nothing else is."""

WORKS = {"W1": "784-10, batch 128, SGD", "L": "LSTM 28-128, 64 steps, batch 64, SGD"}
TIMES = {"W1": {"minnet": [1.0, 1.0], "minnet, compiled": [0.5, 0.5], "PyTorch": [2.0, 2.0], "JAX": [3.0, 3.0]},
         "L": {"minnet": [30.0, 30.0], "minnet, 2 threads": [20.0, 20.0], "PyTorch": [10.0, 10.0]}}  # fmt: skip


def variant(factor=1.0, **more):
    """Return results as compare.py stores them; minnet's times multiplied, and more contenders of W1."""
    sections = {}
    for name, title in WORKS.items():
        times = TIMES[name] | (more if name == "W1" else {})
        micros = {who: [t * (factor if "minnet" in who else 1) for t in each] for who, each in times.items()}
        races = {title: {"microseconds": micros, "steps": {}}}
        sections[name] = {"title": f"{title}; MNIST", "races": races, "figures": {}, "remarks": [], "load": [0, 0]}
    return {"environment": {}, "sections": sections}


def test_all_processors_are_in_each_cell_and_pytorch_s_victories_come_first(script):
    results = {"AMD": variant(), "AMD, busy": variant(9.0), "Intel": variant(2.0), "Intel, AVX2": variant(4.0)}
    assert script("readme").table(results).splitlines()[2:] == [
        "| L: LSTM 28-128, 64 steps, batch 64, SGD | 3.00 / 6.00 / 12.00 | 2.00 / 4.00 / 8.00 (2 threads) | – / – / – "
        "| – / – / – |",
        "| W1: 784-10, batch 128, SGD | 0.50 / 1.00 / 2.00 | 0.25 / 0.50 / 1.00 (compiled) | 1.50 / 1.50 / 1.50 "
        "| – / – / – |",
    ]


def test_a_work_that_one_processor_lacks_is_a_dash_there(script):
    without = variant()
    del without["sections"]["L"]
    first, second = script("readme").table({"AMD": without, "Intel": variant()}).splitlines()[2:]
    assert first == "| L: LSTM 28-128, 64 steps, batch 64, SGD | – / 3.00 | – / 2.00 (2 threads) | – / – | – / – |"
    assert second.startswith("| W1: 784-10, batch 128, SGD | 0.50 / 0.50 | ")


def test_the_option_is_the_fastest_on_the_mean_of_the_processors(script):
    one = variant(**{"minnet, 2 threads": [0.4, 0.4]})  # of PyTorch's 2: 0.20, and compiled 0.25
    other = variant(**{"minnet, 2 threads": [1.0, 1.0]})  # 0.50
    assert "| 0.25 / 0.25 (compiled) |" in script("readme").table({"AMD": one, "Intel": other})
    assert "| 0.20 (2 threads) |" in script("readme").table({"AMD": one})


def test_the_tables_are_replaced_and_nothing_else_is(script, tmp_path):
    (tmp_path / "docs").mkdir()
    other = "| training | what |\n|---|---|\n| a | b |\n"
    for name, head in (("README.md", "training step"), ("README.zh-TW.md", "一步訓練")):
        (tmp_path / name).write_text(f"{other}\n| {head} | x |\n|---|---|\n| old | 1 |\n\nlast\n", "utf-8")
    script("readme").write({"AMD": variant(), "Intel": variant()}, tmp_path / "docs")
    english, chinese = ((tmp_path / name).read_text("utf-8") for name in ("README.md", "README.zh-TW.md"))
    assert english.startswith(other + "\n| training step | ")
    assert english.endswith(" – / – |\n\nlast\n")
    assert "old" not in english + chinese
    assert "| W1: 784-10，批次 128，SGD | 0.50 / 0.50 | 0.25 / 0.25（編譯） | 1.50 / 1.50 | – / – |" in chinese
    assert "（2 個執行緒）" in chinese
    assert "| L: LSTM 28-128" in (tmp_path / "docs" / "performance-ratios.md").read_text("utf-8")
