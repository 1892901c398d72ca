"""What the tests of other graders share: the code on docs/grading.md, an exercise, and commands that find minnet."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXERCISE = """
title: Two layers
limits: {seconds: 60}
questions:
  - name: check-softplus
    class: Softplus
    inputs: [{shape: [4, 3]}]
    reference: mn.Softplus
  - name: check-affine
    class: Affine
    arguments: [3, 2]
    inputs: [{shape: [4, 3]}]
    reference: mn.Linear
"""


def code_of_docs(beginning):
    """Return the block of docs/grading.md with this beginning."""
    blocks = re.findall(r"```(?:py|json)\n(.*?)```", (ROOT / "docs" / "grading.md").read_text(encoding="utf-8"), re.S)
    return next(block for block in blocks if block.startswith(beginning))


def run(folder, *arguments):
    """Run ``python -m`` with these arguments in a folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader's alembic
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
