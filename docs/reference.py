"""What Sphinx does for these pages: tables of the names on a page and of the extras, links from names to entries."""

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.ext.autosummary import Autosummary

from minnet.core.extras import EXTRAS

ENTRY = re.compile(r"^\.\. auto(?:class|function|data):: (\S+)", re.MULTILINE)


class Summary(Autosummary):
    """``.. summary::`` is a table of the names that the page documents, section by section; or of the names given."""

    def run(self) -> list[nodes.Node]:
        """Return the tables, each under its section's name."""
        self.options["nosignatures"] = None
        self.env.ref_context.pop("py:module", None)  # the names are given in full
        given = [name for line in self.content for name in line.split()]
        return [node for title, names in self._sections(given) for node in self._table(title, names)]

    def _sections(self, given: list[str]) -> Iterator[tuple[str, list[str]]]:
        if given:
            yield "", given
            return
        page = Path(self.env.doc2path(self.env.docname)).read_text(encoding="utf-8")
        for section in page.split("\n## ")[1:]:
            yield section.partition("\n")[0], ENTRY.findall(section)

    def _table(self, title: str, names: list[str]) -> list[nodes.Node]:
        self.content = StringList([f"~{name}" for name in names], source=self.env.docname)
        return [*([nodes.rubric(title, title)] if title else []), *super().run()]


class Extras(Directive):
    """``.. extras::`` is the table of minnet's extras: what each is for, and its packages, by setup.cfg."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        setup = configparser.ConfigParser()
        setup.read(Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
        lines = ["extra\tfor\tpackages"]
        for extra, purpose in EXTRAS.items():
            packages = re.findall(r"^\w[\w-]*", setup["options.extras_require"][extra], re.MULTILINE)
            lines.append(f"{extra}\t{purpose}\t{', '.join(packages)}")
        return [table([line.split("\t") for line in lines], code_columns=(0,))]


def table(rows: list[list[str]], code_columns: tuple[int, ...] = ()) -> nodes.table:
    """Make a table; its first row is the head."""
    lines = []
    for i, row in enumerate(rows):
        entries = []
        for j, text in enumerate(row):
            shown = nodes.literal(text, text) if i and j in code_columns else nodes.Text(text)
            entries.append(nodes.entry("", nodes.paragraph("", "", shown)))
        lines.append(nodes.row("", *entries))
    columns = [nodes.colspec(colwidth=1) for _ in rows[0]]
    return nodes.table("", nodes.tgroup("", *columns, nodes.thead("", lines[0]), nodes.tbody("", *lines[1:]), cols=3))


def find(env: Any, name: str) -> tuple[str, Any] | None:
    """Find the entry that a docstring or a page means by ``Linear``, ``Trainer.fit`` or ``mn.data.load_mnist``."""
    objects = env.domains["py"].objects
    full = re.sub(r"^mn\.", "minnet.", name)
    if full in objects:
        return full, objects[full]
    if not re.match(r"[A-Z]\w*[a-z]", name):  # "forward", "data" and "N" mean something else in each text
        return None
    found = [known for known, entry in objects.items() if known.endswith(f".{name}") and not entry.aliased]
    return (found[0], objects[found[0]]) if len(found) == 1 else None


def resolve(app: Any, env: Any, node: addnodes.pending_xref, content: nodes.Element) -> nodes.Node | None:
    """Resolve a name between single backticks in a docstring, where Python's own rules do not find it."""
    found = find(env, node["reftarget"]) if node.get("refdomain") == "py" else None
    return link(app, node["refdoc"], found, content) if found else None


def link(app: Any, page: str, found: tuple[str, Any], content: nodes.Element) -> nodes.reference:
    """Return a link from a page to an entry."""
    name, entry = found
    uri = app.builder.get_relative_uri(page, entry.docname) + f"#{entry.node_id}"
    return nodes.reference("", "", content.deepcopy(), internal=True, refuri=uri, reftitle=name)


def link_names(app: Any, doctree: nodes.document, page: str) -> None:
    """Make links of code such as ``mn.Linear`` and ``mn.save(...)`` in the text of all pages."""
    for literal in list(doctree.findall(nodes.literal)):
        name = re.fullmatch(r"(mn\.[\w.]+)(?:\(.*\))?", literal.astext())
        if not name or isinstance(literal.parent, nodes.reference | nodes.title | addnodes.pending_xref):
            continue
        if (found := find(app.env, name[1])) and found[1].docname != page:
            literal.replace_self(link(app, page, found, literal))


def link_sources(app: Any, doctree: nodes.document, page: str) -> None:
    """Let links to ``../minnet/layers/linear.py`` open that file as a page, in place of downloading it."""
    known = getattr(app.env, "_viewcode_modules", {})
    for node in list(doctree.findall(addnodes.download_reference)):
        path = re.search(r"(minnet/[\w/]+)\.py$", node["reftarget"])
        if path and path[1].replace("/", ".") in known:
            uri = app.builder.get_relative_uri(page, f"_modules/{path[1]}")
            node.replace_self(nodes.reference("", "", *node.children, internal=True, refuri=uri))


def add_ids(app: Any, doctree: nodes.document) -> None:
    """Let ``minnet.metrics.Ranking`` lead to ``minnet.metrics.ranking.Ranking``, as links from its source do."""
    for signature in doctree.findall(addnodes.desc_signature):
        if path := re.fullmatch(r"(minnet\.\w+)\.[a-z]\w*(\.[A-Z]\w*)", next(iter(signature["ids"]), "")):
            signature["ids"].append(path[1] + path[2])


def setup(app: Any) -> dict[str, Any]:
    """Register all of it."""
    app.setup_extension("sphinx.ext.autosummary")
    app.add_directive("summary", Summary)
    app.add_directive("extras", Extras)
    app.connect("doctree-read", add_ids, priority=900)
    app.connect("missing-reference", resolve)
    app.connect("doctree-resolved", link_names)
    app.connect("doctree-resolved", link_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
