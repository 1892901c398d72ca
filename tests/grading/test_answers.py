"""A check says ✓, or in one line what is wrong."""

import sys

import numpy as np
import pytest

import minnet as mn
from minnet.grading import NotAnswered, WrongAnswer, answered, check


def unanswered():
    raise NotImplementedError


def raising(x):
    return x[10]


def said(block):
    """Return the error that a check makes of what a function raises."""
    with pytest.raises(WrongAnswer) as caught, check("the loss"):
        block()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return caught.value


def test_what_runs_to_its_end_is_right(capsys):
    with check("the loss"):
        assert True
    assert capsys.readouterr().out == "✓ the loss\n"


def test_nothing_goes_to_stderr(capsys):
    """nbgrader gives no points to a cell that writes there."""
    with check("the loss"):
        print("a warning", file=sys.stderr)
    assert capsys.readouterr() == ("a warning\n✓ the loss\n", "")


def test_not_answered_has_its_own_message():
    error = said(unanswered)
    assert type(error) is NotAnswered
    assert str(error) == (
        "the loss: `unanswered` is not answered yet: replace the line `raise NotImplementedError` by your code, and "
        "run its cell again"
    )
    assert "`...`" in str(said(lambda: answered(...)))
    assert type(said(lambda: answered(...))) is NotAnswered


def test_none_asks_for_a_return():
    error = said(lambda: answered(None))
    assert type(error) is WrongAnswer
    assert "is a `return` missing" in str(error)


@pytest.mark.parametrize("value", [0, "", [], 1.5])
def test_other_values_are_answers(value):
    assert answered(value) is value


def test_an_assertion_says_its_message_or_its_text():
    def with_message():
        assert 1 == 2, "it must be 0 for p = 1"

    def without():
        __tracebackhide__ = True
        raise AssertionError

    assert str(said(with_message)).startswith("the loss: it must be 0 for p = 1")
    assert "raise AssertionError" in str(said(without))


def test_an_error_of_the_students_code_is_placed():
    error = str(said(lambda: raising([1, 2])))
    assert error == (
        "the loss: the code raises an error in raising, in the line `return x[10]`: IndexError: list index out of range"
    )


def test_an_error_inside_a_library_is_placed_where_the_student_called_it():
    import numpy as np

    def multiply():
        return np.stack([np.ones(3), np.ones(4)])

    assert "in multiply, in the line `return np.stack([np.ones(3), np.ones(4)])`" in str(said(multiply))


def test_an_unknown_name_asks_for_the_cells_above():
    assert "was a cell above this one not run?" in str(said(lambda: gradient))  # noqa: F821


def test_checks_inside_checks_name_both():
    def inner():
        with check("a part"):
            unanswered()

    error = said(inner)
    assert type(error) is NotAnswered
    assert str(error).startswith("the loss: a part: `unanswered` is not answered yet")


def test_an_interrupt_is_not_an_answer():
    with pytest.raises(KeyboardInterrupt), check("the loss"):
        raise KeyboardInterrupt


def test_a_notebook_shows_one_line():
    assert said(unanswered)._render_traceback_() == [f"✗ {said(unanswered)}"]


def test_an_error_of_numpy_is_told_in_words_and_without_the_answer():
    class Product(mn.Layer):
        def forward(self, x):
            return self.W @ x

    layer = Product()
    layer.W = np.ones((3, 2))
    message = str(said(lambda: layer.forward(np.ones((4, 3)))))
    assert "forward cannot multiply the matrices in `self.W @ x`" in message
    assert "a transpose is missing or misplaced" in message
    assert "fits" not in message


def test_an_answer_of_another_kind_than_the_check_uses():
    cell = compile("with check('five losses'):\n    len(1.5)", "cell", "exec")
    with pytest.raises(WrongAnswer, match=r"^five losses: this check cannot use the answer: TypeError"):
        exec(cell, {"check": check})
