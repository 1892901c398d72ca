"""What a shuffle of blocks does to the accuracy: figures of docs/large-data.md.

MINNET_DATA=... python benchmarks/scaling/block_shuffle.py     (without MINNET_DATA: synthetic digits)
"""

from typing import Any

import numpy as np
from page import DOCS, table, write
from streams import digits, trainer_of

import minnet as mn
from minnet.core.stored import row_bytes
from minnet.data import blocks

WINDOWS = ((8, 64), (8, 8), (32, 64), (32, 8))  # the data are so many windows, each of so many blocks
SEEDS, EPOCHS, BATCH = (0, 1, 2), 3, 100


def scored(data: Any, order: Any, shuffle: bool | str) -> str:
    """Return the accuracy on the test set, as text: the mean and the deviation over the seeds."""
    X, y, scores = data.train.X[order], data.train.y[order], []
    for seed in SEEDS:
        trainer = trainer_of(seed)
        trainer.fit(mn.DataLoader(X, y, BATCH, shuffle, rng=seed), epochs=EPOCHS, progress=False)
        scores.append(100 * trainer.evaluate((data.test.X, data.test.y))["accuracy"])
    return f"{np.mean(scores):.1f} ± {np.std(scores):.1f}"


def in_blocks(data: Any, order: Any, windows: int, together: int) -> str:
    """Return the accuracy with blocks that are as small, against the data, as they would be in a larger data set."""
    width = row_bytes(data.train.X) + row_bytes(data.train.y)
    rows = -(-len(data.train.y) // (windows * together))
    before = blocks.BLOCK, blocks.WINDOW
    blocks.BLOCK, blocks.WINDOW = rows * width, rows * width * together
    try:
        return scored(data, order, "blocks")
    finally:
        blocks.BLOCK, blocks.WINDOW = before


def main() -> None:
    """Measure, and write the section."""
    name, data = digits()
    rows = []
    for what, order in (
        ("mixed, as it comes", np.arange(len(data.train.y))),
        ("sorted by class", np.argsort(data.train.y, kind="stable")),
    ):
        some = [in_blocks(data, order, *window) for window in WINDOWS]
        rows.append([what, scored(data, order, False), *some, scored(data, order, True)])
    head = ["order of the file", "`shuffle=False`"]
    head += [f"{windows} windows of {together} blocks" for windows, together in WINDOWS] + ["`shuffle=True`"]
    text = f"""{name}, {len(data.train.y):,} images; 784-128-10, SGD, batches of {BATCH}, {EPOCHS} epochs; accuracy on
the test set in percent, mean and standard deviation of {len(SEEDS)} seeds. The blocks were made smaller, so that the
data are as many windows as a data set of {WINDOWS[0][0]} or {WINDOWS[2][0]} times 32 MB would be:

{table(head, rows)}"""
    write("blocks", text, DOCS / "large-data.md")


if __name__ == "__main__":
    main()
