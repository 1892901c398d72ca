"""How Sphinx builds these pages: ``python -m sphinx -W -b html docs docs/_build/html``, from the root."""

import re
import sys
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from jupyter_client import KernelManager

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]  # this checkout, and reference.py
import minnet  # noqa: E402

project = "minnet"
author = "the minnet developers"
project_copyright = f"2026, {author}"
version = release = minnet.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "numpydoc", "reference"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
# Parts of other pages.
exclude_patterns = ["_build", "performance-anatomy.md", "performance-ratios.md", "reliability-figures.md"]
# Of a lesson, the source is run and shown; of its exercises, the hand-out, because their source has the solutions.
HANDOUTS = "*_exercises"
for notebook in Path(__file__).parent.glob("notebooks/**/*.*"):
    if (notebook.suffix == ".ipynb") != notebook.match(f"{HANDOUTS}.*"):
        exclude_patterns.append(notebook.relative_to(Path(__file__).parent).as_posix())
nb_execution_mode = "cache"
nb_execution_excludepatterns = [f"{HANDOUTS}.*"]
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_ipywidgets_js = {}  # a progress bar would load scripts from elsewhere, to show that it has ended
with suppress(AttributeError):  # else newer kernels print a warning, one a page
    KernelManager.transport_encryption.default_value = "auto"
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature has them
autodoc_preserve_defaults = True  # np.float32, not <class 'numpy.float32'>
autosummary_generate = False
numpydoc_show_class_members = False
default_role = "py:obj"  # the docstrings write `name` for code: a link, if the name is in the reference

html_theme = "furo"
html_title = f"minnet {version}"
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["minnet.css"]
with suppress(ModuleNotFoundError):  # browsers draw formulas well with a font for mathematics, which Linux often lacks
    html_static_path.append(str(files("ziamath.fonts") / "STIXTwoMath-Regular.ttf"))
html_show_sourcelink = False
html_math_renderer = "mathml"
pygments_style = "friendly"
pygments_dark_style = "github-dark"


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


def _language(app: Any, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Say which pages are Chinese: browsers choose the shapes of the characters by it, and screen readers the voice."""
    if "zh-TW" in page.split("/"):
        context["language"] = "zh-TW"


def _alt(app: Any, doctree: nodes.document, page: str) -> None:
    """Describe the pictures that cells draw: without a text, a screen reader would read the names of their files."""
    for image in doctree.findall(nodes.image):
        image.setdefault("alt", "上面的程式畫的圖" if "zh-TW" in page.split("/") else "what the code above draws")


def setup(app: Any) -> None:
    """Render formulas as MathML, which browsers draw by themselves: no script, no network."""
    app.add_html_math_renderer("mathml", (_inline_math, None), (_displayed_math, None))
    app.connect("autodoc-process-docstring", _whole_first_line, priority=100)
    app.connect("autodoc-process-docstring", _plain_references, priority=900)
    app.connect("autodoc-process-docstring", _bars, priority=901)
    app.connect("html-page-context", _language)
    app.connect("doctree-resolved", _alt)
