"""Watch a long run: TensorBoard, a printed row an epoch, the best weights, early stopping. A killed run begins anew."""

import sys
import warnings

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from tensorboardX import SummaryWriter

warnings.filterwarnings("ignore")
X, y = load_digits(return_X_y=True)
X = StandardScaler().fit(X[:1500]).transform(X)
model = MLPClassifier((64,), batch_size=32, random_state=0)
best, waited, accuracies = np.inf, 0, []
with SummaryWriter(f"{sys.argv[1]}/board") as board:
    for epoch in range(30):
        model.partial_fit(X[:1500], y[:1500], classes=np.arange(10))
        p = model.predict_proba(X[1500:])
        loss, accuracy = log_loss(y[1500:], p), (p.argmax(1) == y[1500:]).mean()
        board.add_scalar("loss/train", model.loss_, epoch)
        board.add_scalar("loss/test", loss, epoch)
        board.add_scalar("accuracy/test", accuracy, epoch)
        accuracies.append(accuracy)
        print(epoch, f"{model.loss_:.4f} {loss:.4f} {accuracy:.4f}", file=sys.stderr)
        waited = 0 if loss < best else waited + 1
        if loss < best:
            best = loss
            joblib.dump(model, f"{sys.argv[1]}/best.joblib")
        if waited == 5:
            break
print(f"{max(accuracies):.3f}")
