"""The Python blocks of the README, in both languages, are tests, as those of docs/ are."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from importlib.util import find_spec

from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE)],
    patterns=["README.md", "README.zh-TW.md"],
).pytest()

# The files that cannot be imported, or whose examples cannot run, without their extra.
collect_ignore = [] if find_spec("numba") else ["minnet/compiled"]
collect_ignore += [f"minnet/{room}" for room in ("sklearn", "onnx") if not find_spec(room)]
if not find_spec("torch"):
    collect_ignore.append("minnet/torch/modules")
