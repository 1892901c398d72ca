"""An interrupt is Ctrl-C: it may end a training run between two steps, never inside one."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """While active, hold Ctrl-C back as long as `busy` is set; a second one breaks through.

    Only Python's main thread receives Ctrl-C; in any other this does nothing.

    Attributes
    ----------
    busy : bool
        Set it around what must not be torn apart.
    pending : bool
        Whether a Ctrl-C came in while busy.
    """

    def __init__(self) -> None:
        self.busy = False
        self.pending = False
        self._installed = False

    def __enter__(self) -> Self:
        in_main = threading.current_thread() is threading.main_thread()
        # A handler of None was not set from Python, and could not be put back.
        if in_main and signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
            self._before = signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.busy and not self.pending:
            self.pending = True
        else:
            raise KeyboardInterrupt
