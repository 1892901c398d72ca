"""Draw the rooms of minnet and the import statements between them: ``python docs/rooms.py``, with matplotlib."""

import re
from collections import Counter
from pathlib import Path

from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1] / "minnet"
LEVELS = [  # from the top
    ["__init__"],
    ["sklearn", "torch", "onnx", "grading", "demo"],
    ["training"],
    ["compiled", "mpi"],
    ["callbacks", "explaining"],
    ["saving", "inspection", "plots"],
    ["layers", "losses", "optimizers", "data"],
    ["initializers", "metrics"],
    ["core", "untrusted"],
]


def main() -> None:
    """Draw each room as a box with its files and lines, and an arrow for each pair of rooms, as wide as its imports."""
    places = {
        room: ((i + 1) / (len(rooms) + 1), 1 - level / (len(LEVELS) - 1))
        for level, rooms in enumerate(LEVELS)
        for i, room in enumerate(rooms)
    }
    imports, files, lines = Counter(), Counter(), Counter()
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).with_suffix("").parts[0]
        text = path.read_text(encoding="utf-8")
        files[room], lines[room] = files[room] + 1, lines[room] + text.count("\n")
        for other in re.findall(r"^\s*from minnet\.(\w+)", text, re.MULTILINE):
            if room != other and {room, other} <= places.keys():
                imports[room, other] += 1
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots()
    for (above, below), count in imports.items():
        axes.annotate(
            "",
            places[below],
            places[above],
            arrowprops={
                "arrowstyle": "->",
                "lw": 0.5 + count**0.5 / 2,
                "color": "#7aa0c4",
                "shrinkA": 16,
                "shrinkB": 16,
            },
        )
    for room, (x, y) in places.items():
        size = f"{files[room]} files, {lines[room]:,} lines" if files[room] > 1 else f"{lines[room]:,} lines"
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "#335"}
        axes.text(x, y, f"{room}\n{size}", ha="center", va="center", fontsize=9, bbox=box)
    axes.set(xlim=(0, 1), ylim=(-0.06, 1.06))
    axes.axis("off")
    figure.savefig(Path(__file__).parent / "_static" / "rooms.png", dpi=120)


if __name__ == "__main__":
    main()
