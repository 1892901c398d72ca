"""Callbacks that were started are ended, whatever happens; and no error masks another."""

import pytest

from minnet.callbacks import Callback
from minnet.callbacks.participants import Participants


class Notes(Callback):
    """Writes its moments into a list that all share, and raises the errors that it is given."""

    def __init__(self, name, seen, start=None, end=None):
        self.name, self.seen, self.start, self.end = name, seen, start, end

    def on_fit_start(self, trainer):
        self.seen.append(f"{self.name} starts")
        if self.start:
            raise self.start

    def on_fit_end(self, trainer):
        self.seen.append(f"{self.name} ends")
        if self.end:
            raise self.end


def run(*callbacks, error=None):
    participants = Participants(callbacks, None)
    with participants:
        participants.start()
        if error:
            raise error


def test_only_what_was_started_is_ended():
    seen, error = [], ValueError("no")
    with pytest.raises(ValueError, match=r"^no$") as caught:
        run(Notes("a", seen), Callback(), Notes("b", seen, start=error), Notes("c", seen))
    assert seen == ["a starts", "b starts", "a ends"]
    assert caught.value is error
    seen.clear()
    with Participants([Notes("a", seen)], None):
        pass
    assert seen == []


def test_every_callback_is_ended_and_the_first_error_is_raised():
    seen, first = [], ValueError("first")
    with pytest.raises(ValueError, match="first") as caught:
        run(Notes("a", seen, end=first), Notes("b", seen, end=KeyError("second")), Notes("c", seen))
    assert seen == ["a starts", "b starts", "c starts", "a ends", "b ends", "c ends"]
    assert caught.value is first
    assert first.__notes__ == ["Notes.on_fit_end raised KeyError: 'second'"]


@pytest.mark.parametrize("error", [ZeroDivisionError("the reason"), KeyboardInterrupt(), SystemExit(143)])
def test_the_error_that_ended_the_run_is_raised_with_the_others_as_notes(error, capsys):
    seen = []
    with pytest.raises(type(error)) as caught:
        run(Notes("a", seen, end=OSError("disk")), Notes("b", seen, end=KeyError("b")), error=error)
    assert caught.value is error
    notes = ["Notes.on_fit_end raised OSError: disk", "Notes.on_fit_end raised KeyError: 'b'"]
    assert error.__notes__ == notes
    assert seen[-2:] == ["a ends", "b ends"]
    # Python prints no notes of SystemExit.
    assert capsys.readouterr().err.splitlines() == (notes if isinstance(error, SystemExit) else [])


def test_an_error_that_is_raised_again_is_no_note_of_itself():
    error = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        run(Notes("a", [], end=error), error=error)
    assert not hasattr(error, "__notes__")
