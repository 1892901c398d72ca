"""However a batch or a set is cut, by accumulate, threads or a batch size, its gradient and its loss are PyTorch's."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn

ROUTES = [(mn.Softmax, mn.CrossEntropyLoss), (mn.LogSoftmax, mn.NLLLoss), (None, mn.SoftmaxCrossEntropyLoss)]
CASES = 300


class Keep(mn.callbacks.Callback):
    """Keeps the gradients of the last step."""

    def on_gradients(self, trainer):
        self.gradients = [parameter.read_grad().copy() for parameter in trainer.model.parameters()]


class Case:
    """Samples, or sequences of them, a network of two layers, a cross-entropy with options, and PyTorch's answer."""

    def __init__(self, seed):
        self.random = random = np.random.default_rng(seed)
        n, classes, steps = int(random.integers(1, 12)), int(random.integers(2, 6)), int(random.integers(1, 4))
        shape = (n,) if random.random() < 0.6 else (n, steps)
        self.X, self.y = random.normal(size=(*shape, 3)), random.integers(0, classes, shape)
        weight = ignore_index = None
        if random.random() < 0.75:  # some weights are 0, or very different
            weight = random.choice([0.0, 0.1, 1.0, 10.0], classes) * random.random(classes)
        if random.random() < 0.75:
            ignore_index = int(random.choice([-100, -1, 0, 255]))
            self.y[random.random(shape) < random.random()] = ignore_index
        smoothing = float(random.choice([0.0, 0.0, 0.1, 0.5, 1.0]))
        self.layer, self.kind = ROUTES[random.integers(3)]
        self.options = {"weight": weight, "ignore_index": ignore_index, "label_smoothing": smoothing}
        self.classes = classes

    def trainer(self, **how):
        """Return a Trainer: the same network each time."""
        ends = [] if self.layer is None else [self.layer()]
        model = mn.Sequential(mn.Linear(3, 4, rng=0), mn.Tanh(), mn.Linear(4, self.classes, rng=1), *ends)
        model.astype(np.float64)
        loss = self.kind(**self.options)
        return mn.Trainer(model, loss, mn.SGD(model.parameters(), lr=0.1), metrics={}, **how)

    def theirs(self):
        """Return the loss of PyTorch over all samples, and its gradients; 0 where PyTorch divides by 0."""
        weights = [torch.tensor(p.data.copy(), requires_grad=True) for p in self.trainer().model.parameters()]
        W, b, V, c = weights
        z = torch.tanh(torch.tensor(self.X) @ W + b) @ V + c
        options, labels = self.options, torch.tensor(self.y.reshape(-1))
        weight = None if options["weight"] is None else torch.tensor(options["weight"])
        ignored = -100 if options["ignore_index"] is None else options["ignore_index"]
        counts = labels[labels != ignored]
        total = len(counts) if weight is None else float(weight[counts].sum())
        value = torch.nn.functional.cross_entropy(
            z.reshape(-1, self.classes), labels, weight, ignore_index=ignored, reduction="sum",
            label_smoothing=options["label_smoothing"],
        )  # fmt: skip
        value = value / total if total else 0 * value
        value.backward()
        return value.item(), [p.grad.numpy() for p in weights]


def assert_close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1.0, np.abs(b).max()))


@pytest.mark.slow
def test_a_step_in_parts_is_the_step_of_pytorch():
    """Some parts count for nothing, and some batches: there, PyTorch's mean is NaN, and ours 0."""
    without = 0
    for seed in range(CASES):
        case = Case(seed)
        value, gradients = case.theirs()
        without += not value
        keep, how = Keep(), {"accumulate": int(seed % 5 + 1), "threads": int(seed // 5 % 3 + 1)}
        trainer = case.trainer(**how)
        trainer.fit(mn.DataLoader(case.X, case.y, len(case.X)), steps=1, callbacks=[keep], progress=False)
        assert_close([trainer.history[0]["loss"], *keep.gradients], [value, *gradients])
    assert 5 < without < CASES / 4


@pytest.mark.slow
def test_the_loss_of_a_set_is_that_of_pytorch_whatever_the_batch_size():
    for seed in range(CASES):
        case = Case(seed)
        value, _ = case.theirs()
        for batch_size in {1, 2, 3, len(case.X)}:
            trainer, loader = case.trainer(), mn.DataLoader(case.X, case.y, batch_size)
            if value:
                assert_close([trainer.evaluate(loader)["loss"]], [value])
            else:  # PyTorch's mean is NaN
                with pytest.raises(ValueError, match="only samples that do not count"):
                    trainer.evaluate(loader)
