"""How a file is run: part by part, so that one mistake does not cost what stands below it."""

import json

import numpy as np
import pytest

import minnet as mn
from minnet.grading.remote.served import Server
from minnet.grading.sandbox.student import File, not_to_use

CLASS = "class Tanh:\n    pass\n"


def notebook(*cells):
    made = [{"cell_type": "code", "source": cell} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "1 +"}, *made]}).encode()


@pytest.mark.parametrize(
    ("source", "errors"),
    [
        ("1 / 0\n" + CLASS, ["ZeroDivisionError"]),
        ("import nothing_of_this_name\n" + CLASS, ["ModuleNotFoundError"]),
        (CLASS + "assert False\nassert 1 > 2", ["AssertionError", "AssertionError"]),
        (CLASS + "exit()\n1 / 0", []),
        ("from __future__ import annotations\nx: nothing = 1\n" + CLASS, []),
        ("if __name__ == '__main__':\n    1 / 0\n" + CLASS, []),
        ("def f():\n    return f()\nf()\n" + CLASS, ["RecursionError"]),
        ("raise KeyboardInterrupt\n" + CLASS, ["KeyboardInterrupt"]),
        ("1/0\n" * 100 + CLASS, ["ZeroDivisionError"] * 20),
    ],
)
def test_a_script(source, errors):
    file = File("student.py", source.encode())
    assert [error["error"] for error in file.errors] == errors
    assert ("Tanh" in file.classes()) == (len(errors) < 20)


def test_where_an_error_was():
    file = File("student.py", b"def f():\n    return 1 / 0\n\nf()\n")
    assert file.errors[0]["where"] == "student.py, line 2: return 1 / 0"
    assert File("student.py", b"x = 1\nclass Tanh\n").errors[0]["where"] == "student.py, line 2"


@pytest.mark.parametrize("source", [b"\xff\xfe", b"x = '\xe9'", b"# coding: nothing\n", b"\0", b"(" * 1000])
def test_what_is_no_python(source):
    file = File("student.py", source)
    assert len(file.errors) == 1
    assert file.classes() == []


def test_an_encoding():
    source = "# coding: big5\nname = '梯度'\n".encode("big5")
    assert File("student.py", source).module.name == "梯度"


def test_a_notebook():
    cells = [
        "%matplotlib inline\nimport math",
        "!pip install x\ndisplay(3)",
        "%%timeit\n1 / 0",
        "x = (",
        CLASS,
        "1 / 0",
    ]
    file = File("student.ipynb", notebook(*cells))
    assert [error["error"] for error in file.errors] == ["SyntaxError", "ZeroDivisionError"]
    assert [error["where"] for error in file.errors] == ["cell 4, line 1", "cell 6, line 1: 1 / 0"]
    assert "Tanh" in file.classes()


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b'{"cells": [{}]}', b"[" * 100_000])
def test_what_is_no_notebook(data):
    file = File("student.ipynb", data)
    assert len(file.errors) == 1
    assert file.classes() == []


def test_the_layer_that_is_to_be_written_does_not_compute(monkeypatch):
    told = []
    for name in ("forward", "backward", "accumulate_grad"):
        monkeypatch.setattr(mn.Tanh, name, getattr(mn.Tanh, name))
    not_to_use(["Tanh"], lambda *event: told.append(event))
    x = np.ones((2, 2))
    assert np.array_equal(mn.Tanh().forward(x), np.tanh(x))
    monkeypatch.setattr(Server, "busy", True)
    with pytest.raises(RuntimeError, match="write the formula yourself"):
        mn.Tanh().forward(x)
    assert told == [("uses", "mn.Tanh")]


@pytest.mark.parametrize(
    ("cell", "remains"),
    [
        ("%%time\n" + CLASS, True),
        ("%%capture out\n" + CLASS, True),
        ("x = (7\n  % 3)\n" + CLASS, True),
        ("files = !ls\ny = %time 3\n" + CLASS, True),
        ("len?\nlen??\n?len\n" + CLASS, True),
        ("%%html\n" + CLASS, False),
        ("%%writefile x.py\n" + CLASS, False),
    ],
)
def test_magic_beside_a_class(cell, remains):
    file = File("student.ipynb", notebook(cell))
    assert file.errors == []
    assert ("Tanh" in file.classes()) == remains


def test_errors_without_end():
    assert len(File("student.ipynb", notebook(*["x = ("] * 100)).errors) == 20
    assert "Tanh" in File("STUDENT.IPYNB", notebook(CLASS)).classes()
