"""The READMEs' table of training steps, on all processors, and the same for docs/performance.md."""

import re
import statistics
from pathlib import Path

from rounds import Times, best
from tables import OPTIONS, Results, markdown, middle, quiet, ratio, title_of, works

HEAD = ["training step", "÷ PyTorch", "with an option", "JAX ÷ PyTorch", "NumPy by hand ÷ PyTorch"]
CHINESE = {
    "training step": "一步訓練",
    "with an option": "加上選項",
    "NumPy by hand": "手寫 NumPy",
    "2 convolutions and poolings": "2 層卷積和池化",
    "2 transformer blocks of 128": "2 個寬 128 的 transformer 區塊",
    ", batch ": "，批次 ",
    ", SGD": "，SGD",
    ", Adam": "，Adam",
    ", 64 tokens": "，64 個 token",
    ", 64 steps": "，64 個時間步",
    " (compiled, 2 threads)": "（編譯，2 個執行緒）",
    " (compiled)": "（編譯）",
    " (2 threads)": "（2 個執行緒）",
}


def table(results: Results) -> str:
    """Return the table: a row a work, and in each cell a figure for each processor, in the order of the results."""
    columns = [{name: (times, section) for name, times, section in works(one)} for one in quiet(results).values()]
    titles = {name: title_of(section) for column in columns for name, (_, section) in column.items()}
    measured = {name: [column[name][0] if name in column else Times() for column in columns] for name in titles}
    rows = []
    for name, each in sorted(measured.items(), key=lambda work: -_mean(work[1], "minnet")):
        options = [option for option in OPTIONS if _mean(each, option)]
        fastest = min(options, key=lambda option: _mean(each, option), default=None)
        whose = f" ({fastest.removeprefix('minnet, ')})" if fastest else ""
        ratios = [
            [ratio(times, who, "PyTorch") for who in ("minnet", fastest, _jax(times), best(times))] for times in each
        ]
        minnet, option, *others = map(" / ".join, zip(*ratios, strict=True))
        rows.append([f"{name}: {titles[name]}", minnet, option + whose, *others])
    return "\n".join(markdown(HEAD, rows))


def write(results: Results, docs: Path) -> None:
    """Put the table into both READMEs, and into a page of its own."""
    english, root = table(results), docs.parent
    (docs / "performance-ratios.md").write_text(
        f"<!-- made by benchmarks/compare.py --page -->\n\n{english}\n", "utf-8"
    )
    chinese = english
    for word, translation in CHINESE.items():
        chinese = chinese.replace(word, translation)
    for name, text in (("README.md", english), ("README.zh-TW.md", chinese)):
        page = root / name
        if not page.exists():  # --docs FOLDER
            continue
        first = re.escape(text.partition("|")[2].partition("|")[0])
        old = re.compile(rf"^\|{first}\|.*\n(?:\|.*\n)+", re.MULTILINE)
        page.write_text(old.sub(lambda _, text=text: text + "\n", page.read_text("utf-8"), count=1), encoding="utf-8")
        print(f"wrote the table of {page}")


def _mean(each: list[Times], name: str) -> float:
    """Return the geometric mean of a contender's ratios to PyTorch, where it was measured; 0 if nowhere."""
    ratios = [value for times in each if (value := middle(times, name, "PyTorch"))]
    return statistics.geometric_mean(ratios) if ratios else 0.0


def _jax(times: Times) -> str:
    """Return the faster of JAX's two ways."""
    return min(("JAX", "JAX, scan"), key=lambda name: middle(times, name, "PyTorch") or 99.0)
