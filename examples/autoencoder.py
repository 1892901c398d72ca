"""A denoising autoencoder learns to remove noise from pictures of digits.

python examples/autoencoder.py --help
"""

import argparse

import numpy as np
import pictures

import minnet as mn


def noisy(x, rng):
    """Add noise of standard deviation 0.4 to every pixel."""
    return x + 0.4 * rng.standard_normal(x.shape, np.float32)


def main(epochs: int = 8, data: str | None = None, out: str | None = "autoencoder.png") -> float:
    """Train, print the error beside those of two simple answers, and draw; return the error on the test digits."""
    ((train_X, _), _, (test_X, _)), which = mn.data.load_digits(data)
    print(which)
    first = mn.Linear(784, 128, rng=0)
    # The decoder has the encoder's weights, transposed: P. Vincent et al., ICML 2008, section 2.1.
    model = mn.Sequential(first, mn.ReLU(), mn.Tied(first, rng=1), mn.Sigmoid())
    print(mn.summary(model, 784))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.Adam(model.parameters(), lr=1e-3))
    batches = mn.DataLoader(train_X, train_X, batch_size=128, shuffle=True, transform=noisy, rng=0)
    unseen = mn.DataLoader(test_X, test_X, batch_size=1000, transform=noisy, rng=1)
    for row in trainer.fit(batches, epochs=epochs, evaluate={"test": unseen}):
        print(f"epoch {row['epoch']}: mean squared error {row['loss']:.4f}, on the test digits {row['test_loss']:.4f}")

    error = trainer.evaluate(unseen)["loss"]
    same = np.mean((noisy(test_X, np.random.default_rng(1)) - test_X) ** 2)
    mean = np.mean((train_X.mean(axis=0) - test_X) ** 2)
    print(f"autoencoder {error:.4f}   [the noisy picture itself {same:.4f}, the mean of all digits {mean:.4f}]")
    if out:
        seen = noisy(test_X[:20], np.random.default_rng(2))
        rows = [test_X[:20], seen.clip(0, 1), trainer.predict(seen)]
        title = "Test digits, the same digits with noise, and the autoencoder's output"
        pictures.save(mn.plots.images(np.concatenate(rows), columns=20, title=title), out)
    return error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training set (8)")
    parser.add_argument("--data", metavar="PATH", help="the folder or file that holds MNIST")
    parser.add_argument("--out", default="autoencoder.png", metavar="FILE", help="where the picture goes")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}")
    options.out = pictures.place(parser, options.out)
    try:
        main(**vars(options))
    except (mn.errors.DataError, mn.errors.DataNotFoundError, OSError) as error:
        parser.error(str(error))
