"""Train and save a model, in one process; load it and answer, in another. The file can run any code when it is read."""

import sys

import joblib
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_digits(return_X_y=True)
if sys.argv[1] == "train":
    network = MLPClassifier((64,), batch_size=32, max_iter=10, n_iter_no_change=10, random_state=0)
    joblib.dump(make_pipeline(StandardScaler(), network).fit(X[:1500], y[:1500].astype(str)), sys.argv[2])
else:
    model = joblib.load(sys.argv[2])
    print(f"{(model.predict(X[1500:]) == y[1500:].astype(str)).mean():.3f}", model.predict(X[1500:1501])[0])
