"""Cross-validate 6 settings on a table, in 5 folds."""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True)
model = MLPClassifier(hidden_layer_sizes=(32,), max_iter=50, n_iter_no_change=50, random_state=0)
grid = {"mlpclassifier__learning_rate_init": [0.001, 0.01, 0.1], "mlpclassifier__alpha": [0.0001, 0.01]}
search = GridSearchCV(make_pipeline(StandardScaler(), model), grid, cv=5).fit(X, y)
print(f"{search.best_score_:.3f}")
