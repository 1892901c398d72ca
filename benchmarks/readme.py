"""The READMEs' table of training steps, on both kinds of processor, and the same for docs/performance.md."""

import re
from pathlib import Path

from rounds import Times, best
from tables import Results, fastest_option, markdown, micros, middle, ratio, title_of, works

HEAD = ["training step", "minnet, µs", "÷ PyTorch", "with an option", "JAX ÷ PyTorch", "NumPy by hand ÷ PyTorch"]
CHINESE = {
    "training step": "一步訓練",
    "with an option": "加上選項",
    "NumPy by hand": "手寫 NumPy",
    "minnet, µs": "minnet，µs",
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
    """Return the table: a row a work, and in each cell a figure with AVX-512 and, after a stroke, one without."""
    pinned = {name: times for name, times, _ in works(results["pinned"])}
    rows = []
    for name, times, section in works(results["free"]):
        both = times, pinned.get(name, Times())
        option = fastest_option(times)
        cell = "–" if option is None else f"{_pair(both, option)} ({option.removeprefix('minnet, ')})"
        others = [" / ".join(ratio(one, other(one), "PyTorch") for one in both) for other in (_jax, best)]
        micro = " / ".join(micros(one, "minnet") for one in both)
        rows.append([f"{name}: {title_of(section)}", micro, _pair(both, "minnet"), cell, *others])
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


def _pair(both: tuple[Times, Times], name: str) -> str:
    return " / ".join(ratio(times, name, "PyTorch") for times in both)


def _jax(times: Times) -> str:
    """Return the faster of JAX's two ways."""
    return min(("JAX", "JAX, scan"), key=lambda name: middle(times, name, "PyTorch") or 99.0)
