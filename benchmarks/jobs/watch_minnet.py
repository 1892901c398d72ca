"""Watch a long run: TensorBoard, a row an epoch, the best weights, early stopping, resume when it is killed."""

import sys

from sklearn.datasets import load_digits

import minnet as mn

X, y = load_digits(return_X_y=True)
model = mn.Sequential(mn.Normalize.of(X), mn.Linear(64, 64, rng=0), mn.ReLU(), mn.Linear(64, 10, rng=1))
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()))
history = trainer.fit(
    mn.DataLoader(X[:1500], y[:1500], 32, shuffle=True, rng=0),
    epochs=30,
    evaluate={"test": (X[1500:], y[1500:])},
    callbacks=[mn.callbacks.EarlyStopping("test_loss", patience=5), mn.callbacks.TensorBoard(f"{sys.argv[1]}/board")],
    checkpoint=mn.Checkpoint(f"{sys.argv[1]}/run", best="test_loss"),
    progress="rows",
)
print(f"{max(history.column('test_accuracy')):.3f}")
