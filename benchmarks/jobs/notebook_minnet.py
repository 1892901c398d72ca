"""In a notebook: load the model of the job "serve", name the classes of some images, and draw the mistakes."""

import sys

from sklearn.datasets import load_digits

import minnet as mn

X, y = load_digits(return_X_y=True)
model = mn.load_model(sys.argv[1])
scores = model(X[1500:].astype("float32"))
print([model.class_names[i] for i in scores[:10].argmax(axis=1)])
figure = mn.plots.mistakes(X[1500:] / 16, scores, y[1500:], takes="scores", shape=(8, 8), class_names=model)
