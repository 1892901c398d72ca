"""In a notebook: load the model of the job "serve", name the classes of some images, and draw the mistakes."""

import sys

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits


class Classifier(torch.nn.Module):
    """Two layers behind the standardisation of their inputs."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(64))
        self.register_buffer("std", torch.ones(64))
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))

    def forward(self, x):
        """Return the scores of the classes."""
        return self.layers((x - self.mean) / self.std)


X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X[1500:], dtype=torch.float32), torch.tensor(y[1500:])
saved = torch.load(sys.argv[1], weights_only=True)
model = Classifier()
model.load_state_dict(saved["weights"])
model.eval()
with torch.no_grad():
    p = model(X).softmax(dim=1)
predicted = p.argmax(dim=1)
print([saved["names"][i] for i in predicted[:10]])
wrong = (predicted != y).nonzero()[:, 0]
wrong = wrong[p[wrong].amax(dim=1).argsort(descending=True)][:20]
figure, panels = plt.subplots(4, 5, figsize=(8, 8))
for axes, i in zip(panels.flat, wrong, strict=False):
    axes.imshow(X[i].reshape(8, 8), cmap="gray")
    axes.set_title(f"predicted {saved['names'][predicted[i]]}, true {y[i]}", fontsize=8)
for axes in panels.flat:
    axes.axis("off")
