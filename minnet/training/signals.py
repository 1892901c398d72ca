"""An interrupt is Ctrl-C, or SIGTERM: it may end a training run between two steps, never inside one."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """While active, hold Ctrl-C back as long as `busy` is set; a second one breaks through.

    Only Python's main thread receives signals; in any other this does nothing.

    Parameters
    ----------
    terminate
        Whether to hold back SIGTERM as well, which batch systems send some seconds before they kill.

    Attributes
    ----------
    busy : bool
        Set it around what must not be torn apart.
    pending : int
        The number of the signal that came in while busy, or 0.
    struck : int
        The number of the signal that took its effect, or 0.
    """

    def __init__(self, terminate: bool = False) -> None:
        self.busy = False
        self.pending = 0
        self.struck = 0
        self._signals = (signal.SIGINT, signal.SIGTERM) if terminate else (signal.SIGINT,)
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                # A handler of None was not set from Python, and could not be put back.
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def strike(self) -> None:
        """Let the signal that was held back take its effect.

        Raises
        ------
        KeyboardInterrupt
            For Ctrl-C.
        SystemExit
            For SIGTERM, with the status that a shell gives to who died of it.
        """
        self._raise(self.pending)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.busy and not self.pending:
            self.pending = number
        else:
            self._raise(number)

    def _raise(self, number: int) -> None:
        self.struck = number
        if number == signal.SIGTERM:
            raise SystemExit(128 + number)
        raise KeyboardInterrupt
