"""The class notebook, rebuilt: one matrix learns to read handwritten digits.

    python examples/mnist_logreg.py --help

The loop of part 1 is written out; parts 2 and 3 leave it to a Trainer. What is printed is laid beside
the notebook's own figures, in [brackets].
"""

import notebook_report as report

import minnet as mn


def new_model(seed: int) -> mn.Sequential:
    """Make the notebook's model: 784 pixels times W, plus b, through softmax; W and b uniform in [-1, 1)."""
    uniform = mn.initializers.uniform(-1, 1)
    return mn.Sequential(mn.Linear(784, 10, weight_init=uniform, bias_init=uniform, rng=seed), mn.Softmax())


def one_step(x, y, seed: int) -> None:
    """Learn from a single digit, once: forward, loss, backward, update."""
    model, loss = new_model(seed), mn.CrossEntropyLoss()
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    before = model.forward(x)
    loss_before = loss.forward(before, y)
    model.backward(loss.backward())
    optimizer.step()
    after = model.forward(x)
    report.one_step(y, before, loss_before, model.layers[0].bias.grad, after, loss.forward(after, y))


def online(data: mn.data.Mnist, steps: int, lr: float, seed: int, compiled: bool) -> mn.Trainer:
    """Learn from one digit after the other, in order, again and again."""
    model = new_model(seed)
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr), compiled=compiled)
    samples, score = mn.DataLoader(*data.train, batch_size=1), mn.callbacks.RunningScore(decay=0.999)
    trainer.fit(samples, steps=steps, every=max(1, steps // 20), callbacks=[score])
    report.online(trainer)
    return trainer


def minibatch(data: mn.data.Mnist, steps: int, batch_size: int, lr: float, seed: int, compiled: bool) -> mn.Trainer:
    """Learn from a fresh random batch at each step."""
    model = new_model(seed)
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr), compiled=compiled)
    batches = mn.DataLoader(*data.train, batch_size, shuffle="resampled", rng=seed)
    watched = {"test": data.test, "train": data.train, "validation": data.validation}
    trainer.fit(batches, steps=steps, evaluate=watched, every=max(1, steps // 10))
    report.minibatch(trainer)
    return trainer


def main(arguments: list[str] | None = None) -> None:
    """Run the notebook from top to bottom."""
    options = report.options(arguments)
    data = report.load(options)
    one_step(data.train.X[0], data.train.y[0], options.seed)
    runs, seed, compiled = {}, options.seed, options.compiled
    if options.method in ("online", "both"):
        runs["online"] = online(data, options.online_steps, options.online_lr, seed, compiled)
    if options.method in ("minibatch", "both") and not report.interrupted(runs):
        runs["minibatch"] = minibatch(data, options.steps, options.batch_size, options.lr, seed, compiled)
    report.predictions(data.test, runs)
    report.pictures(data, runs, new_model(options.seed), options)


if __name__ == "__main__":
    report.run(main)
