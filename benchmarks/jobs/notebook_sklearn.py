"""In a notebook: load the model of the job "serve", name the classes of some images, and draw the mistakes."""

import sys

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
model = joblib.load(sys.argv[1])
p = model.predict_proba(X[1500:])
names = model.classes_[p.argmax(axis=1)]
print(names[:10].tolist())
wrong = np.flatnonzero(names != y[1500:].astype(str))
wrong = wrong[np.argsort(-p[wrong].max(axis=1))][:20]
figure, panels = plt.subplots(4, 5, figsize=(8, 8))
for axes, i in zip(panels.flat, wrong, strict=False):
    axes.imshow(X[1500 + i].reshape(8, 8), cmap="gray")
    axes.set_title(f"predicted {names[i]}, true {y[1500 + i]}", fontsize=8)
for axes in panels.flat:
    axes.axis("off")
