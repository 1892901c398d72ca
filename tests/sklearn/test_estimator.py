"""An estimator works where scikit-learn's do: pipelines, searches, ensembles, pickles, weights, sparse data."""

import importlib
import os
import pickle
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.sparse import csc_matrix, csr_matrix, random
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, learning_curve
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import minnet as mn

X, y = load_iris(return_X_y=True)


def quick(**options):
    """Return a Classifier that learns the flowers in few steps."""
    few = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.05, "max_iter": 30, "random_state": 0}
    return mn.sklearn.Classifier(**few | options)


@pytest.mark.parametrize(
    "wrapped",
    [
        make_pipeline(StandardScaler(), quick()),
        CalibratedClassifierCV(quick(), cv=3),
        VotingClassifier([("a", quick()), ("b", quick(model=mn.Linear))], voting="soft"),
        StackingClassifier([("a", quick())], quick(), cv=3),
        BaggingClassifier(quick(), 3, random_state=0),
        AdaBoostClassifier(quick(), n_estimators=3, random_state=0),
        OneVsRestClassifier(quick()),
        OneVsOneClassifier(quick()),
    ],
    ids=lambda wrapped: type(wrapped).__name__,
)
def test_inside_of_others(wrapped):
    assert wrapped.fit(X, y).score(X, y) > 0.9


def test_model_selection():
    assert cross_val_score(quick(), X, y, cv=3).mean() > 0.9
    assert cross_val_predict(quick(), X, y, cv=3, method="predict_proba").shape == (150, 3)
    assert learning_curve(quick(), X, y, cv=3, shuffle=True, exploit_incremental_learning=True)[2].shape == (5, 3)
    importance = permutation_importance(quick().fit(X, y), X, y, n_repeats=3, random_state=0).importances_mean
    assert importance[2:].sum() > importance[:2].sum()
    both = MultiOutputClassifier(quick()).fit(X, np.stack([y, y > 0], axis=1))
    assert both.predict(X).shape == (150, 2)


@pytest.mark.slow
def test_a_search_in_two_processes_finds_the_same():
    grid = {"hidden_layer_sizes": [(), (8,)], "learning_rate_init": [0.001, 0.05], "max_iter": [5, 30]}
    one, two = (GridSearchCV(quick(), grid, cv=3, n_jobs=n).fit(X, y) for n in (1, 2))
    assert one.best_params_["learning_rate_init"] == 0.05
    assert (one.cv_results_["mean_test_score"] == two.cv_results_["mean_test_score"]).all()


def test_random_state():
    first, second, other = (quick(random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 0, 1))
    assert (first == second).all()
    assert (first != other).any()
    assert (quick(random_state=None).fit(X, y).predict_proba(X) != first).any()
    drawn = quick(random_state=np.random.RandomState(0))
    assert (drawn.fit(X, y).predict_proba(X) != drawn.fit(X, y).predict_proba(X)).any()


def test_tables():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    fitted = quick().fit(table, pandas.Series(y, dtype="category"))
    assert fitted.feature_names_in_.tolist() == list("abcd")
    assert (fitted.predict(table) == quick().fit(X, y).predict(X)).all()
    with pytest.raises(ValueError, match="same order as they were in fit"):
        fitted.predict(table[list("dcba")])
    scaled = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas").fit(table, y)
    assert scaled[-1].feature_names_in_.tolist() == list("abcd")


@pytest.mark.slow
def test_a_pickle_in_another_process(tmp_path):
    fitted = quick().fit(X, y)
    (tmp_path / "fitted").write_bytes(pickle.dumps((fitted, X, fitted.predict_proba(X))))
    code = "import pickle, sys; m, X, p = pickle.load(open(sys.argv[1], 'rb')); assert (m.predict_proba(X) == p).all()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "fitted")], check=True)
    again = pickle.loads(pickle.dumps(fitted)).partial_fit(X, y)
    assert again.n_iter_ == fitted.n_iter_ + 1


def test_a_saved_model_prepares_its_inputs(tmp_path):
    fitted = quick().fit(X.astype(np.float32), y)
    mn.save(fitted.model_, tmp_path / "model.safetensors")
    model = mn.load_model(tmp_path / "model.safetensors")
    assert model.forward(X.astype(np.float32)) == pytest.approx(fitted.decision_function(X.astype(np.float32)))
    assert model.class_names == ["0", "1", "2"]


def test_dtypes():
    assert quick().fit(X.astype(np.float32), y).model_.dtype == np.float32
    assert quick().fit(X, y).model_.dtype == np.float64
    assert quick().fit(X.astype(np.float32), y).predict_proba(X).dtype == np.float32


@pytest.mark.parametrize("options", [{}, {"batch_size": 16}, {"early_stopping": True}])
def test_sparse_is_dense_that_is_not_standardised(options):
    dense = quick(**options, standardize=False).fit(X, y).predict_proba(X)
    for convert in (csr_matrix, csc_matrix):
        assert quick(**options).fit(convert(X), y).predict_proba(convert(X)) == pytest.approx(dense)


def test_sparse_text_takes_the_memory_of_a_batch(monkeypatch):
    monkeypatch.setattr("minnet.training.trainer.keep_freed_memory", lambda: None)  # which asks for 32 MB
    words = random(2000, 5000, 0.002, format="csr", random_state=0, dtype=np.float32)
    topics = (words[:, :2500].sum(axis=1) > words[:, 2500:].sum(axis=1)).A1.astype(int)
    tracemalloc.start()
    fitted = quick(max_iter=5, batch_size=50).fit(words, topics)
    assert fitted.score(words, topics) > 0.9
    assert tracemalloc.get_traced_memory()[1] < 2000 * 5000 * 4 / 3  # all of it as an array of float32
    tracemalloc.stop()


def test_weights_count_as_copies_do():
    weight = np.random.default_rng(0).integers(0, 4, 150)
    options = {"batch_size": 1000}
    copies = quick(**options).fit(X.repeat(weight, axis=0), y.repeat(weight)).decision_function(X)
    assert quick(**options).fit(X, y, weight).decision_function(X) == pytest.approx(copies)
    assert (quick().fit(X, y, (y > 0).astype(float)).predict_proba(X)[:, 0] < 0.5).mean() > 0.9
    half, some = np.arange(0, 150, 2), quick(batch_size=16, early_stopping=True)
    alone = some.fit(X[half], y[half]).decision_function(X)
    assert some.fit(X, y, np.arange(150) % 2 == 0).decision_function(X) == pytest.approx(alone)
    assert quick().fit(X, y, y > 0).classes_.tolist() == [0, 1, 2]


def test_wrong_weights():
    for weight, message in (
        (np.zeros(150), "zero for every sample"),
        (-np.ones(150), ">= 0"),
        (np.ones(3), "inconsistent"),
    ):
        with pytest.raises(ValueError, match=message):
            quick().fit(X, y, weight)
    with pytest.raises(ValueError, match="one number a sample"):
        quick().fit(X, y, np.ones((150, 2)))


def test_early_stopping_holds_out_a_share_of_each_class():
    fitted = quick(early_stopping=True, validation_fraction=0.2, max_iter=300).fit(X, y)
    assert fitted.n_iter_ < 300
    losses = fitted.history_.column("validation_loss")
    assert len(losses) == fitted.n_iter_ == len(fitted.loss_curve_)
    assert min(losses) == losses[-12] or min(losses) < losses[-1]
    rare = quick(early_stopping=True, random_state=1).fit(X[:101], y[:101])  # one sample of the third class
    assert rare.predict_proba(X).shape == (150, 3)


def test_no_early_stopping():
    assert quick(n_iter_no_change=None).fit(X, y).n_iter_ == 30
    assert quick(n_iter_no_change=np.inf).fit(X, y).n_iter_ == 30
    assert quick(tol=10.0, n_iter_no_change=2).fit(X, y).n_iter_ == 4


def test_warm_start_goes_on():
    classifier = quick(warm_start=True, max_iter=5).fit(X, y)
    before, model = classifier.loss_curve_[-1], classifier.model_
    assert classifier.fit(X, y).loss_curve_[0] < before
    assert classifier.model_ is model
    assert clone(classifier).fit(X, y).n_iter_ == 5


def test_verbose(capsys):
    quick(verbose=True, max_iter=3).fit(X, y)
    assert (
        len([line for line in capsys.readouterr().err.splitlines() if line.split()[1:2] in (["1"], ["2"], ["3"])]) == 3
    )


def test_callbacks_are_copied():
    ema = mn.callbacks.EMA(0.9)
    stop = mn.callbacks.EarlyStopping("loss", patience=1, min_delta=100.0)
    before = dict(vars(stop))
    fitted = quick(callbacks=[ema, stop]).fit(X, y)
    assert fitted.n_iter_ == 2
    assert vars(stop) == before


class Interrupt(mn.callbacks.Callback):
    """Press Ctrl-C in the third epoch."""

    def on_epoch_end(self, trainer):
        if trainer.epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore")
def test_ctrl_c_ends_a_search_and_keeps_the_model(capsys):
    classifier = quick(callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, y)
    assert classifier.n_iter_ == 3
    assert classifier.predict(X).shape == (150,)
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(classifier, {"alpha": [0, 1]}).fit(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_iter": 0}, "max_iter >= 1"),
        ({"batch_size": "all"}, "or 'auto'|expected batch_size to be an int"),
        ({"alpha": -1}, "alpha"),
        ({"tol": -1.0}, "tol"),
        ({"validation_fraction": 1.5, "early_stopping": True}, "validation_fraction"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"learning_rate_init": "fast"}, "lr"),
        ({"callbacks": mn.callbacks.MaxNorm(3)}, r"callbacks to be a list, got a MaxNorm.*: pass callbacks=\["),
        ({"loss": "MultiLoss"}, "one loss, got MultiLoss"),
        ({"loss": mn.MultiLoss([mn.MSELoss()])}, "one loss, got MultiLoss"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        quick(**options).fit(X, y)


def test_alpha_decays_the_weights():
    sizes = [np.abs(quick(alpha=alpha).fit(X, y).model_[1].weight.data).mean() for alpha in (0, 1, 30)]
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.slow
def test_importing_minnet_does_not_import_scikit_learn():
    code = "import sys, minnet; assert 'sklearn' not in sys.modules; minnet.sklearn.Classifier()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_old_release_is_refused(monkeypatch):
    monkeypatch.setattr("sklearn.__version__", "1.5.2")
    with pytest.raises(mn.errors.MissingExtraError, match=r"scikit-learn 1.6 or newer, found 1.5.2: pip install -U"):
        importlib.reload(mn.sklearn)
