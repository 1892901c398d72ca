"""A character-level language model: a GRU learns from minnet's documentation, and writes text like it.

python examples/char_rnn.py --help
"""

import argparse
from pathlib import Path

import numpy as np
import pictures

import minnet as mn

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("notebooks/softmax_regression.md", "writing-a-layer.md", "derivations.md", "stability.md", "design.md")


def sample(model: mn.Sequential, characters: np.ndarray, length: int, rng: np.random.Generator) -> str:
    """Write `length` characters, each drawn from the model's probabilities of the next one."""
    embedding, gru, linear = model.eval().layers
    softmax, state, text = mn.Softmax().eval(), None, [int(np.flatnonzero(characters == "\n")[0])]
    for _ in range(length):
        h, state = gru.step(embedding.forward(np.array(text[-1:])), state)
        p = softmax.forward(linear.forward(h) / 0.7)[0].astype(float)  # / 0.7 prefers likely characters
        text.append(rng.choice(len(p), p=p / p.sum()))
    return "".join(characters[text[1:]])


def main(steps: int = 600, out: str | None = "char_rnn.png") -> float:
    """Train, write, and print the bits per character beside two simpler models; return them."""
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    characters, codes = np.unique(list(text), return_inverse=True)
    windows = np.lib.stride_tricks.sliding_window_view(codes, 65)  # each is 64 characters and the next one
    cut = int(0.9 * len(windows))
    train, test = windows[:cut], windows[cut + 64 :: 64]

    vocabulary, share = len(characters), np.bincount(codes) / len(codes)
    model = mn.Sequential(
        mn.Embedding(vocabulary, 64, rng=0), mn.GRU(64, 128, rng=1), mn.Linear(128, vocabulary, rng=2)
    )
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), lr=3e-3))
    batches = mn.DataLoader(train[:, :-1], train[:, 1:], batch_size=32, shuffle="resampled", rng=0)
    unseen = mn.DataLoader(test[:, :-1], test[:, 1:], batch_size=100)
    clip = mn.callbacks.ClipGradNorm(1.0)
    history = trainer.fit(batches, steps=steps, every=max(1, steps // 10), evaluate={"test": unseen}, callbacks=[clip])
    for row in history:
        print(f"step {row['step']:5}: {row['test_loss'] / np.log(2):.2f} bits a character, on unseen text")

    bits = history[-1]["test_loss"] / np.log(2)
    frequency = -(share * np.log2(share)).sum()
    print(
        f"GRU {bits:.2f} bits   [letter frequencies {frequency:.2f}, {vocabulary} at random {np.log2(vocabulary):.2f}]"
    )
    print("What it writes:\n" + sample(model, characters, 400, np.random.default_rng(0)))
    if out:
        pictures.save(mn.plots.curves(history), out)
    return float(bits)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600, help="training steps, of one batch each (600)")
    parser.add_argument("--out", default="char_rnn.png", metavar="FILE", help="where the picture goes")
    options = parser.parse_args()
    if options.steps < 1:
        parser.error(f"--steps must be at least 1, got {options.steps}")
    options.out = pictures.place(parser, options.out)
    main(**vars(options))
