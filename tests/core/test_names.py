"""The names of public modules: what TAB shows, in Python and in a Jupyter kernel, and what is said of others."""

import rlcompleter
import subprocess
import sys
import types

import pytest

import minnet as mn
from minnet.core import names

ROOMS = ["callbacks", "data", "errors", "extras", "gradcheck", "initializers", "metrics", "plots", "schedules"]
MODULES = ["mn", *(f"mn.{room}" for room in ROOMS), "mn.layers", "mn.losses", "mn.optimizers", "mn.data.augment"]


def module_of(path):
    return eval(path, {"mn": mn})


@pytest.mark.parametrize("path", MODULES)
def test_dir_has_public_names_and_nothing_that_is_imported(path):
    module = module_of(path)
    listed = dir(module)
    assert len(listed) == len(set(listed)) > 1
    assert [name for name in listed if name.startswith("_")] == (["__version__"] if path == "mn" else [])
    for name in listed:
        if name == "sklearn":  # imported when it is used
            continue
        value = getattr(module, name)
        where = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "minnet")
        assert where.startswith(("minnet", "collections.abc", "typing")), f"{name} of {where}"
    assert {"np", "Any", "Array", "base", "annotations", "TYPE_CHECKING"}.isdisjoint(listed)


def test_every_public_name_is_listed():
    assert {"Linear", "SGD", "Trainer", "DataLoader", "load_model", "callbacks", "metrics", "data"} <= set(dir(mn))
    assert {"EarlyStopping", "EMA"} <= set(dir(mn.callbacks))
    assert {"load_mnist", "augment"} <= set(dir(mn.data))
    assert {"f1", "F1"} <= set(dir(mn.metrics))
    assert not {"core", "training", "layers"} & set(dir(mn))
    assert {*mn.layers.__all__, *mn.losses.__all__, *mn.optimizers.__all__} <= set(dir(mn))


def complete(text):
    """Return what the completer of Python's prompt offers."""
    completer, found = rlcompleter.Completer({"mn": mn, "model": mn.Sequential(mn.Linear(2, 2))}), []
    while (match := completer.complete(text, len(found))) is not None:
        found.append(match.partition("(")[0])
    return found


def test_completion_at_pythons_prompt():
    assert complete("mn.Lin") == ["mn.Linear"]
    assert complete("mn.callbacks.E") == ["mn.callbacks.EMA", "mn.callbacks.EarlyStopping"]
    assert "mn.Trainer" in complete("mn.")
    assert "model.state_dict" in complete("model.")  # it offers more than dir(model): the words in the class, too
    assert "mn.sklearn" not in complete("mn.L")


@pytest.mark.parametrize(
    ("path", "name", "cure"),
    [
        ("mn", "Dense", r"write mn.Linear\(in_features, out_features\)"),
        ("mn", "Conv2D", "did you mean mn.Conv2d"),
        ("mn", "relu", "did you mean mn.ReLU"),
        ("mn", "Liner", "did you mean mn.Linear"),
        ("mn", "nn", "layers and losses are in minnet itself"),
        ("mn", "optim", "optimizers are in minnet itself"),
        ("mn", "Tensor", r"arrays are NumPy's: np.asarray\(x, np.float32\)"),
        ("mn", "no_grad", r"after model.eval\(\), forward keeps nothing"),
        ("mn", "EarlyStopping", "it is mn.callbacks.EarlyStopping"),
        ("mn", "StepLR", "it is mn.schedules.StepLR"),
        ("mn", "MLPClassifier", r"write mn.sklearn.Classifier\(\)"),
        ("mn", "save_model", r"write mn.save\(model, path\)"),
        ("mn.losses", "MSE", r"write mn.MSELoss\(\)"),
        ("mn", "xyzzy", r"dir\(mn\) lists what it has"),
        ("mn.layers", "MSELoss", "it is mn.MSELoss"),
        ("mn.metrics", "acuracy", "did you mean mn.metrics.Accuracy or mn.metrics.accuracy"),
        ("mn.callbacks", "ModelCheckpoint", "did you mean mn.Checkpoint"),
    ],
)
def test_an_unknown_name_is_answered_with_what_was_meant(path, name, cure):
    module = module_of(path)
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute '{name}'.*{cure}"):
        getattr(module, name)
    assert not hasattr(module, name)


def test_what_python_asks_for_is_answered_shortly():
    with pytest.raises(AttributeError, match=r"^module 'minnet\.layers' has no attribute '_repr_html_'$"):
        mn.layers._repr_html_  # noqa: B018


def test_no_word_is_a_name_of_minnet():
    known = {name for path in MODULES for name in module_of(path).__all__}
    assert known.isdisjoint(names.WORDS)


def test_a_star_import_brings_the_public_names():
    scope = {}
    exec("from minnet import *", scope)
    assert "Linear" in scope
    assert not {"_names", "np", "sklearn", "TYPE_CHECKING"} & scope.keys()


def test_importing_minnet_imports_no_room_that_needs_an_extra():
    """`dir` does not either."""
    code = (
        "import minnet, sys; dir(minnet); print({'sklearn', 'minnet.sklearn', 'difflib', 'IPython'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_room_without_its_package_is_not_listed(monkeypatch):
    monkeypatch.setattr(mn, "_find_spec", lambda package: None)
    assert "sklearn" not in dir(mn)
    assert "Linear" in dir(mn)


def test_a_lazy_room_is_imported_when_it_is_used():
    pytest.importorskip("sklearn")
    assert "sklearn" in dir(mn)
    assert mn.sklearn.__name__ == "minnet.sklearn"
    assert dir(mn.sklearn) == mn.sklearn.__all__
    with pytest.raises(AttributeError, match=r"did you mean mn\.sklearn\.Regressor"):
        mn.sklearn.Regresor  # noqa: B018


# -- a Jupyter kernel


@pytest.fixture(scope="module")
def kernel():
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipykernel")
    running, client = manager.start_new_kernel(kernel_name="python3", startup_timeout=120)
    client.execute_interactive(
        "import minnet\nimport minnet as mn\nmodel = mn.Sequential(body=mn.Linear(3, 2))", timeout=120
    )
    yield client
    client.stop_channels()
    running.shutdown_kernel(now=True)


def offered(kernel, code):
    """Return what TAB offers behind some code."""
    reply = kernel.complete(code, reply=True, timeout=120)["content"]
    start = code[: reply["cursor_start"]]
    return {(start + match).rpartition(".")[2] for match in reply["matches"]}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("jedi", [True, False])
def test_completion_in_a_jupyter_kernel(kernel, jedi):
    kernel.execute_interactive(f"%config IPCompleter.use_jedi = {jedi}", timeout=120)
    everything = offered(kernel, "mn.")
    assert {"Linear", "Trainer", "callbacks", "load_model"} <= everything
    assert not {"core", "training", "_names", "ModuleType", "TYPE_CHECKING"} & everything
    assert offered(kernel, "mn.Lin") == {"Linear"}
    assert offered(kernel, "mn.callbacks.") == set(dir(mn.callbacks))
    assert offered(kernel, "mn.layers.ConvT") == {"ConvTranspose1d", "ConvTranspose2d"}
    of_model = offered(kernel, "model.")
    assert {"forward", "append", "state_dict", "layers", "eval"} <= of_model
    if jedi:  # which is the default; without it, the words in the class are offered, too
        assert not {"to", "cuda", "fit", "half"} & of_model
    for code in ('model["', 'model.layers["'):
        assert any("body" in match for match in offered(kernel, code))
    assert "Trainer" in offered(kernel, "minnet.Tr")
