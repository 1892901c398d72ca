"""`make test` in a fresh clone has the extra "test" alone: then every file is collected, or skipped with a reason."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What the other extras bring, and what the tests compare with. Without scikit-learn, the folder tests/sklearn is taken
# for a package, because it is in sys.path: so there is an empty one.
CODE = """
import importlib.machinery, sys, types, pytest
absent = "numba scipy torch pandas docutils sphinx numpydoc furo ziamath ruff mypy build twine ipykernel ipywidgets"
absent += " jupyter_client nbclient tensorboardX tensorboard"
sys.modules.update(dict.fromkeys(absent.split()))
sys.modules["sklearn"] = sklearn = types.ModuleType("sklearn")
sklearn.__path__, sklearn.__spec__ = [], importlib.machinery.ModuleSpec("sklearn", None)
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"]))
"""


@pytest.mark.slow
def test_every_file_is_collected_with_the_extra_test_alone():
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
