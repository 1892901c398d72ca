"""Watch a long run: TensorBoard, a row an epoch, the best weights, early stopping, resume when it is killed."""

import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from tensorboardX import SummaryWriter
from torch.utils.data import DataLoader, TensorDataset

folder = Path(sys.argv[1])
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
X = (X - X[:1500].mean(0)) / X[:1500].std(0).clamp(min=1e-6)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
optimizer, loss = torch.optim.Adam(model.parameters()), torch.nn.CrossEntropyLoss()
batches = DataLoader(TensorDataset(X[:1500], y[:1500]), 32, shuffle=True)
best, waited, first, accuracies = torch.inf, 0, 0, []
if (folder / "last.pt").exists():
    saved = torch.load(folder / "last.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["rng"])
    best, waited, first, accuracies = saved["best"], saved["waited"], saved["epoch"] + 1, saved["accuracies"]
with SummaryWriter(str(folder / "board"), purge_step=first) as board:
    for epoch in range(first, 30):
        total = 0.0
        model.train()
        for x, target in batches:
            optimizer.zero_grad()
            value = loss(model(x), target)
            value.backward()
            optimizer.step()
            total += value.item() * len(x)
        model.eval()
        with torch.no_grad():
            scores = model(X[1500:])
            test, accuracy = loss(scores, y[1500:]).item(), (scores.argmax(1) == y[1500:]).float().mean().item()
        board.add_scalar("loss/train", total / 1500, epoch)
        board.add_scalar("loss/test", test, epoch)
        board.add_scalar("accuracy/test", accuracy, epoch)
        accuracies.append(accuracy)
        print(epoch, f"{total / 1500:.4f} {test:.4f} {accuracy:.4f}", file=sys.stderr)
        waited = 0 if test < best else waited + 1
        if test < best:
            best = test
            torch.save(model.state_dict(), folder / "best.pt")
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "rng": torch.get_rng_state()}
        torch.save(
            state | {"best": best, "waited": waited, "epoch": epoch, "accuracies": accuracies}, folder / "last.pt"
        )
        if waited == 5:
            break
print(f"{max(accuracies):.3f}")
