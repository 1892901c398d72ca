"""Ctrl-C and SIGTERM end a training run between two steps, never inside one."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupts:
    """While active, hold Ctrl-C back as long as `busy` is set; a second one takes effect at once.

    Only Python's main thread receives signals; in any other this does nothing. With `terminate`, which a run that
    writes checkpoints asks for, SIGTERM is held back as well: batch systems send it some seconds before they kill.
    """

    def __init__(self, terminate: bool = False) -> None:
        self.busy = False  # set it around what must not be interrupted
        self.pending = 0  # the number of the signal that came in while busy
        self.asked = 0  # in a job of several ranks: that of a signal which the others were not told of
        self.raised = 0  # the number of the signal that was raised as an exception
        self.alone = False  # in a job: whether it was raised on this rank without the others
        self._terminate = terminate
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in self._held_back():
                # A handler of None was not set from Python, and could not be restored.
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def _held_back(self) -> list[signal.Signals]:
        return [signal.SIGINT, signal.SIGTERM] if self._terminate else [signal.SIGINT]

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def release(self) -> None:
        """Raise a pending signal, and hold no further one back; with `terminate`, leave it pending and stay busy.

        A run with checkpoints stays busy until what belongs to the step is done, and a checkpoint is written.
        """
        self.busy = self._terminate
        if self.pending and not self._terminate:
            self.raise_pending()

    def raise_pending(self) -> None:
        """Raise the signal that was held back, as `KeyboardInterrupt` or, for SIGTERM, `SystemExit`."""
        self._raise(self.pending)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.busy and not self.pending:
            self.pending = number
        else:
            self._raise(number)

    def _raise(self, number: int) -> None:
        self.raised = number
        if number == signal.SIGTERM:
            raise SystemExit(128 + number)  # the status that a shell gives to a process that died of it
        raise KeyboardInterrupt


class JobInterrupts(Interrupts):
    """Signals that take effect on all ranks of a job after the same step; a second one takes effect at once.

    A signal is only `asked` for when it comes in. When all ranks were told, it is `pending` on each of them. With
    `terminate`, SIGUSR1 is like SIGTERM, unless the script uses it: mpiexec passes SIGUSR1 on and waits, while half a
    second after SIGINT and SIGTERM it kills all ranks.
    """

    def _held_back(self) -> list[signal.Signals]:
        numbers = super()._held_back()
        if self._terminate and hasattr(signal, "SIGUSR1"):  # Windows has none
            numbers += [signal.SIGUSR1] if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL else []
        return numbers

    def _handle(self, number: int, frame: FrameType | None) -> None:
        number = number if number == signal.SIGINT else signal.SIGTERM
        if self.asked:
            self.alone = True
            self._raise(number)
        self.asked = number
