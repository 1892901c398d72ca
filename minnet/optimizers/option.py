"""An option of an optimizer is an attribute of it: a number, several numbers, or one of some choices."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from minnet.core.checks import check_choice, check_flag, check_int, check_number

if TYPE_CHECKING:
    from minnet.optimizers.base import Optimizer


class Option:
    """An option of an optimizer as an attribute: reading it gives the first group's, setting it sets every group's.

    A number has bounds, as for `minnet.core.checks.check_number`; an option without bounds is whatever was given.
    """

    def __init__(self, **bounds: Any) -> None:
        self.bounds = bounds

    def check(self, owner: str, value: Any) -> Any:
        """Return a value of the option as a float, or raise TypeError or ValueError."""
        return check_number(owner, self.name, value, **self.bounds) if self.bounds else value

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: "Optimizer | None", owner: type) -> Any:
        return self if optimizer is None else optimizer.param_groups[0][self.name]

    def __set__(self, optimizer: "Optimizer", value: Any) -> None:
        value = self.check(type(optimizer).__name__, value)
        for group in optimizer.param_groups:
            group[self.name] = value


def share() -> Option:
    """Make an option that says how much of an average or a velocity the next step keeps."""
    return Option(low=0, below=1, why="it is the share of the past that each step keeps")


class Flag(Option):
    """True or False."""

    def check(self, owner: str, value: Any) -> bool:
        """Return the value as a bool."""
        return check_flag(owner, self.name, value)


class Numbers(Option):
    """Several numbers with the same bounds; `what` says which, such as "a pair (β₁, β₂)"."""

    def __init__(self, what: str, length: int, **bounds: Any) -> None:
        super().__init__(**bounds)
        self.what, self.length = what, length

    def check(self, owner: str, value: Any) -> Any:
        """Return the numbers as a tuple of floats."""
        if not isinstance(value, (tuple, list)) or len(value) != self.length:
            raise TypeError(f"{owner} expected {self.name} to be {self.what}, got {value!r}")
        return tuple(check_number(owner, self.name, number, **self.bounds) for number in value)


def pair_of_betas() -> Numbers:
    """Make the option (β₁, β₂): the shares of the past that two running averages keep, 0 <= β < 1."""
    return Numbers("a pair (β₁, β₂)", 2, low=0, below=1)


class Count(Option):
    """A whole number, at least 1, or None if it may be left out; `why` says of what."""

    def __init__(self, why: str, *, optional: bool = False) -> None:
        super().__init__(why=why)
        self.optional = optional

    def check(self, owner: str, value: Any) -> Any:
        """Return the number as an int."""
        if value is None and self.optional:
            return None
        return check_int(owner, self.name, value, 1, **self.bounds)


class Choice(Option):
    """One of some values."""

    def __init__(self, choices: Collection[Any]) -> None:
        super().__init__()
        self.choices = choices

    def check(self, owner: str, value: Any) -> Any:
        """Return the value, if it is one of them."""
        return check_choice(owner, self.name, value, self.choices)
