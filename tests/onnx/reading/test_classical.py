"""What scikit-learn exports: linear models, networks, and what prepares their inputs."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")

import skl2onnx
from onnx_cases import one
from onnx_reading import layers_of, loaded
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

import minnet as mn

rng = np.random.default_rng(0)
TABLE = rng.normal(size=(60, 4)).astype(np.float32)
TWO, THREE = (TABLE[:, 0] > 0).astype(int), np.digitize(TABLE[:, 0], [-0.5, 0.5])
NAMES = np.array(["ant", "bee", "cat"])[THREE]
NUMBER = TABLE @ np.ones(4) + 1

pytestmark = pytest.mark.filterwarnings("ignore")  # of networks that have not learned to the end

MODELS = {
    "logistic of two": (LogisticRegression(), TWO, ["Linear", "Sigmoid"], ["0", "1"]),
    "logistic": (LogisticRegression(), THREE, ["Linear", "Softmax"], ["0", "1", "2"]),
    "logistic of names": (LogisticRegression(), NAMES, ["Linear", "Softmax"], ["ant", "bee", "cat"]),
    "linear": (LinearRegression(), NUMBER, ["Linear"], None),
    "two targets": (LinearRegression(), np.stack([NUMBER, -NUMBER], 1), ["Linear"], None),
    "ridge": (Ridge(), NUMBER, ["Linear"], None),
    "network of two": (MLPClassifier((5,), max_iter=20, random_state=0), TWO, None, ["0", "1"]),
    "network": (
        MLPClassifier((5, 6), activation="tanh", max_iter=20, random_state=0),
        NAMES,
        ["Linear", "Tanh", "Linear", "Tanh", "Linear", "Softmax"],
        ["ant", "bee", "cat"],
    ),
    "network of numbers": (MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0), NUMBER, None, None),
    "pipeline": (make_pipeline(StandardScaler(), PCA(3), Normalizer(), LogisticRegression()), NAMES, None, None),
    "scaled": (make_pipeline(MinMaxScaler(), Ridge()), NUMBER, None, None),
}


def exported(model, **options):
    return skl2onnx.to_onnx(model, TABLE[:1], options=options or None)


@pytest.mark.parametrize("name", MODELS)
def test_predictors(name, tmp_path):
    theirs, y, kinds, names = MODELS[name]
    theirs.fit(TABLE, y)
    is_classifier = hasattr(theirs, "predict_proba")
    expected = theirs.predict_proba(TABLE) if is_classifier else theirs.predict(TABLE)
    for options in ({}, {id(theirs): {"zipmap": False}}) if is_classifier else ({},):
        model = loaded(skl2onnx.to_onnx(theirs, TABLE[:1], options=options or None), tmp_path)
        got = model.forward(TABLE)
        np.testing.assert_allclose(got.reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)
        if kinds:
            assert layers_of(model) == kinds
        if names:
            assert model.class_names == names
        mn.save(model, tmp_path / "m.safetensors")
        again = mn.load_model(tmp_path / "m.safetensors")
        assert np.array_equal(again.forward(TABLE), got)
        assert again.class_names == model.class_names


@pytest.mark.parametrize(
    "theirs",
    [StandardScaler(), MinMaxScaler(), PCA(2), PCA(2, whiten=True), *map(Normalizer, ("l1", "l2", "max"))],
    ids=str,
)
def test_what_prepares_inputs(theirs, tmp_path):
    model = loaded(exported(theirs.fit(TABLE)), tmp_path)
    np.testing.assert_allclose(model.forward(TABLE), theirs.transform(TABLE), rtol=1e-5, atol=1e-5)


def test_a_network_is_trained_on(tmp_path):
    theirs = MLPClassifier((16,), max_iter=3, random_state=0).fit(TABLE, NAMES)
    model = loaded(exported(theirs), tmp_path)
    before = (model.forward(TABLE).argmax(1) == THREE).mean()
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.Adam(model.parameters(), lr=0.01))
    trainer.fit(mn.DataLoader(TABLE, THREE, batch_size=20, shuffle=True, rng=0), epochs=40, progress=False)
    assert trainer.evaluate((TABLE, THREE))["accuracy"] > max(before, 0.9)


def test_what_is_refused(tmp_path):
    options = {"domain": "ai.onnx.ml", "opset": 13}
    x = {"x": TABLE}
    for op, message, attributes in (
        ("Scaler", "is not positive", {"offset": [0.0], "scale": [0.0]}),
        ("Scaler", "no finite numbers", {"offset": [float("nan")], "scale": [1.0]}),
        ("LinearRegressor", "coefficients and", {"coefficients": [1.0, 2.0, 3.0], "targets": 2}),
        ("LinearRegressor", "post_transform", {"coefficients": [1.0] * 4, "post_transform": "PROBIT"}),
        ("Normalizer", "one of", {"norm": "L7"}),
    ):
        with pytest.raises(mn.errors.CheckpointError, match=message):
            loaded(one(op, x, **options, **attributes), tmp_path)
