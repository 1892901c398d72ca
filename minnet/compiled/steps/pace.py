"""A Pace knows whether compiled steps are faster by several threads or by one."""

SECONDS = 0.05  # for one call, because Ctrl-C and the progress bar have to wait for its end
AGAIN = 32  # calls, of which one tries what was slower before


class Pace:
    """How fast steps are by several threads, and by one, which is faster where another program holds a processor."""

    def __init__(self) -> None:
        self._calls = 0
        self._seconds = {True: 0.0, False: 0.0}  # of a step by one thread, and by several; 0 before it was measured

    def is_faster_alone(self) -> bool:
        """Whether the next call is for one thread; now and then, the slower way is tried again."""
        self._calls += 1
        faster = self._seconds[True] < self._seconds[False]
        return faster != (self._calls % AGAIN == 0)

    def note(self, alone: bool, steps: int, took: float) -> None:
        """Note how long a call took, if it was long enough to tell."""
        if steps and took > SECONDS / 10:
            self._seconds[alone] = took / steps
