import subprocess
import sys

import pytest

import minnet as mn


def test_a_module_is_imported_when_a_name_of_it_is_used():
    code = """
import sys, minnet as mn
assert "minnet.layers.convolution" not in sys.modules
mn.Conv2d
assert "minnet.layers.convolution" in sys.modules
assert "minnet.layers.attention" not in sys.modules
assert vars(mn)["Conv2d"] is mn.Conv2d is mn.layers.Conv2d
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("package", [mn, mn.data, mn.layers, mn.losses, mn.optimizers], ids=lambda p: p.__name__)
def test_an_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'Nonsense'"):
        package.Nonsense  # noqa: B018
