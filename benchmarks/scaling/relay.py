"""A link with latency between two network namespaces: what one sends arrives at the other so many seconds later.

Linux delays packets by its queue "netem", which many kernels of virtual machines lack. So a process stands in the
middle: it reads the packets of a TUN interface in each namespace, and writes them to the other's when they are due.
"""

import collections
import contextlib
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, TUN_WITHOUT_HEADER = 0x400454CA, 0x1001
TIMER_SLACK, MTU = 29, 9000  # prctl's number; bytes of a packet, as in networks with jumbo frames
QUEUE = 4000  # packets under way in a direction; then the sender waits, as for a router that is full


def interface(name: str, namespace: str, address: str) -> int:
    """Make a TUN interface in a namespace, and return its file."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH14x", name.encode(), TUN_WITHOUT_HEADER))
    ip = ["ip", "-n", namespace]
    for command in (
        ["ip", "link", "set", name, "netns", namespace],
        [*ip, "addr", "add", address, "dev", name],
        [*ip, "link", "set", name, "mtu", str(MTU), "up", "txqueuelen", "10000"],
    ):
        subprocess.run(command, check=True)
    return file


def relay(files: tuple[int, int], delay: float) -> None:
    """Carry packets both ways, until the process is killed."""
    under_way: dict[int, collections.deque[tuple[float, bytes]]] = {file: collections.deque() for file in files}
    other = {files[0]: files[1], files[1]: files[0]}
    while True:
        now = time.perf_counter()
        wait = None
        for file, packets in under_way.items():
            while packets and packets[0][0] <= now:
                write(other[file], packets.popleft()[1])
            if packets:
                left = packets[0][0] - now
                wait = left if wait is None else min(wait, left)
        readable = select.select([file for file in files if len(under_way[file]) < QUEUE], [], [], wait)[0]
        for file in readable:
            read(file, under_way[file], delay)


def read(file: int, packets: "collections.deque[tuple[float, bytes]]", delay: float) -> None:
    """Note what has come, and when it is due."""
    try:
        for _ in range(64):
            packet = os.read(file, 65536)
            packets.append((time.perf_counter() + delay, packet))
    except BlockingIOError:
        pass


def write(file: int, packet: bytes) -> None:
    """Hand a packet over; one that nobody takes is lost, as in a network."""
    with contextlib.suppress(OSError):
        os.write(file, packet)


def start(namespaces: list[str], addresses: list[str], delay: float) -> None:
    """Make the interfaces "link0" and "link1", say so, and relay with a priority above all that computes."""
    files = [interface(f"link{i}", *pair) for i, pair in enumerate(zip(namespaces, addresses, strict=True))]
    ctypes.CDLL(None).prctl(TIMER_SLACK, 1)
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    print("ready", flush=True)
    relay((files[0], files[1]), delay)


if __name__ == "__main__":
    start(sys.argv[1].split(","), sys.argv[2].split(","), float(sys.argv[3]))
