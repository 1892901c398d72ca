"""Results are what a student got: points for each check and question, and what the teacher should look at."""

from dataclasses import asdict, dataclass, field
from typing import Any

from minnet.grading.answers import WrongAnswer

GRADED, NOTHING, TIME, MEMORY, ENDED, WITHHELD, FAILED = (
    "graded",
    "no layer",
    "time limit",
    "memory limit",
    "ended",
    "withheld",
    "not graded",
)
STATUSES = {
    GRADED: "every question was graded",
    NOTHING: "the file defines none of the layers that are asked for",
    TIME: "the file, or a layer, took longer than the limit; what was checked before counts",
    MEMORY: "the file, or a layer, needed more memory than the limit; what was checked before counts",
    ENDED: "the file ended its process, by os._exit() or a crash; what was checked before counts",
    WITHHELD: "the file did something that no layer needs: the score is 0 until the teacher has looked at it",
    FAILED: "the grader could not run the file",
}


@dataclass(frozen=True)
class Check:
    """One check: whether it passed (None: it could not be asked), its points, and what is wrong."""

    name: str
    passed: bool | None
    points: float
    out_of: float
    message: str = ""


@dataclass
class Answer:
    """What came of one question."""

    question: str
    class_name: str
    out_of: float
    checks: list[Check] = field(default_factory=list)
    message: str = ""

    @property
    def score(self) -> float:
        """The points of all checks."""
        return round(sum(check.points for check in self.checks), 6)


@dataclass
class Result:
    """What came of one file.

    Attributes
    ----------
    student, file : str
        The student's name, which is that of the file or its folder, and the file's path inside the class's folder.
    status : str
        One of `STATUSES`.
    answers : list of Answer
        One for each question.
    flags : list of str
        What the teacher should look at.
    notes : list of str
        What went wrong while the file was run, such as an error in a cell.
    seconds, memory
        How long it took, and the most memory that its process had.
    protection
        How the process was isolated.
    """

    student: str
    file: str
    status: str = GRADED
    answers: list[Answer] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0
    protection: str = ""
    digest: str = ""

    def answer(self, question: str) -> Answer:
        """Return what came of a question; KeyError if there is none of this name."""
        answers = {answer.question: answer for answer in self.answers}
        if question not in answers:
            raise KeyError(f"there is no question {question!r}: there are {', '.join(answers)}")
        return answers[question]

    def score_of(self, question: str) -> float:
        """Return the points of a question that count: 0 if the score is withheld."""
        return self.answer(question).score if self.score else 0.0

    def require(self, question: str) -> None:
        """Raise WrongAnswer that says what is wrong, unless every check of a question passed: for a test."""
        answer = self.answer(question)
        wrong = [f"{check.name}: {check.message}" for check in answer.checks if not check.passed and check.out_of]
        if self.status in (WITHHELD, FAILED):
            wrong = [f"{self.status}: {flag}" for flag in self.flags]
        if wrong:
            score = self.score_of(question)
            raise WrongAnswer(f"{question}: {score:g} of {answer.out_of:g} points. " + "\n".join(wrong))

    @property
    def earned(self) -> float:
        """The points of all questions, even if they are withheld."""
        return round(sum(answer.score for answer in self.answers), 6)

    @property
    def score(self) -> float:
        """The points that count."""
        return 0.0 if self.status in (WITHHELD, FAILED) else self.earned

    @property
    def out_of(self) -> float:
        """The points of a right file."""
        return round(sum(answer.out_of for answer in self.answers), 6)

    @property
    def passed(self) -> bool:
        """Whether the score is the highest there is."""
        return self.status == GRADED and self.score >= self.out_of

    def as_json(self) -> dict[str, Any]:
        """Return everything in plain values."""
        scores = {answer.question: answer.score for answer in self.answers}
        return {**asdict(self), "score": self.score, "earned": self.earned, "out_of": self.out_of, "scores": scores}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Result":
        """Return the result that `as_json` was asked for."""
        values = {name: values[name] for name in cls.__dataclass_fields__}
        answers = [Answer(**{**a, "checks": [Check(**c) for c in a["checks"]]}) for a in values["answers"]]
        return cls(**{**values, "answers": answers})
