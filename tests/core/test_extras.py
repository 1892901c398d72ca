"""A missing optional package is an error of one line that names the extra."""

import sys

import pytest

from minnet.core.extras import require
from minnet.errors import MissingExtraError


def test_returns_the_module():
    import json.decoder

    assert require("json", "plots") is sys.modules["json"]
    assert require("json.decoder", "plots") is json.decoder


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.inside"])
def test_names_the_package_and_the_extra_that_brings_it(module):
    with pytest.raises(MissingExtraError, match=r"^no_such_package is not installed: .* pip install '.\[plots\]'\)$"):
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
