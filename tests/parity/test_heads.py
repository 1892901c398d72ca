"""A model with two inputs and two heads, trained with a weighted sum of losses, learns what PyTorch's learns."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn

N = 45
RNG = np.random.default_rng(0)
X = {"image": RNG.normal(size=(N, 6)), "table": RNG.normal(size=(N, 3))}
Y = {"digit": RNG.integers(0, 4, N), "angle": RNG.normal(size=(N, 2))}
Y["digit"][RNG.random(N) < 0.3] = -100  # without a label
V = RNG.random(N) * (RNG.random(N) < 0.8)


def model():
    return mn.Sequential(
        mn.Inputs(image=mn.Sequential(mn.Linear(6, 5, rng=0), mn.Tanh()), table=mn.Identity()),
        mn.Linear(8, 7, rng=1),
        mn.ReLU(),
        mn.Heads(digit=mn.Linear(7, 4, rng=2), angle=mn.Sequential(mn.Tanh(), mn.Linear(7, 2, rng=3))),
    ).astype(np.float64)


class Theirs:
    """The same network as functions of PyTorch's, of the same first weights."""

    def __init__(self, ours):
        self.weights = [torch.tensor(p.data.copy(), requires_grad=True) for p in ours.parameters()]
        self.optimizer = torch.optim.Adam(self.weights, lr=0.01)

    def __call__(self, x):
        w1, b1, w2, b2, w3, b3, w4, b4 = self.weights
        joined = torch.cat([torch.tanh(torch.tensor(x["image"]) @ w1 + b1), torch.tensor(x["table"])], dim=1)
        hidden = torch.relu(joined @ w2 + b2)
        return hidden @ w3 + b3, torch.tanh(hidden) @ w4 + b4

    def loss(self, x, y, v=None):
        digit, angle = self(x)
        labels = torch.tensor(y["digit"])
        each = torch.nn.functional.cross_entropy(digit, labels, ignore_index=-100, reduction="none")
        squares = ((angle - torch.tensor(y["angle"])) ** 2).mean(dim=1)
        v = torch.ones(len(labels), dtype=torch.float64) if v is None else torch.tensor(v)
        counted = v * (labels != -100)
        heads = (v * each).sum() / counted.sum(), (v * squares).sum() / v.sum()
        return heads[0] + 0.3 * heads[1], heads


def batches(tree, start, stop):
    return {name: array[start:stop] for name, array in tree.items()}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("how", [{}, {"accumulate": 3}, {"threads": 2}], ids=str)
def test_two_inputs_and_two_heads(weighted, how):
    if "threads" in how:
        pytest.importorskip("threadpoolctl")
    ours = model()
    theirs = Theirs(ours)
    loss = mn.MultiLoss(
        {"digit": mn.SoftmaxCrossEntropyLoss(ignore_index=-100), "angle": mn.MSELoss()}, weights={"angle": 0.3}
    )
    trainer = mn.Trainer(ours, loss, mn.Adam(ours.parameters(), lr=0.01), **how)
    loader = mn.DataLoader(X, Y, 10, sample_weight=V if weighted else None)
    trainer.fit(loader, epochs=8, progress=False)
    for _ in range(8):
        for start in range(0, N, 10):
            theirs.optimizer.zero_grad()
            part = slice(start, start + 10)
            value, _ = theirs.loss(
                batches(X, part.start, part.stop), batches(Y, part.start, part.stop), V[part] if weighted else None
            )
            value.backward()
            theirs.optimizer.step()
    for own, other in zip(ours.parameters(), theirs.weights, strict=True):
        np.testing.assert_allclose(own.data, other.detach().numpy(), rtol=1e-10, atol=1e-10)
    value, (digit, angle) = theirs.loss(X, Y, V if weighted else None)
    found = trainer.evaluate((X, Y, V) if weighted else (X, Y), batch_size=7)
    for name, expected in (("loss", value), ("digit_loss", digit), ("angle_loss", angle)):
        assert found[name] == pytest.approx(expected.item(), rel=1e-10)
