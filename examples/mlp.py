"""A multi-layer perceptron on the digits: a second matrix, and what it adds to the accuracy.

python examples/mlp.py --help
"""

import argparse

import pictures

import minnet as mn

REFERENCE = (
    "98.4%: two layers of 800 units, trained with cross-entropy (P. Simard, D. Steinkraus, J. Platt, "
    "ICDAR 2003, table 1)"
)


def main(
    epochs: int = 12, data: str | None = None, out: str | None = "mlp.png", checkpoint: str | None = None
) -> float:
    """Train, print the result beside the published one, and draw the curves; return the test accuracy."""
    digits, which = mn.data.load_digits(data, scaling="uint8")
    print(which)
    model = mn.Sequential(
        mn.Linear(784, 800, weight_init=mn.initializers.kaiming_uniform(), rng=0),
        mn.ReLU(),
        mn.Dropout(0.3, rng=1),
        mn.Linear(800, 10, rng=2),
        mn.Softmax(),
    )
    print(mn.summary(model, 784))
    optimizer = mn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), optimizer)
    shift = mn.data.augment.Shift(1)  # a digit one pixel further is the same digit
    batches = mn.DataLoader(*digits.train, batch_size=128, shuffle=True, transform=shift, rng=0)
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
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training set (12)")
    parser.add_argument("--data", metavar="PATH", help="the folder or file that holds MNIST")
    parser.add_argument("--out", default="mlp.png", metavar="FILE", help="where the picture goes")
    parser.add_argument("--checkpoint", metavar="FOLDER", help="for checkpoints, from which a killed run continues")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}")
    options.out = pictures.place(parser, options.out)
    try:
        main(**vars(options))
    except (mn.errors.DataError, mn.errors.DataNotFoundError, mn.errors.CheckpointError, OSError) as error:
        parser.error(str(error))
