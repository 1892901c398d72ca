"""Text classification: a GRU finds the phrases, of several lengths, in which two neighbouring letters were swapped.

python examples/text_classification.py --help
"""

import argparse
import ast
import re
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pictures

import minnet as mn

LETTERS = "_ abcdefghijklmnopqrstuvwxyz"  # number 0 is for the padding
PACKAGES = ("asyncio", "email", "http", "importlib", "logging", "unittest", "urllib", "xml")


def phrases(rng: np.random.Generator) -> list[str]:
    """Return phrases of three to eight words from Python's help pages and docstrings, in a random order."""
    pages, found = list(topics.values()), set()
    for path in (path for name in PACKAGES for path in sorted((Path(ast.__file__).parent / name).glob("*.py"))):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        pages += [ast.get_docstring(node) or "" for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for sentence in re.findall(r"(?:[a-z]+\s+)*[a-z]+", "\n0\n".join(pages).lower()):
        words, size = sentence.split(), int(rng.integers(3, 9))
        found.update(" ".join(words[i : i + size]) for i in range(0, len(words) - 2, size))
    return rng.permutation(sorted(found)).tolist()


def swapped(phrase: str, rng: np.random.Generator) -> str:
    """Return a phrase with a typo: two neighbouring letters of a word are swapped."""
    i = int(rng.choice([m.start() for m in re.finditer(r"(?=([a-z])(?!\1)[a-z])", phrase)]))
    return phrase[:i] + phrase[i + 1] + phrase[i] + phrase[i + 2 :]


def pairs(texts: list[np.ndarray]) -> np.ndarray:
    """Count the pairs of neighbouring letters, wherever they are: what the simpler model is given."""
    return np.array([np.bincount(text[:-1] * 28 + text[1:], minlength=28 * 28) for text in texts], np.float32)


def main(epochs: int = 8, out: str | None = "text_classification.png") -> float:
    """Train both models, and print their accuracies and what the GRU suspects; return the GRU's accuracy."""
    rng = np.random.default_rng(0)
    known = phrases(rng)
    y = rng.integers(0, 2, len(known))
    written = [swapped(text, rng) if typo else text for text, typo in zip(known, y, strict=True)]
    texts = [np.array([LETTERS.index(letter) for letter in text]) for text in written]
    cut, pad = int(0.9 * len(texts)), mn.data.Pad(0)
    batches = mn.DataLoader(texts[:cut], y[:cut], 64, shuffle="bucketed", collate=pad, rng=0)
    unseen = mn.DataLoader(texts[cut:], y[cut:], 200, collate=pad)
    shares = [1 - np.mean([mask.mean() for (_, mask), _ in loader]) for loader in (batches, unseen)]
    print(f"{len(texts):,} phrases; padding {shares[0]:.0%} of a batch, {shares[1]:.0%} without buckets")

    gru = mn.Sequential(mn.Embedding(28, 32, rng=0), mn.GRU(32, 64, rng=1), mn.PoolTime("max"), mn.Linear(64, 2, rng=2))
    trainer = mn.Trainer(gru, mn.SoftmaxCrossEntropyLoss(), mn.AdamW(gru.parameters(), lr=5e-3, weight_decay=0.01))
    history = trainer.fit(batches, epochs=epochs, evaluate={"test": unseen})
    for row in history:
        print(f"epoch {row['epoch']}: accuracy {row['test_accuracy']:.1%}, on unseen phrases")

    bag = mn.Sequential(mn.Linear(28 * 28, 2, rng=0))
    simple = mn.Trainer(bag, mn.SoftmaxCrossEntropyLoss(), mn.AdamW(bag.parameters(), lr=1e-2))
    simple.fit(mn.DataLoader(pairs(texts[:cut]), y[:cut], 64, shuffle=True, rng=0), epochs=8, progress=False)
    accuracy, baseline = history[-1]["test_accuracy"], simple.evaluate((pairs(texts[cut:]), y[cut:]))["accuracy"]
    print(f"GRU {accuracy:.1%}   [logistic regression on pairs of letters {baseline:.1%}, at random 50%]")

    p = mn.Softmax().forward(trainer.predict(texts[cut:], collate=pad))[:, 1]
    print("Most suspicious: " + ", ".join(repr(written[cut + i]) for i in p.argsort()[::-1][:3]))
    if out:
        pictures.save(mn.plots.curves(history), out)
    return float(accuracy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the phrases (8)")
    parser.add_argument("--out", default="text_classification.png", metavar="FILE", help="where the picture goes")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}")
    options.out = pictures.place(parser, options.out)
    main(**vars(options))
