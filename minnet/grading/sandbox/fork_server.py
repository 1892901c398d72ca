"""A fork server has imported NumPy and minnet, and nothing else: each sandboxed process is a copy of it.

To start Python and import both takes longer than to grade a file. The server is a program of its own, so that the
memory that is copied holds nothing of the exercise, of its expected values, and of other students.
"""

import gc
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import minnet.grading.sandbox.files as files
import minnet.grading.sandbox.kernel as kernel
import minnet.grading.sandbox.limits as limits
from minnet.grading.remote.wire import Channel, ChannelError

_LONGEST = 1 << 16  # bytes of an order
NAMESPACES, USER_NAMESPACES, OTHER_USER, NONE = "namespaces", "user namespaces", "another user", "none"
_APART = kernel.MOUNTS | kernel.PROCESSES | kernel.NETWORK | kernel.MESSAGES | kernel.HOST_NAME


def main() -> None:
    """Fork a process for each order, until the socket is closed."""
    from minnet.grading.sandbox.student import run  # NumPy and minnet with it

    orders = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's affair
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    while True:
        text, descriptors, _, _ = socket.recv_fds(orders, _LONGEST, 2)
        if not text:
            return
        if os.fork() == 0:
            orders.close()
            _supervise(json.loads(text), descriptors, run)
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _supervise(order: dict[str, Any], descriptors: list[int], run: Any) -> None:
    """Start the sandboxed process, and end it with all that it started when the grader says so, or is gone."""
    control = socket.socket(fileno=descriptors[1])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        _leave(order["way"])
        child = os.fork()
    except OSError as error:
        _fail(descriptors[0], error)
        return
    if child == 0:
        _become_student(order, descriptors[0], run)
    os.close(descriptors[0])
    control.sendall(json.dumps([os.getpid(), child]).encode() + b"\n")
    with suppress(OSError):  # the grader was ended
        control.recv(1)
    used = _end(child, order["way"])
    with suppress(OSError):
        control.sendall(json.dumps(used).encode() + b"\n")


def _fail(channel: int, error: OSError) -> None:
    """Tell the grader that the system cannot isolate a process in this way."""
    with suppress(ChannelError):
        Channel(socket.socket(fileno=channel), 0).send({"failed": str(error)})


def _leave(way: str) -> None:
    """Leave the namespaces of the system; the next process that is forked is the first of its own."""
    os.setsid()
    if way == NAMESPACES:
        kernel.unshare(_APART)
    elif way == USER_NAMESPACES:
        user, group = os.getuid(), os.getgid()
        kernel.unshare(_APART | kernel.USERS)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    elif sys.platform == "linux":
        kernel.adopt_orphans()


def _become_student(order: dict[str, Any], channel: int, run: Any) -> None:
    """Enter the sandbox, and run the student's file in it; this never returns."""
    try:
        try:
            _enter(order)
        except OSError as error:
            _fail(channel, error)
            os._exit(1)
        _keep_only(channel)
        run(socket.socket(fileno=3))
    finally:
        os._exit(0)


def _enter(order: dict[str, Any]) -> None:
    way, home = order["way"], order["home"]
    memory = order["memory"] + limits.address_space()
    limits.stand_back()
    if way in (NAMESPACES, USER_NAMESPACES):
        files.enter(home, order["shown"], order["hidden"])
        home = files.HOME
    others = 0 if way in (NAMESPACES, USER_NAMESPACES, OTHER_USER) else limits.processes_of_user()
    limits.limit(memory, order["seconds"])
    limits.limit_processes(others)
    os.setpgid(0, 0)
    if way in (NAMESPACES, OTHER_USER):
        limits.become(order["user"])
    if way == USER_NAMESPACES:
        kernel.drop_capabilities()
    with suppress(OSError):  # another system than Linux
        kernel.no_new_privileges()
    os.chdir(home)
    os.environ.update(HOME=home, TMPDIR=home, MPLCONFIGDIR=home)


def _keep_only(channel: int) -> None:
    """Close every open file but the channel, which becomes number 3; what is printed is thrown away."""
    nothing = os.open(os.devnull, os.O_RDWR)
    channel = os.dup(channel)
    for number in range(3):
        os.dup2(nothing, number)
    os.dup2(channel, 3)
    os.closerange(4, 4096)


def _end(child: int, way: str) -> dict[str, Any]:
    """End the process and all that it started; return how it ended, and what it used."""
    ended, status, used = os.wait4(child, os.WNOHANG)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    if way in (OTHER_USER, NONE):
        with suppress(OSError):
            os.killpg(child, signal.SIGKILL)
        _end_orphans()
    # What it was sending is closed a moment before it can be waited for: then it ended by itself, too.
    own = bool(ended) or not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    unit = 1 if sys.platform == "darwin" else 1024
    signalled = own and os.WIFSIGNALED(status)
    how = {"signal": os.WTERMSIG(status) if signalled else 0, "code": os.waitstatus_to_exitcode(status) if own else 0}
    return {**how, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * unit}


def _end_orphans() -> None:
    """End what the process has left behind, which is this process's by now: see `kernel.adopt_orphans`."""
    for _ in range(10_000):
        for number in _children():
            os.kill(number, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    own, found = os.getpid(), []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == own:
                        found.append(int(name))
            except (OSError, IndexError):
                continue
    return found
