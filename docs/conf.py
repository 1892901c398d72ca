"""How Sphinx builds these pages: ``python -m sphinx -W -b html docs docs/_build/html``, from the root."""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that the pages describe this checkout
import minnet

project = "minnet"
author = "the authors of minnet"
project_copyright = author
version = release = minnet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "performance-anatomy.md", "reliability-figures.md"]  # parts of other pages
nitpicky = False

myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature has them
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "code"  # the docstrings write `name` for code

html_theme = "furo"
html_title = f"minnet {version}"
html_static_path = ["_static"]
html_css_files = ["minnet.css"]
html_show_sourcelink = False
html_math_renderer = "mathml"
pygments_style = "friendly"
pygments_dark_style = "monokai"


def _inline_math(translator: Any, node: nodes.math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _displayed_math(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>\n')
    raise nodes.SkipNode


def _plain_references(app: Any, what: str, name: str, thing: object, options: Any, lines: list[str]) -> None:
    """Make a docstring's footnotes a numbered list: MyST does not resolve them."""
    lines[:] = [re.sub(r"^\.\. \[(\d+)\]", r"\1.", re.sub(r"\[(\d+)\]_", r"[\1]", line)) for line in lines]


def _whole_first_line(app: Any, what: str, name: str, thing: object, options: Any, lines: list[str]) -> None:
    """Keep napoleon from taking "a: b", the first line of a property, for a type and its description."""
    if what in ("attribute", "property") and lines:
        lines[0] = lines[0].replace(": ", "; ")


def _bars(app: Any, what: str, name: str, thing: object, options: Any, lines: list[str]) -> None:
    """Let |x| be an absolute value: reStructuredText takes it for a substitution."""
    lines[:] = [re.sub(r"\|(\S|\S[^|]*\S)\|", r"\\|\1\\|", line) for line in lines]


def setup(app: Any) -> None:
    """Render formulas as MathML, which browsers draw by themselves: no script, no network."""
    app.add_html_math_renderer("mathml", (_inline_math, None), (_displayed_math, None))
    app.connect("autodoc-process-docstring", _whole_first_line, priority=100)
    app.connect("autodoc-process-docstring", _plain_references, priority=900)
    app.connect("autodoc-process-docstring", _bars, priority=901)
