"""The site as it is built: it needs no network, every link leads somewhere, every docstring is rendered."""

import html
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

for package in ("sphinx", "myst_parser", "numpydoc", "furo"):
    pytest.importorskip(package, reason="the extra docs is not installed")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
LOADS = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("video", "src")}


class Page(HTMLParser):
    """What a test looks at in a page: its ids, links, loaded files, title and text."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads, self.text, self.title = set(), [], [], [], ""
        self.pictures = []
        self._inside = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self._inside.append(tag)
        if tag == "img":
            self.pictures.append(dict(attributes).get("alt") or "")
        for name, value in attributes:
            if name == "id":
                self.ids.add(value)
            elif (tag, name) in LOADS:
                self.loads.append(value)
            elif (tag, name) == ("a", "href"):
                self.links.append(value)

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "title" in self._inside[-1:]:
            self.title += data
        if not {"script", "style", "pre"} & set(self._inside):
            self.text.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site, with warnings as errors."""
    out = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", ROOT / "docs", out]
    done = subprocess.run(build, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr  # of the kernels, which -W does not count
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def test_nothing_comes_from_another_place(site, pages):
    """No script, style, picture or font: the pages are the same without a network."""
    assert len(pages) > 40
    for path, page in pages.items():
        assert page.loads, path
        assert not [url for url in page.loads if urlsplit(url).scheme not in ("", "data") or url.startswith("//")], path
    for style in site.rglob("*.css"):
        found = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')\s]+)", style.read_text(encoding="utf-8"))
        assert not [url for url in found if re.match(r"(https?:)?//", url)], style


def test_links_and_files_lead_somewhere(site, pages):
    ids = {path: page.ids for path, page in pages.items()}
    wrong = []
    for path, page in pages.items():
        for url in page.links + page.loads:
            parts = urlsplit(url)
            if parts.scheme or url.startswith("//"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            exists = target.is_file()
            if not exists or (target in ids and parts.fragment and unquote(parts.fragment) not in ids[target]):
                wrong.append(f"{path.relative_to(site)}: {url}")
    assert not wrong


def test_each_page_has_a_title_of_its_own(site, pages):
    titles = [page.title.strip() for path, page in pages.items() if "_modules" not in path.parts]
    assert all("minnet" in title for title in titles)
    assert len(set(titles)) == len(titles)


def test_the_chinese_pages_say_that_they_are_chinese(pages):
    chinese = [path for path in pages if "zh-TW" in path.parts]
    assert len(chinese) >= 9
    for path in pages:
        lang = re.search(r'<html[^>]* lang="([^"]*)"', path.read_text(encoding="utf-8"))[1]
        assert lang == ("zh-TW" if path in chinese else "en"), path


def test_every_picture_has_a_text_of_its_own(pages):
    """A picture without one gets the name of its file."""
    for path, page in pages.items():
        assert not [text for text in page.pictures if re.search(r"^$|\.(png|svg)$", text)], path


def test_docstrings_are_rendered(pages):
    for path, page in pages.items():
        text = " ".join(page.text)
        assert not re.search(r"\b(Parameters|Returns|Raises|Examples|Attributes|Notes)\s+-{3,}", text), path
        assert "System Message" not in text, path
        assert not re.search(r":(class|func|meth|ref|obj|py:\w+):`", text), path


def test_the_reference_has_a_table_of_what_is_on_each_page(site):
    for path in (site / "api").glob("*.html"):
        page = path.read_text(encoding="utf-8")
        top = page[page.index("<h1>") : page.index("<h2>")]
        entries = set(re.findall(r'<dt class="sig sig-object py" id="(minnet[.\w]+)"', page))
        classes = {name for name in entries if name.rpartition(".")[0] not in entries}
        listed = set(re.findall(r'<a class="reference internal" href="#(minnet[.\w]+)"', top))
        assert classes <= listed, path


def test_the_search_knows_the_names(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    for name in ("DataLoader", "BatchNorm1d", "load_mnist"):
        assert f'"{name}"' in index or f"{name}:" in index, name


def test_no_page_has_an_answer_to_an_exercise(site):
    """The hand-outs are there, in every language, and no line of a solution is in their pages or beside them."""
    notebooks = pytest.importorskip("notebooks", reason="the extra notebooks is not installed")
    for source in notebooks.EXERCISES:
        name = f"notebooks/{notebooks.name_of(source)}"
        files = [path for path in site.rglob(f"{Path(name).name}*") if path.suffix not in (".doctree", ".png")]
        assert site / f"{name}.html" in files
        assert not [path for path in files if path.suffix == ".md"]
        lines = [line for _, solution in notebooks.solutions(source) for line in notebooks.telling_lines(solution)]
        for path in files:
            shown = html.unescape(re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8")))
            squeezed = "".join(shown.split()).replace('\\"', "'").replace('"', "'")
            assert "raiseNotImplementedError" in squeezed, path
            assert not [line for line in lines if line in squeezed], path
