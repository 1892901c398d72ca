"""A missing optional package is an error of one line that names the extra."""

import configparser
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from minnet.core.extras import EXTRAS, packages, pip_command, require
from minnet.errors import MissingExtraError


def test_returns_the_module():
    import json.decoder

    assert require("json", "plots") is sys.modules["json"]
    assert require("json.decoder", "plots") is json.decoder


def test_names_what_pip_calls_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)  # as if it were not installed
    with pytest.raises(
        MissingExtraError, match=r'^scikit-learn is not installed: pip install scikit-learn \(.* "sklearn"'
    ):
        require("sklearn", "sklearn")


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.inside"])
def test_names_the_package_and_the_extra_that_brings_it(module):
    with pytest.raises(
        MissingExtraError, match=r'^no_such_package is not installed: pip install no_such_package \(.* extra "plots"\)$'
    ):
        require(module, "plots")


def test_is_an_import_error_without_a_chain():
    with pytest.raises(ImportError) as caught:
        require("no_such_package", "data")
    assert caught.value.__suppress_context__


def test_an_installed_package_that_lacks_something_is_not_a_missing_extra(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency") as caught:
        require("half_installed", "plots")
    assert not isinstance(caught.value, MissingExtraError)


def test_the_list_of_extras_is_that_of_the_distribution():
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    assert set(setup["options.extras_require"]) == set(EXTRAS)


def test_the_packages_of_a_distribution(monkeypatch):
    requirements = [
        "numpy>=2.0",
        'pooch>=1.8; extra == "data"',
        "numba>=0.61 ; extra=='compiled'",
        'no-such.package; python_version >= "3" and extra == "compiled"',
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: requirements)
    monkeypatch.setattr("importlib.metadata.version", version)
    found = packages()
    assert (found["data"], found["compiled"]) == ({"pooch": "1.0"}, {"numba": "1.0", "no-such.package": None})
    assert found["plots"] == {}


def version(package):
    if package == "no-such.package":
        raise PackageNotFoundError(package)
    return "1.0"


def test_a_distribution_that_is_not_installed_has_no_packages():
    assert packages("no-such-distribution") == {extra: {} for extra in EXTRAS}


def test_the_command_is_right_for_a_wheel_and_for_the_folder():
    assert pip_command("compiled", {"numba": None, "scipy": "1.0"}) == "pip install numba"
    assert pip_command("compiled", {"numba": None, "scipy": None}) == "pip install numba scipy"
    assert pip_command("compiled", {}) == "pip install '.[compiled]'"  # minnet is not installed: we are in its folder
