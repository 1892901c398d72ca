"""Two "hosts" on one machine: network namespaces, joined by a veth pair or by a link with latency."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAMES, ADDRESSES = ("minnet-host1", "minnet-host2"), ("10.77.77.1", "10.77.77.2")
NETWORK = "10.77.77.0/24"
# In place of ssh, mpiexec calls this with the address of a host, and the command that it is to run there.
AGENT = """#!/bin/sh
case "$1" in {0[0]}) host={1[0]};; *) host={1[1]};; esac
shift
exec ip netns exec $host unshare --uts sh -c "hostname $host; $*"
"""


def missing() -> str | None:
    """Return what this machine lacks for such hosts; None if nothing."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    if absent := [name for name in ("ip", "tc", "unshare") if shutil.which(name) is None]:
        return f"not found: {', '.join(absent)} (packages iproute2 and util-linux)"
    tried = subprocess.run(["ip", "netns", "add", "minnet-try"], capture_output=True, text=True)
    if tried.returncode:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    run("ip netns del minnet-try")
    return None


class Hosts:
    """Two hosts and their link; leaving a ``with`` block takes them away.

    Parameters
    ----------
    delay
        By how many seconds each packet is late. None: a veth pair, which the kernel serves, without a relay.
    rate
        What the veth pair carries a second, as `tc` names it ("1gbit"); None: as fast as the machine is.
    retries
        How often TCP sends again what is not answered, until it gives a connection up (Linux' tcp_retries2); 15 takes
        a quarter of an hour, 5 some seconds.
    """

    def __init__(self, delay: float | None = None, rate: str | None = None, retries: int = 15) -> None:
        self.delay, self.rate, self.retries = delay, rate, retries

    def __enter__(self) -> "Hosts":
        with contextlib.ExitStack() as stack:
            self.links = ("link0", "link1")
            for name in NAMES:
                run(f"ip netns add {name}")
                stack.callback(run, f"ip netns del {name}")
                run(f"ip -n {name} link set lo up")
                self._run_in(name, f"echo {self.retries} >/proc/sys/net/ipv4/tcp_retries2")
            if self.delay is None:
                self._veth()
            else:
                stack.enter_context(_relayed(self.delay))
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            self._agent = Path(folder) / "agent"
            self._agent.write_text(AGENT.format(ADDRESSES, NAMES))
            self._agent.chmod(0o755)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _veth(self) -> None:
        run(f"ip link add link0 netns {NAMES[0]} type veth peer name link1 netns {NAMES[1]}")
        for name, link, address in zip(NAMES, self.links, ADDRESSES, strict=True):
            run(f"ip -n {name} addr add {address}/24 dev {link}")
            run(f"ip -n {name} link set {link} up")
            if self.rate is not None:
                run(f"tc -n {name} qdisc add dev {link} root tbf rate {self.rate} burst 256kb latency 50ms")

    def _run_in(self, name: str, script: str) -> None:
        subprocess.run(["ip", "netns", "exec", name, "sh", "-c", script], check=True)

    def cut(self) -> None:
        """Take the link down, as if somebody pulled the cable."""
        run(f"ip -n {NAMES[1]} link set {self.links[1]} down")

    def processes(self, script: Path) -> list[int]:
        """Return the processes in the two namespaces that run a script."""
        found = []
        for name in NAMES:
            done = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
            for pid in map(int, done.stdout.split()):
                with contextlib.suppress(OSError):
                    if str(script).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                        found.append(pid)
        return found

    def command(self, mpiexec: str) -> list[str]:
        """Return what starts mpiexec on the first host, for a rank on each."""
        there = [
            "ip",
            "netns",
            "exec",
            NAMES[0],
            "unshare",
            "--uts",
            "sh",
            "-c",
            f'hostname {NAMES[0]}; exec "$@"',
            "-",
        ]
        return [*there, mpiexec, "--host", ",".join(f"{address}:1" for address in ADDRESSES), "--bind-to", "none",
                "--prtemca", "plm_ssh_agent", str(self._agent), "--prtemca", "prte_if_include", NETWORK,
                "--mca", "btl_tcp_if_include", NETWORK]  # fmt: skip


@contextlib.contextmanager
def _relayed(delay: float) -> Iterator[None]:
    addresses = ",".join(f"{address}/24" for address in ADDRESSES)
    relay = [sys.executable, str(Path(__file__).with_name("relay.py")), ",".join(NAMES), addresses, str(delay)]
    with subprocess.Popen(relay, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the relay between the hosts did not start")
            yield
        finally:
            process.kill()


def run(command: str) -> None:
    """Run a command; an error says what it wrote."""
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")
