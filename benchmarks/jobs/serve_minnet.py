"""Train and save a model, in one process; load it and answer, in another, which does not have the script."""

import sys

import numpy as np
from sklearn.datasets import load_digits

import minnet as mn

X, y = load_digits(return_X_y=True)
if sys.argv[1] == "train":
    model = mn.Sequential(mn.Normalize.of(X), mn.Linear(64, 64, rng=0), mn.ReLU(), mn.Linear(64, 10, rng=1))
    model.class_names = [str(digit) for digit in range(10)]
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()))
    trainer.fit(mn.DataLoader(X[:1500], y[:1500], 32, shuffle=True, rng=0), epochs=10)
    mn.save(model, sys.argv[2])
else:
    model = mn.load_model(sys.argv[2])
    scores = model(X[1500:].astype(np.float32))
    print(f"{(scores.argmax(axis=1) == y[1500:]).mean():.3f}", model.class_names[scores[0].argmax()])
