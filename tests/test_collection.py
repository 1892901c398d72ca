"""`make test` in a fresh clone has the extra "test" alone: then every file is collected, or skipped with a reason."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What the other extras bring, and what the tests compare with.
CODE = """
import sys, pytest
absent = "numba scipy torch sklearn pandas docutils sphinx numpydoc furo ziamath ruff mypy build twine ipykernel"
absent += " onnx onnxruntime onnxscript skl2onnx ipywidgets jupyter_client nbclient tensorboardX tensorboard"
absent += " mpi4py joblib dask distributed zarr jupytext nbformat yaml selenium myst_nb nbgrader otter"
sys.modules.update(dict.fromkeys(absent.split()))
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"]))
"""


def test_no_two_helpers_have_one_name():
    # Their folders are in sys.path, so the second one of a name would never be imported.
    names = Counter(file.stem for file in (ROOT / "tests").rglob("*.py"))
    shared = {name for name, count in names.items() if count > 1 and not name.startswith(("test_", "__"))}
    assert shared <= {"conftest"}


@pytest.mark.slow
def test_every_file_is_collected_with_the_extra_test_alone():
    # Without the plugins of pytest: it would look into those of absent packages, such as zarr's.
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
