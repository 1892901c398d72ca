"""Every Python block of these pages is a test: run in the order of the page, in one namespace a page.

A block that begins with >>> is a doctest; any other just runs. README.md is tested the same way by the root's
conftest.
"""

import os
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

os.environ.setdefault("MPLBACKEND", "Agg")  # pictures are drawn, not shown

pages = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE)],
    patterns=["*.md"],
)
pytest_collect_file = pages.pytest()
collect_ignore = ["_build", "conf.py", "pictures.py", "reliability_figures.py"]
