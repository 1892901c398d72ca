"""A notebook's code is the same in every language, except for comments and text in strings."""

import ast
import re

import pytest
from notebooks import FOLDER, SOURCES, build, code_cells, name_of

TRANSLATED = [source for source in SOURCES if source.parent != FOLDER]


class Texts(ast.NodeTransformer):
    """Takes the strings out of code. The values in an f-string stay, in any order, because languages differ in that."""

    def __init__(self):
        self.found = []

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            self.found.append(node.value)
            node.value = ""
        return node

    def visit_JoinedStr(self, node):
        values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        self.found.append("".join(part.value for part in node.values if part not in values))
        node.values = sorted(values, key=ast.dump)
        return node


def without_texts(code):
    """Return code without its comments and strings, and the strings."""
    texts = Texts()
    return ast.dump(texts.visit(ast.parse(code))), texts.found


def differences(code, other):
    """Return what differs between code and its translation: strings may, where the translation's is not ASCII."""
    (form, texts), (other_form, other_texts) = without_texts(code), without_texts(other)
    if form != other_form:
        return [code, other]
    return [(a, b) for a, b in zip(texts, other_texts, strict=True) if a != b and b.isascii()]


@pytest.mark.parametrize("source", TRANSLATED, ids=name_of)
def test_the_code_is_the_same(source):
    english, other = (build.read(path) for path in (FOLDER / source.name, source))
    pairs = list(zip(code_cells(english), code_cells(other), strict=True))
    assert [a.metadata for a, _ in pairs] == [b.metadata for _, b in pairs]
    assert not [difference for a, b in pairs for difference in differences(a.source, b.source)]


@pytest.mark.parametrize("source", TRANSLATED, ids=name_of)
def test_text_and_code_alternate_in_the_same_order(source):
    english, other = (build.read(path) for path in (FOLDER / source.name, source))
    assert [cell.cell_type for cell in english.cells] == [cell.cell_type for cell in other.cells]


def test_what_counts_as_a_difference():
    assert not differences('print("one", x)  # a', 'print("一", x)  # b')
    assert not differences('f"{x:.1%} of {y}"', 'f"{y} 的 {x:.1%}"')
    assert differences('f"{x:.1%} of {y}"', 'f"{y} 的 {x:.2%}"')
    assert differences('f"{x} of {y}"', 'f"{y} 的 {y}"')
    assert differences('print("one", x)', 'print("two", x)')
    assert differences('print("one", x)', 'print("一", y)')
    assert differences("x = 1", "x = 2")


def english(code):
    """Return the docstrings, and the messages of assertions, that have English words and no Chinese ones."""
    tree = ast.parse(code)
    names = set(re.findall(r"\w+", re.sub(r"([\"']).*?\1", "", code)))
    messages = [ast.unparse(node.msg) for node in ast.walk(tree) if isinstance(node, ast.Assert) and node.msg]
    texts = ["".join(without_texts(message)[1]) for message in messages]
    texts += [
        ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    return [text for text in texts if text.isascii() and set(re.findall(r"[a-z]{4,}", text)) - names]


@pytest.mark.parametrize("source", TRANSLATED, ids=name_of)
def test_what_a_student_reads_is_translated(source):
    code = "\n".join(cell.source for cell in code_cells(build.read(source)))
    assert not english(code)


def test_what_counts_as_english():
    assert english('assert x, f"return a model, not {x}"')
    assert english('class A:\n    """y = x: the input becomes the output."""')
    assert not english('assert x, f"應該是模型，不是 {x}"')
    assert not english('class A:\n    """y = height * x."""\n    height = 1')
