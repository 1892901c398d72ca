"""A child is a process that trains with a minnet of another folder, and takes its turns when its parent says so.

    python benchmarks/child.py FOLDER WORK OPTIONS

It imports minnet from the folder, which is a checkout of another commit, and everything else from here. It reads
numbers of steps from its standard input, a line each, and answers "done" after so many steps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rivals import Remark
from with_minnet import options_of
from works import Work

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@contextmanager
def trainings(folder: Path | None, work: Work, remark: Remark) -> Iterator[list[Child]]:
    """Yield the ways in which the minnet of a folder does a work, each a child: none without a folder."""
    children: list[Child] = []
    try:
        for name, options in [("before", {}), *((f"before, {name}", options) for name, options in options_of(work))]:
            if folder is not None:
                children.append(Child(name, folder, work, **options))
        able = [child for child in children if child.able()]
        for child in children:
            if child not in able:
                remark(f"{child.name} is left out: that minnet cannot do it")
        yield able
    finally:
        for child in children:
            child.close()


class Child:
    """A contender that runs in a process of its own, which ends with this one."""

    def __init__(self, name: str, folder: Path, work: Work, one_thread: bool = False, **options: object) -> None:
        self.name = name
        self.slow_start = 2  # because a process that has slept begins with cold caches
        environment = os.environ | {"PYTHONPATH": str(folder.resolve())} | (ONE_THREAD if one_thread else {})
        command = [sys.executable, __file__, str(folder.resolve()), work.key, json.dumps(options)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )

    def begin(self, steps: int) -> None:
        """Let the child do so many steps."""
        assert self.process.stdin is not None
        try:
            print(steps, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            self._fail()

    def end(self) -> None:
        """Wait until it has done them."""
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "done\n":
            self._fail()

    def run(self, steps: int) -> None:
        """Do so many steps."""
        self.begin(steps)
        self.end()

    def rest(self) -> None:
        """Wait until the threads of the child sleep."""
        self.run(0)

    def able(self) -> bool:
        """Return whether the child can do its work: the minnet of an older commit may lack an option."""
        try:
            self.run(1)
        except RuntimeError:
            return False
        return True

    def close(self) -> None:
        """End the child."""
        if self.process.returncode is None:
            self.process.communicate()

    def _fail(self) -> None:
        _, error = self.process.communicate()
        raise RuntimeError(f"{self.name}: the process failed\n{error}")


def main() -> None:
    """Do what the parent says, until it closes the pipe."""
    folder, key, options = sys.argv[1:]
    import minnet as mn

    if not Path(mn.__file__).is_relative_to(folder):
        raise SystemExit(f"minnet was imported from {mn.__file__}, not from {folder}")
    from rounds import wait_for_threads
    from with_minnet import Minnet
    from works import WORKS, data_of

    work = WORKS[key]
    learner = Minnet(key, work, data_of(work), **json.loads(options))
    for line in sys.stdin:
        steps = int(line)
        if steps:
            learner.run(steps)
        else:
            wait_for_threads()
        print("done", flush=True)


if __name__ == "__main__":
    main()
