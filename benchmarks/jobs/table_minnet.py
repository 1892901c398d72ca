"""Cross-validate 6 settings on a table, in 5 folds."""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV

import minnet as mn

X, y = load_breast_cancer(return_X_y=True)
model = mn.sklearn.Classifier(hidden_layer_sizes=(32,), max_iter=50, n_iter_no_change=50, random_state=0)
grid = {"learning_rate_init": [0.001, 0.01, 0.1], "alpha": [0.0001, 0.01]}
search = GridSearchCV(model, grid, cv=5).fit(X, y)
print(f"{search.best_score_:.3f}")
