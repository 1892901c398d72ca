"""A network with two heads says which digit a picture shows, and by which angle it is turned.

python examples/two_heads.py --help
"""

import argparse

import numpy as np
import pictures

import minnet as mn

MOST = 60  # degrees to either side


def turned(images, degrees):
    """Turn each image (N, 784) about its centre by its angle (N,): read the nearest pixel, and 0 outside."""
    row, column = np.mgrid[:28, :28] - 13.5
    angle = np.radians(degrees)[:, None, None]
    rows = np.rint(np.cos(angle) * row - np.sin(angle) * column + 13.5).astype(int)
    columns = np.rint(np.sin(angle) * row + np.cos(angle) * column + 13.5).astype(int)
    inside = (rows >= 0) & (rows < 28) & (columns >= 0) & (columns < 28)
    pixels = images.reshape(-1, 28, 28)[np.arange(len(images))[:, None, None], rows % 28, columns % 28]
    return (pixels * inside).reshape(len(images), 784)


def train(names, X, y, test, epochs):
    """Train a network with the heads of these names; return its Trainer."""
    heads = {"digit": mn.Linear(256, 10, rng=1), "angle": mn.Linear(256, 1, rng=2)}
    losses = {"digit": mn.SoftmaxCrossEntropyLoss(), "angle": mn.MSELoss()}
    metrics = {"digit": mn.metrics.Of("digit", mn.metrics.accuracy), "angle": mn.metrics.Of("angle", mn.metrics.mae)}
    heads, losses, metrics, y, targets = (
        {name: d[name] for name in names} for d in (heads, losses, metrics, y, test[1])
    )
    model = mn.Sequential(mn.Linear(784, 256, rng=0), mn.ReLU(), mn.Heads(**heads))
    loss = mn.MultiLoss(losses, weights={"angle": 5} if "angle" in names else None)
    trainer = mn.Trainer(model, loss, mn.Adam(model.parameters(), lr=1e-3), metrics=metrics)
    batches = mn.DataLoader(X, y, batch_size=128, shuffle=True, rng=0)
    trainer.fit(batches, epochs=epochs, evaluate={"test": (test[0], targets)})
    print(f"network for {' and '.join(names)}, {sum(p.data.size for p in model.parameters()):,} weights:")
    for row in trainer.history[-3:]:
        print("  epoch", row["epoch"], *(f"{name} {value:.3f}" for name, value in row.items() if name.endswith("loss")))
    return trainer


def main(epochs: int = 8, data: str | None = None, out: str | None = "two_heads.png") -> tuple[float, float]:
    """Train one network with two heads and one for each, and draw; return the accuracy and the error in degrees."""
    ((train_X, train_y), _, (test_X, test_y)), which = mn.data.load_digits(data)
    print(which)
    rng = np.random.default_rng(0)
    (X, y), test = (
        (turned(images, degrees), {"digit": labels, "angle": degrees[:, None] / MOST})
        for images, labels in ((train_X, train_y), (test_X, test_y))
        for degrees in [rng.uniform(-MOST, MOST, len(images))]
    )
    both = train(["digit", "angle"], X, y, test, epochs)
    digit, angle = (train([name], X, y, test, epochs) for name in ("digit", "angle"))
    (a, b), c, d = ((t.history[-1].get("test_digit"), t.history[-1].get("test_angle")) for t in (both, digit, angle))
    guess = MOST * np.abs(test[1]["angle"]).mean()
    print(f"two heads:    {a:.1%} of the digits right, angles {MOST * b:.1f} degrees off")
    print(f"two networks: {c[0]:.1%}, {MOST * d[1]:.1f} degrees   [the angle 0 for all: {guess:.1f}]")
    if out:
        some = test[0][:20]
        predicted = both.predict(some)
        back = turned(some, -MOST * predicted["angle"][:, 0])
        digits = "".join(map(str, predicted["digit"].argmax(axis=1)))
        title = f"Turned test digits, and turned back by the predicted angle; predicted: {digits[:10]} {digits[10:]}"
        pictures.save(mn.plots.images(np.concatenate([some, back]), columns=20, title=title), out)
    return a, MOST * b


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training set (8)")
    parser.add_argument("--data", metavar="PATH", help="the folder or file that holds MNIST")
    parser.add_argument("--out", default="two_heads.png", metavar="FILE", help="where the picture goes")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}")
    options.out = pictures.place(parser, options.out)
    try:
        main(**vars(options))
    except (mn.errors.DataError, mn.errors.DataNotFoundError, OSError) as error:
        parser.error(str(error))
