"""The grading of one file: run it in a sandbox, question by question, and say what came of it."""

import difflib
import time
from typing import Any

from minnet.grading import questions
from minnet.grading.exercise import Exercise, Question
from minnet.grading.remote.wire import Gone
from minnet.grading.results import ENDED, FAILED, GRADED, MEMORY, NOTHING, TIME, WITHHELD, Answer, Check, Result
from minnet.grading.sandbox.files import is_inside
from minnet.grading.sandbox.process import Student, clean
from minnet.grading.sandbox.sandbox import Sandbox

MOST_BYTES = 20 << 20  # of a file
_STATUSES = {"time": TIME, "ended": ENDED, "forged": WITHHELD, "grader": FAILED}
_HARMLESS = (  # what teachers want to know, and innocent files do
    *("read", "uses", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto"),
    *("subprocess.Popen", "os.system", "os.posix_spawn"),
)
_WORDS = {
    "read": "tried to read",
    "uses": "computes with the layer that it is to replace:",
    "write": "tried to write",
    "ctypes.dlopen": "loaded a library of the system:",
    "subprocess.Popen": "started a program:",
    "os.system": "started a program:",
    "os.fork": "started a process",
}


def grade(sandbox: Sandbox, exercise: Exercise, result: Result, source: bytes) -> Result:
    """Grade a file, and fill in its result."""
    start = time.monotonic()
    result.protection = sandbox.way
    result.answers = [Answer(q.name, q.class_name, q.out_of) for q in exercise.questions]
    run = _Run(sandbox, exercise, result, source)
    if len(source) > MOST_BYTES:
        result.status, result.notes = FAILED, [f"the file has {len(source):,} bytes: at most {MOST_BYTES:,} are read"]
    else:
        run.everything()
    result.seconds = round(time.monotonic() - start, 3)
    return result


class _Run:
    """One file's way through the questions. A question whose process ended leaves the others a new one."""

    def __init__(self, sandbox: Sandbox, exercise: Exercise, result: Result, source: bytes) -> None:
        self._sandbox, self._exercise, self._result, self._source = sandbox, exercise, result, source
        self._student: Student | None = None
        self._withheld: list[str] = []

    def everything(self) -> None:
        """Grade all questions, and say what the file did beside."""
        for question, answer in zip(self._exercise.questions, self._result.answers, strict=True):
            if not self._question(question, answer):
                break
        self._end()
        for answer, question in zip(self._result.answers, self._exercise.questions, strict=True):
            self._complete(answer, question)
        if self._withheld:
            self._result.status = WITHHELD
        if self._result.status == GRADED and all(
            answer.message.startswith("there is no class") for answer in self._result.answers
        ):
            self._result.status = NOTHING

    def _question(self, question: Question, answer: Answer) -> bool:
        """Grade a question; return whether there may be another one."""
        try:
            if self._student is None:
                self._start()
        except Gone as gone:
            self._gone(gone, answer, "the file")
            return False
        student = self._student
        assert student is not None
        if question.class_name not in student.classes:
            answer.message = _no_class(question.class_name, student)
            return True
        student.new_time()
        try:
            questions.grade(student, question, answer)
            student.look()
        except Gone as gone:
            self._gone(gone, answer, question.class_name)
        except Exception as error:  # a file that leads the grader itself into an error must not end the run
            self._gone(
                Gone("grader", f"the grader failed ({type(error).__name__}: {error})"), answer, question.class_name
            )
        return True

    def _start(self) -> None:
        exercise = self._exercise
        not_to_use = {name for question in exercise.questions for name in question.not_to_use}
        name = self._result.file.rpartition("/")[2]
        self._student = self._sandbox.fork(exercise.limits)
        self._student.load(name, self._source, not_to_use)
        notes = [_note(error) for error in self._student.errors]
        self._result.notes += [note for note in notes if note not in self._result.notes]

    def _gone(self, gone: Gone, answer: Answer, what: str) -> None:
        """Note that the process has ended; the next question starts another one."""
        answer.message = f"{what}: {gone.message}"
        self._result.status = _STATUSES[gone.status]
        self._flag(f"{what}: {gone.message}")
        if gone.status == "forged":
            self._withheld.append(gone.message)
        self._end()

    def _end(self) -> None:
        if self._student is None:
            return
        student, self._student = self._student, None
        student.end()
        for name in student.changed:
            self._flag(f"replaced {clean(name)}")
            self._withheld.append(name)
        self._result.memory = max(self._result.memory, int(student.used["memory"]))
        if student.out_of_memory and self._result.status == GRADED:
            self._result.status = MEMORY
            self._flag("it asked for more memory than the limit")
        for event, text in student.events:
            self._flag(f"{_WORDS.get(event, f'called {event}')} {text}".strip())
            if event not in _HARMLESS or self._is_hidden(text):
                self._withheld.append(event)

    def _is_hidden(self, path: str) -> bool:
        return any(is_inside(path, hidden) for hidden in self._sandbox.hidden)

    def _flag(self, text: str) -> None:
        if text not in self._result.flags and len(self._result.flags) < 50:
            self._result.flags.append(text)

    def _complete(self, answer: Answer, question: Question) -> None:
        """Add what is missing to the points of a question, as a check that did not pass."""
        missing = question.out_of - sum(check.out_of for check in answer.checks)
        if missing > 1e-9:
            answer.checks.append(Check("the rest", None, 0.0, missing, answer.message or questions.UNASKED))


def _no_class(name: str, student: Student) -> str:
    near = difflib.get_close_matches(name, student.classes, 1)
    hint = f"; there is a class {near[0]}: is it the one?" if near else ""
    stopped = f"; {_note(student.errors[0])}" if student.errors else ""
    return f"there is no class {name} in the file{clean(hint)}{stopped}"


def _note(error: dict[str, Any]) -> str:
    where = clean(str(error.get("where", "")))
    return clean(f"{error.get('error')}: {error.get('message')}") + (f" ({where})" if where else "")
