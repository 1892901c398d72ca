"""Try the installed package where the repository is not: ``python -I smoke.py README.md``, in any folder.

It imports, trains, saves, loads and predicts; runs the blocks of the README; and looks at the error for an extra that
is not installed. It needs the core's packages and nothing else.
"""

import doctest
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import minnet as mn
from minnet.errors import MissingExtraError

DEVELOPMENT = ("pytest", "sphinx", "ruff", "matplotlib")


def installed_alone():
    """Check that this is the package that was installed, in the version that it says, and only with what it needs."""
    assert "site-packages" in mn.__file__, mn.__file__
    assert metadata.version("minnet-dl") == mn.__version__
    assert (Path(mn.__file__).parent / "py.typed").exists()
    assert metadata.metadata("minnet-dl")["Requires-Python"] == ">=3.11"
    for package in DEVELOPMENT:
        assert package not in sys.modules, package


def train_and_save():
    """Train a small network; the one that was saved and loaded predicts the same numbers."""
    X, y = mn.data.synthetic_digits(2_500, rng=0)
    model = mn.Sequential(mn.Linear(784, 32, rng=0), mn.ReLU(), mn.Linear(32, 10, rng=1))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters(), lr=1e-3))
    with tempfile.TemporaryDirectory() as folder:
        loader = mn.DataLoader(X[:2_000], y[:2_000], batch_size=50, shuffle=True, rng=0)
        trainer.fit(loader, epochs=4, checkpoint=f"{folder}/run")
        mn.save(model, f"{folder}/model.safetensors")
        same = mn.load(mn.Sequential(mn.Linear(784, 32), mn.ReLU(), mn.Linear(32, 10)), f"{folder}/model.safetensors")
    x = X[2_000:] * np.float32(model.input_scale)
    assert trainer.evaluate((X[2_000:], y[2_000:]))["accuracy"] > 0.8
    assert np.array_equal(same.eval().forward(x), model.eval().forward(x))


def an_extra_that_is_missing():
    """Check that a missing package is one line that says what to install."""
    message = ""
    if find_spec("matplotlib") is None:
        try:
            mn.extras.require("matplotlib", "plots")
        except MissingExtraError as error:
            message = str(error)
        assert "pip install matplotlib" in message, message


def main(readme):
    """Run everything; an error ends it."""
    installed_alone()
    train_and_save()
    an_extra_that_is_missing()
    failed, tried = doctest.testfile(readme, module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert not failed
    assert tried > 15
    print(f"minnet {mn.__version__} works as installed: Python {sys.version.split()[0]}, NumPy {np.__version__}")


if __name__ == "__main__":
    main(sys.argv[1])
