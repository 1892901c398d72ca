"""Two "hosts" on one machine: time Allreduce and training over links of several kinds, and cut a link.

python benchmarks/scaling/hosts.py      (needs Linux, root, and the programs of iproute2)
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import job
import netns
import numpy as np
from allreduce import adder, in_bytes, timed
from page import table
from program import main, median, micros

SIZES = [8, 2048, 32 * 1024, 512 * 1024, 8 * 2**20]
KEYS = ("W1", "W3", "W4")
LINKS: dict[str, dict[str, Any]] = {
    "veth": {},
    "veth, 1 Gb/s": {"rate": "1gbit"},
    "relay": {"delay": 0.0},
    "relay + 0.1 ms": {"delay": 1e-4},
    "relay + 1 ms": {"delay": 1e-3},
}
RETRIES = (15, 5)
SECONDS, ROUNDS, EQUAL_STEPS, TIMEOUT = 0.2, 5, 200, 10
# What a user's script is that trains until the link is cut.
SCRIPT = f"""
import numpy as np
import minnet as mn
X = np.random.default_rng(0).standard_normal((4096, 20))
model = mn.Sequential(mn.Linear(20, 500, rng=0), mn.ReLU(), mn.Linear(500, 4, rng=1))
loss, optimizer = mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.01)
trainer = mn.Trainer(model, loss, optimizer, parallel=mn.MPI(timeout={TIMEOUT}))
print("training", flush=True)
trainer.fit(mn.DataLoader(X, X[:, :4].argmax(axis=1), 64, shuffle=True, rng=0), epochs=10**6, progress=False)
"""


def task(comm: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Time Allreduce and training on the ranks; compare what is learned with what one rank learns."""
    from works import WORKS
    from works_in_jobs import Turns

    import minnet as mn

    found: dict[str, Any] = {"names": comm.allgather(os.uname().nodename)}
    found["allreduce"] = {size: timed(comm, adder(comm, size, "f4", True), ROUNDS) for size in SIZES}
    found["steps"] = {}
    for key in KEYS:
        turns = Turns(key, WORKS[key].batch_size, parallel=mn.MPI())
        steps = comm.bcast(turns.steps(SECONDS))
        means = [max(comm.allgather(float(np.mean(turns.turn(steps))))) for _ in range(ROUNDS)]
        found["steps"][key] = means
    together, alone = learned(mn.MPI()), learned(None)
    found["difference"] = max(float(np.abs(a - b).max()) for a, b in zip(together, alone, strict=True))
    return found


def learned(parallel: Any) -> list[np.ndarray]:
    """Return the weights of a float64 model after some steps."""
    import minnet as mn

    X = np.random.default_rng(0).standard_normal((1000, 20))
    model = mn.Sequential(mn.Linear(20, 30, rng=0), mn.ReLU(), mn.Linear(30, 4, rng=1)).astype(np.float64)
    optimizer = mn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, parallel=parallel)
    loader = mn.DataLoader(X, X[:, :4].argmax(axis=1), 64, shuffle=True, rng=0)
    trainer.fit(loader, steps=EQUAL_STEPS, progress=False)
    return [p.data for p in model.parameters()]


def measure() -> dict[str, Any]:
    """Measure on each link; then cut one."""
    if reason := netns.missing():
        raise SystemExit(f"hosts.py is left out: {reason}")
    found: dict[str, Any] = {"links": {}, "cut": {}}
    for name, link in LINKS.items():
        print(f"{name} ...", flush=True)
        with netns.Hosts(**link) as hosts:
            found["links"][name] = job.run("hosts", 2, {}, mpiexec=hosts.command(job.find()))
    for retries in RETRIES:
        print(f"the link is cut; tcp_retries2 is {retries} ...", flush=True)
        found["cut"][retries] = cut(retries)
    return found


def cut(retries: int, patience: float = 45) -> dict[str, Any]:
    """Cut the link of a job that trains; return after how many seconds it ended, its exit code, and what it wrote."""
    with netns.Hosts(retries=retries) as hosts, tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(SCRIPT, encoding="utf-8")
        command = [*hosts.command(job.find()), "-n", "2", sys.executable, str(script)]
        output = Path(folder) / "output"
        with output.open("w") as file, subprocess.Popen(
            command, env=os.environ | job.ENVIRONMENT, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        ) as process:  # fmt: skip
            while output.read_text().count("training") < 2 and process.poll() is None:
                time.sleep(0.1)
            time.sleep(2)
            if process.poll() is not None:
                raise job.JobError(f"the job ended before its link was cut:\n{output.read_text()}")
            hosts.cut()
            begin = time.perf_counter()
            said = None
            while process.poll() is None and time.perf_counter() - begin < patience:
                if said is None and "minnet: rank" in output.read_text():
                    said = time.perf_counter() - begin
                time.sleep(0.1)
            ended = time.perf_counter() - begin
            code = process.poll()
            left = hosts.processes(script)
            for pid in left:
                os.kill(pid, 9)
            process.kill()
        return {
            "seconds": ended,
            "message after": said,
            "code": code,
            "left": len(left),
            "said": output.read_text()[-3000:],
        }


def markdown(found: dict[str, Any]) -> str:
    """Return the section."""
    links = found["links"]
    sizes = [[name, *(micros(median(link["allreduce"][str(size)])) for size in SIZES)] for name, link in links.items()]
    steps = [
        [name, *(micros(median(link["steps"][key])) for key in KEYS), f"{link['difference']:.1e}"]
        for name, link in links.items()
    ]
    head = ["a step, µs", *KEYS, "difference from one rank"]
    parts = [
        ABOUT,
        table(["Allreduce, µs", *map(in_bytes, SIZES)], sizes),
        STEPS,
        table(head, steps),
        _cut(found["cut"]),
    ]
    return "\n\n".join(parts)


def _cut(cuts: dict[str, Any]) -> str:
    rows = []
    for retries, cut in cuts.items():
        message = "none" if cut["message after"] is None else f"{cut['message after']:.1f} s"
        ended = f"not in {cut['seconds']:.0f} s" if cut["code"] is None else f"{cut['seconds']:.1f} s"
        code = "–" if cut["code"] is None else str(cut["code"])
        rows.append([f"tcp_retries2 = {retries}", message, ended, code, str(cut["left"])])
    said = [line for cut in cuts.values() for line in cut["said"].splitlines() if line.startswith("minnet: ")]
    head = ["", "minnet's message after", "mpiexec ended after", "its exit code", "ranks left over"]
    return "\n\n".join((CUT, table(head, rows), f"```text\n{said[0] if said else 'no message'}\n```", AFTER))


ABOUT = """Two network namespaces on one machine, each with a host's name of its own, so that Open MPI takes them for
two hosts and sends by TCP. `mpiexec --host 10.77.77.1:1,10.77.77.2:1` starts the second host's rank by a small script
in place of ssh (`--prtemca plm_ssh_agent`), which enters the namespace. `benchmarks/scaling/netns.py` has all of it.

- *veth*: a pair of virtual Ethernet interfaces. *1 Gb/s*: its rate is limited by `tc … tbf`.
- *relay*: many kernels of virtual machines, this one too, lack `netem`, with which Linux delays packets. So a process
  carries the packets between two TUN interfaces, and hands each over after the added time. It costs some time itself,
  competes for the two processors with the two ranks, and limits the rate: compare with *relay* without added time.
- Both ranks run with `--bind-to none`. By default each host binds its rank to *its* core 0, which here is the same
  core: then the ranks wait for the scheduler, 8 ms and more, in every message that is longer than a few packets."""
STEPS = f"""A step of `Trainer(parallel=mn.MPI())` over these links (medians); and the largest difference of a weight
from one rank's after {EQUAL_STEPS} steps of a small float64 network."""

CUT = f"""**The cable is pulled**: one end of the veth pair was taken down while a job with `mn.MPI(timeout={TIMEOUT})`
trained."""
AFTER = """minnet's watchdog says what happened in the stated time, and ends the ranks that it can reach. mpiexec itself
waits for the other host's daemon until TCP gives the connection up: about a quarter of an hour as Linux is set
(`net.ipv4.tcp_retries2 = 15`), seconds with 5, which only root can set. Then it returned 1 in one try, and 0 in
another. So what starts jobs over a network should have a limit of time of its own, and look for the result, not at the
exit code alone."""

if __name__ == "__main__":
    main("hosts", measure, markdown, __doc__)
