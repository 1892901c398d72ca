"""YAML with lines: each error has one line, and says where it is."""

import pytest

from minnet.grading import yaml_lines

pytest.importorskip("yaml")


def section(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return yaml_lines.read(path)


def test_values(tmp_path):
    file = section(tmp_path, "a: x\nb: 2\nc: {d: [1, 2.5, true, null]}\nl:\n  - {e: 1}\n")
    assert file.text("a") == "x"
    assert file.number("b") == 2
    assert file.section("c").value("d") == [1, 2.5, True, None]
    assert file.sections("l")[0].number("e") == 1
    assert file.text("f", "default") == "default"
    assert "f" not in file
    assert list(file) == ["a", "b", "c", "l"]


@pytest.mark.parametrize(
    ("text", "ask", "message"),
    [
        ("a: 1", lambda s: s.text("a"), "x.yaml, line 1: a: expected a text, got '1'"),
        ("\n\na: x", lambda s: s.number("a"), "x.yaml, line 3: a: expected a number, got 'x'"),
        ("a: -1", lambda s: s.number("a"), "x.yaml, line 1: a: expected a number of at least 0, got '-1'"),
        ("a: true", lambda s: s.number("a"), "x.yaml, line 1: a: expected a number of at least 0, got 'True'"),
        ("a: .nan", lambda s: s.number("a"), "x.yaml, line 1: a: expected a number of at least 0, got 'nan'"),
        ("b: 1", lambda s: s.text("a"), "x.yaml, line 1: a is missing: expected a text"),
        ("a:\n  b: 1", lambda s: s.section("a").text("c"), "x.yaml, line 2: a.c is missing: expected a text"),
        (
            "a: 1\nclas: 2",
            lambda s: s.only(["a", "class"]),
            "x.yaml, line 2: clas is not a known key here; did you mean 'class'?",
        ),
        (
            "q: 1",
            lambda s: s.only(["a", "class"]),
            "x.yaml, line 1: q is not a known key here; known keys: a, class",
        ),
        ("a: []", lambda s: s.sections("a"), "x.yaml, line 1: a: expected a list, each item after '- ', got '[]'"),
        (
            "a: [1]",
            lambda s: s.sections("a"),
            "x.yaml, line 1: a[0]: expected keys with values, such as 'class: Softplus', got '1'",
        ),
        ("a: 1\na: 2", lambda s: s, "x.yaml, line 2: a is given twice"),
        ("a: [1", lambda s: s, "x.yaml, line 1: not valid YAML: expected ',' or ']', but got '<stream end>'"),
        (
            "- 1",
            lambda s: s,
            "x.yaml, line 1: the file: expected keys with values, such as 'class: Softplus', got '[1]'",
        ),
        ("", lambda s: s, "x.yaml: the file is empty"),
        ("a: !!python/object/apply:os.system ['true']", lambda s: s.value("a"), ""),
    ],
)
def test_what_is_wrong(tmp_path, text, ask, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        ask(section(tmp_path, text))
    if message:
        assert str(error.value) == message
    assert "\n" not in str(error.value)


def test_what_is_no_text(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(ValueError, match="UTF-8"):
        yaml_lines.read(path)
