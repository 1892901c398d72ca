"""A small convolutional network on the digits, with augmentation.

python examples/cnn.py --help
"""

import argparse

import pictures

import minnet as mn

REFERENCE = "99.05%: LeNet-5, with distortions 99.2% (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Proc. IEEE 1998)"


def new_model() -> mn.Sequential:
    """Make the network: two convolutions, each followed by a pooling, and two Linear layers."""
    kaiming = mn.initializers.kaiming_uniform()
    return mn.Sequential(
        mn.Reshape(1, 28, 28),
        mn.Conv2d(1, 16, 5, padding=2, weight_init=kaiming, rng=0),  # (N, 16, 28, 28)
        mn.MaxPool2d(2),
        mn.ReLU(),
        mn.Conv2d(16, 32, 5, weight_init=kaiming, rng=1),  # (N, 32, 10, 10)
        mn.MaxPool2d(2),
        mn.ReLU(),
        mn.Flatten(),
        mn.Linear(32 * 5 * 5, 128, weight_init=kaiming, rng=2),
        mn.ReLU(),
        mn.Dropout(0.3, rng=3),
        mn.Linear(128, 10, rng=4),
    )


def main(epochs: int = 8, data: str | None = None, out: str | None = "cnn.png", checkpoint: str | None = None) -> float:
    """Train, print the result beside the published one, and draw the curves; return the test accuracy."""
    digits, which = mn.data.load_digits(data, scaling="uint8")
    print(which)
    model, loss = new_model(), mn.SoftmaxCrossEntropyLoss()
    print(mn.summary(model, 784))
    trainer = mn.Trainer(model, loss, mn.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01))
    distort = mn.data.augment.Chain(mn.data.augment.Shift(1), mn.data.augment.Rotate(10))
    batches = mn.DataLoader(*digits.train, batch_size=128, shuffle=True, transform=distort, rng=0)
    cosine = mn.callbacks.LearningRate(mn.schedules.CosineAnnealingLR(epochs * len(batches)), per="step")
    validation = {"validation": digits.validation}
    history = trainer.fit(batches, epochs=epochs, evaluate=validation, callbacks=[cosine], checkpoint=checkpoint)
    for row in history:
        print(f"epoch {row['epoch']:2d}: loss {row['loss']:.4f}, validation {100 * row['validation_accuracy']:.2f}%")
    accuracy = trainer.evaluate(digits.test)["accuracy"]
    print(f"test accuracy {100 * accuracy:.2f}% after {history[-1]['seconds']:.0f} s\npublished: {REFERENCE}")
    if out:
        pictures.save(mn.plots.curves(history), out)
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training set (8)")
    parser.add_argument("--data", metavar="PATH", help="the folder or file that holds MNIST")
    parser.add_argument("--out", default="cnn.png", metavar="FILE", help="where the picture goes")
    parser.add_argument("--checkpoint", metavar="FOLDER", help="for checkpoints, from which a killed run continues")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}")
    options.out = pictures.place(parser, options.out)
    try:
        main(**vars(options))
    except (mn.errors.DataError, mn.errors.DataNotFoundError, mn.errors.CheckpointError, OSError) as error:
        parser.error(str(error))
