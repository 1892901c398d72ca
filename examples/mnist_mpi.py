"""A multi-layer perceptron on the digits, trained by several processes together.

mpiexec -n 4 python examples/mnist_mpi.py --help
"""

import argparse
import sys

import minnet as mn

EXPECTED = (  # what the user can mend
    mn.errors.MissingExtraError,
    mn.errors.DataError,
    mn.errors.DataNotFoundError,
    mn.errors.CheckpointError,
    OSError,
)


def new_model() -> mn.Sequential:
    """Make the network; the ranks get the first weights of rank 0, and each its own zeros from Dropout."""
    kaiming = mn.initializers.kaiming_uniform()
    return mn.Sequential(
        mn.Linear(784, 800, weight_init=kaiming, rng=0), mn.ReLU(), mn.Dropout(0.3, rng=1), mn.Linear(800, 10, rng=2)
    )


def main(
    mpi: mn.MPI, epochs: int = 3, batch_size: int = 128, data: str | None = None, checkpoint: str | None = None
) -> float | None:
    """Train on all ranks, and print on rank 0; return the test accuracy there."""
    digits, which = mn.data.load_digits(data, scaling="uint8")  # each rank reads them, and learns from its part
    if mpi.rank == 0:
        print(f"{which}\n{batch_size} digits a step, shared by {mpi.size} rank(s)", flush=True)
    model = new_model()
    optimizer = mn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, parallel=mpi)
    batches = mn.DataLoader(*digits.train, batch_size, shuffle=True, rng=0)
    cosine = mn.callbacks.LearningRate(mn.schedules.CosineAnnealingLR(epochs * len(batches)), per="step")
    validation = {"validation": digits.validation}
    history = trainer.fit(batches, epochs=epochs, evaluate=validation, callbacks=[cosine], checkpoint=checkpoint)
    if mpi.rank != 0:
        return None
    for row in history:
        print(f"epoch {row['epoch']:2d}: loss {row['loss']:.4f}, validation {100 * row['validation_accuracy']:.2f}%")
    accuracy = trainer.evaluate(digits.test)["accuracy"]
    print(f"test accuracy {100 * accuracy:.2f}% after {history[-1]['seconds']:.0f} s")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3, help="passes over the training set (3)")
    parser.add_argument("--batch-size", type=int, default=128, help="samples of a step, of all ranks together (128)")
    parser.add_argument("--data", metavar="PATH", help="the folder or file that holds MNIST")
    parser.add_argument("--checkpoint", metavar="FOLDER", help="for checkpoints, from which a killed run continues")
    options = parser.parse_args()
    if options.epochs < 1 or options.batch_size < 1:
        parser.error(f"--epochs and --batch-size must be at least 1, got {options.epochs} and {options.batch_size}")
    rank = 0
    try:
        mpi = mn.MPI()
        rank = mpi.rank
        main(mpi, **vars(options))
    except EXPECTED as error:
        sys.exit(f"mnist_mpi.py, rank {rank}: {error}")
