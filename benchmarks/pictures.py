"""The pictures of docs/performance-figures.md: how long a step takes beside PyTorch's, and how time grows with size."""

import textwrap
from pathlib import Path
from typing import Any

import growth
from rounds import Times, quartiles

COLOURS = {  # Okabe and Ito's, which can be told apart without red and green
    "minnet": "#0072B2",
    "PyTorch": "#D55E00",
    "JAX": "#CC79A7",
    "scikit-learn": "#F0E442",
    "NumPy": "#999999",
}
LINES = ("#0072B2", "#D55E00", "#009E73")
MARKS = "os^"
WIDEST = 2.6  # times PyTorch's: a longer bar is cut off, and has an arrow


def draw(results: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Draw what there is to draw; return the files by name. Without matplotlib, there are none."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        print("matplotlib is not installed: no pictures")
        return {}
    matplotlib.use("Agg")
    sections = results["free"]["sections"]
    drawn = {}
    races = [section["races"] for name, section in sections.items() if name not in ("prediction", "growth")]
    works = {title: Times.from_json(stored) for several in races for title, stored in several.items()}
    if works := {title: times for title, times in works.items() if "PyTorch" in times.seconds}:
        drawn["performance"] = folder / "performance.png"
        _performance(works, drawn["performance"])
    if "growth" in sections:
        drawn["growth"] = folder / "growth.png"
        lines = {title: Times.from_json(stored) for title, stored in sections["growth"]["races"].items()}
        _growth(lines, drawn["growth"])
    return drawn


def _performance(works: dict[str, Times], path: Path) -> None:
    """Draw a panel a work, a bar a contender: its time as a multiple of PyTorch's."""
    import matplotlib.pyplot as plt

    half = (len(works) + 1) // 2
    columns = 2 if len(works) > 1 else 1
    panels = list(works.items())
    # The panels of a row are as high as the one with more bars.
    bars = [max(len(times.seconds) for _, times in panels[i * columns : (i + 1) * columns]) for i in range(half)]
    figure, axes = plt.subplots(
        half, columns, figsize=(8, 0.9 * half + 0.2 * sum(bars)), squeeze=False, layout="constrained",
        gridspec_kw={"height_ratios": [count + 2 for count in bars]},
    )  # fmt: skip
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, (title, times) in zip(axes.flat, panels, strict=False):
        names = list(times.seconds)[::-1]
        spreads = [quartiles(times.ratios(name, "PyTorch")) for name in names]
        colours = [COLOURS[name.partition(",")[0]] for name in names]
        axis.barh(names, [middle for _, middle, _ in spreads], color=colours, height=0.75)
        for place, (low, middle, high) in enumerate(spreads):
            text, end = f"{middle:.2f}" if middle <= WIDEST else f"{middle:.1f} →", min(max(middle, high), WIDEST)
            axis.plot([min(low, end), end], [place, place], color="black", linewidth=1)
            paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # the line at 1 goes through no number
            axis.annotate(text, (end, place), (4, 0), textcoords="offset points", va="center", fontsize=7, bbox=paper)
        axis.axvline(1, color="black", linewidth=0.8, linestyle="--")
        axis.set_xlim(0, WIDEST + 0.45)  # the numbers stand beside the bars
        axis.set_xticks(range(int(WIDEST) + 1))
        axis.set_title(textwrap.fill(title, 34), fontsize=9, loc="left")
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("time of a training step ÷ PyTorch's (less is faster; black lines: quartiles)", fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _growth(lines: dict[str, Times], path: Path) -> None:
    """Draw a panel a size, time against it, both logarithmic, with a dotted line of proportional growth."""
    import matplotlib.pyplot as plt

    panels: dict[str, list[tuple[str, Times]]] = {}
    for title, times in lines.items():
        panel, _, name = title.partition(": ")
        panels.setdefault(panel, []).append((name, times))
    figure, axes = plt.subplots(2, 2, figsize=(8, 6.5), layout="constrained")
    for axis, (panel, members) in zip(axes.flat, panels.items(), strict=False):
        for i, (name, times) in enumerate(members):
            sizes, micros = growth.points(times)
            label = f"{name}: upper half ^{growth.exponents(times)[1]:.2f}"
            axis.loglog(sizes, micros, color=LINES[i], marker=MARKS[i], markersize=4, label=label)
            if i == 0:
                axis.loglog(sizes, micros[-1] * sizes / sizes[-1], color="gray", linestyle=":", label="proportional")
        axis.set_xlabel(panel, fontsize=8)
        axis.set_ylabel("µs", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.set_ylim(top=axis.get_ylim()[1] * 10)  # room for the legend
        axis.legend(fontsize=6.5, frameon=False, loc="upper left")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
    plt.close(figure)
