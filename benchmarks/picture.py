"""A picture of rows a second against the number of threads and of processes, for the page of figures."""

from pathlib import Path
from typing import Any


def draw(figures: dict[str, dict[str, float]], path: Path) -> None:
    """Draw a panel for each work, with a line for each way."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels: dict[str, Any] = {}
    for name, rows in figures.items():
        work, _, way = name.partition(", ")
        panels.setdefault(work, {})[way] = {int(count): value for count, value in rows.items()}
    picture, axes = plt.subplots(1, len(panels), figsize=(2.6 * len(panels), 2.8), layout="constrained", squeeze=False)
    for ax, (work, ways) in zip(axes[0], panels.items(), strict=True):
        for (way, rows), marker in zip(ways.items(), "os^v", strict=False):
            ax.plot(list(rows), list(rows.values()), marker=marker, label=way)
        ax.set(title=work, xlabel="how many", xticks=sorted({count for rows in ways.values() for count in rows}))
        ax.set_ylim(bottom=0)
    axes[0, 0].set_ylabel("rows a second")
    axes[0, -1].legend(fontsize="small")
    path.parent.mkdir(exist_ok=True)
    picture.savefig(path, dpi=100)
    plt.close(picture)
