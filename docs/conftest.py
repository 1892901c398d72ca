"""Every Python block of these pages is a test: run in the order of the page, in one namespace a page.

A block that begins with >>> is a doctest; any other just runs. The pages in derivations/ continue the first block of
derivations.md. The root's conftest tests README.md in the same way.
"""

import os
import re
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from importlib.util import find_spec
from pathlib import Path

from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures are drawn, not shown


def begin_derivations(namespace):
    """Run the first block of derivations.md."""
    page = Path(__file__).with_name("derivations.md").read_text(encoding="utf-8")
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], namespace)


def give_find_spec(namespace):
    """Let a page skip a block without an extra: ``skip: next if(find_spec("onnx") is None, reason="...")``."""
    namespace["find_spec"] = find_spec


parsers = [PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE), SkipParser()]
without = [] if find_spec("sklearn") else ["sklearn.md", "coming-from-sklearn.md"]
without += [] if find_spec("torch") else ["from-pytorch-and-back.md"]
without += [] if find_spec("onnx") and find_spec("onnxruntime") else ["onnx.md"]
pages = Sybil(parsers, patterns=["*.md"], excludes=["derivations/*.md", *without], setup=give_find_spec)
derivations = Sybil(parsers, patterns=["derivations/*.md"], setup=begin_derivations)
pytest_collect_file = (pages + derivations).pytest()
collect_ignore = ["_build", "conf.py", "pictures.py", "reference.py", "reliability_figures.py", "notebooks/build.py"]
