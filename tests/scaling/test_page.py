"""Programs that measure write their own section of docs/scaling.md, and leave the others alone."""

import importlib.util
import re
from pathlib import Path

import pytest

SCALING = Path(__file__).parents[2] / "benchmarks" / "scaling"


def load(name):
    """Import a program of benchmarks/scaling."""
    spec = importlib.util.spec_from_file_location(f"scaling_{name}", SCALING / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = load("page")
TEXT = "# Title\n\n<!-- a: begin -->\nold\n<!-- a: end -->\n\nbetween\n\n<!-- b: begin -->\n<!-- b: end -->\nlast\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_a_section_is_replaced_and_the_rest_stays(file):
    page.write("a", "new: 5 µs\n", file)
    assert file.read_text(encoding="utf-8") == TEXT.replace("\nold\n", "\n\nnew: 5 µs\n\n")


def test_writing_twice_changes_nothing_more(file):
    page.write("b", r"a \1 backslash", file)
    once = file.read_text(encoding="utf-8")
    page.write("b", r"a \1 backslash", file)
    assert file.read_text(encoding="utf-8") == once
    assert r"a \1 backslash" in once


@pytest.mark.parametrize(
    "text", [TEXT.replace("a: end", "a: emd"), TEXT.replace("a: begin", "b: begin"), TEXT + TEXT, ""]
)
def test_a_page_without_the_markers_is_refused_and_left_alone(file, text):
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"no place for the section 'a': expected one line <!-- a: begin -->"):
        page.write("a", "new", file)
    assert file.read_text(encoding="utf-8") == text


def test_the_page_has_a_place_for_each_program_that_writes_to_it():
    text = "".join(path.read_text(encoding="utf-8") for path in page.DOCS.glob("*.md"))
    for program in SCALING.glob("*.py"):
        for section in re.findall(r'\bwrite\(\s*"(\w+)"', program.read_text(encoding="utf-8")):
            assert f"<!-- {section}: begin -->" in text, program
            assert f"<!-- {section}: end -->" in text, program


def test_a_table():
    assert page.table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
