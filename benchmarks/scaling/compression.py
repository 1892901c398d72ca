"""Measure whether 16-bit gradients, or communication during backward, would make a step faster.

python benchmarks/scaling/compression.py
"""

import time
from typing import Any

import job
import numpy as np
from allreduce import in_bytes, timed
from page import table
from program import main, median, micros

SIZES = [32 * 1024, 512 * 1024, 8 * 2**20]  # bytes in float32
BUCKETS, ROUNDS = 4, 7


def task(comm: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Time what stands in the two tables; or train."""
    if task.get("train"):
        return accuracies()
    return {
        "16 bit": {size: sixteen(comm, size) for size in SIZES},
        "overlap": {size: overlap(comm, size) for size in SIZES},
    }


def sixteen(comm: Any, size: int) -> dict[str, list[float]]:
    """Time the ways to add up gradients of so many bytes in float32; and the conversions alone."""
    from mpi4py import MPI

    gradients = np.random.default_rng(comm.rank).standard_normal(size // 4, np.float32)
    short, others = np.empty(size // 4, np.uint16), np.empty((comm.size, size // 4), np.uint16)
    half = short.view(np.float16)

    def in_32() -> None:
        comm.Allreduce(MPI.IN_PLACE, gradients)
        np.multiply(gradients, 0.5, out=gradients)

    def in_16() -> None:
        half[:] = gradients
        comm.Allgather(short, others)  # MPI adds up no float16: each rank adds what it gathers
        np.add(others[0].view(np.float16), others[1].view(np.float16), out=gradients, dtype=np.float32)
        np.multiply(gradients, 0.5, out=gradients)

    def in_bfloat16() -> None:
        truncated(gradients, short)
        comm.Allgather(short, others)
        np.add(widened(others[0]), widened(others[1]), out=gradients)
        np.multiply(gradients, 0.5, out=gradients)

    def conversion() -> None:
        half[:] = gradients
        gradients[:] = half

    def conversion_b() -> None:
        truncated(gradients, short)
        gradients[:] = widened(short)

    ways = {"float32": in_32, "float16": in_16, "bfloat16": in_bfloat16,
            "float16, conversion": conversion, "bfloat16, conversion": conversion_b}  # fmt: skip
    return {name: timed(comm, way, ROUNDS) for name, way in ways.items()}


def truncated(values: np.ndarray, out: np.ndarray) -> None:
    """Round float32 to bfloat16, half up, as 16-bit patterns."""
    np.right_shift(values.view(np.uint32) + np.uint32(0x8000), 16, out=out, casting="unsafe")


def widened(patterns: np.ndarray) -> np.ndarray:
    """Return the float32 numbers of bfloat16 patterns."""
    return np.left_shift(patterns, np.uint32(16), dtype=np.uint32).view(np.float32)


def overlap(comm: Any, size: int) -> dict[str, list[float]]:
    """Time communication after work that takes about as long, and during it.

    The work is products of matrices, in as many pieces as there are buckets of gradients. "during" starts to add up a
    bucket after its piece, and waits for all at the end; "asked" also asks MPI during the pieces whether a request is
    done, which lets it get on.
    """
    from mpi4py import MPI

    gradients = np.zeros(size // 4, np.float32)
    buckets = np.array_split(gradients, BUCKETS)
    alone = comm.bcast(median(timed(comm, lambda: comm.Allreduce(MPI.IN_PLACE, gradients), 5)))
    a = np.ones((64, 64), np.float32)
    out = np.empty_like(a)
    begin = time.perf_counter()
    for _ in range(200):
        np.dot(a, a, out=out)
    products = max(1, round(alone / BUCKETS / ((time.perf_counter() - begin) / 200)))

    def piece(requests: list[Any], asks: bool) -> None:
        for i in range(products):
            np.dot(a, a, out=out)
            if asks and requests and i % max(1, products // 8) == 0:
                MPI.Request.Testall(requests)

    def work() -> None:
        for _ in buckets:
            piece([], False)

    def after() -> None:
        work()
        comm.Allreduce(MPI.IN_PLACE, gradients)

    def during(asks: bool) -> None:
        requests: list[Any] = []
        for bucket in buckets:
            piece(requests, asks)
            requests.append(comm.Iallreduce(MPI.IN_PLACE, bucket))
        MPI.Request.Waitall(requests)

    return {
        "work": timed(comm, work, ROUNDS),
        "communication": timed(comm, lambda: comm.Allreduce(MPI.IN_PLACE, gradients), ROUNDS),
        "after": timed(comm, after, ROUNDS),
        "during": timed(comm, lambda: during(False), ROUNDS),
        "asked": timed(comm, lambda: during(True), ROUNDS),
    }


def accuracies(seeds: int = 3, steps: int = 390 * 2) -> dict[str, list[float]]:
    """Return accuracies of networks that learn from the sums of two halves' gradients, sent in each type."""
    from works import digits

    data = digits()
    return {
        name: [trained(data, name, seed, steps) for seed in range(seeds)] for name in ("float32", "float16", "bfloat16")
    }


def trained(data: Any, kind: str, seed: int, steps: int) -> float:
    """Return the accuracy of 784-128-10 after so many steps."""
    import minnet as mn

    model = mn.Sequential(mn.Linear(784, 128, rng=seed), mn.ReLU(), mn.Linear(128, 10, rng=seed + 100))
    loss, optimizer = mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        rows = rng.integers(0, len(data.X), 128)
        sums = [np.zeros_like(p.data) for p in model.parameters()]
        for half in (rows[:64], rows[64:]):
            optimizer.zero_grad()
            loss.forward(model.forward(data.X[half]), data.y[half])
            model.backward(loss.backward())
            for total, parameter in zip(sums, model.parameters(), strict=True):
                total += sent(parameter.grad, kind)
        for total, parameter in zip(sums, model.parameters(), strict=True):
            parameter.grad[:] = total / 2
        optimizer.step()
    model.eval()
    return float((model.forward(data.X_test).argmax(axis=1) == data.y_test).mean())


def sent(gradient: np.ndarray, kind: str) -> np.ndarray:
    """Return a gradient as it arrives."""
    if kind == "float32":
        return gradient
    if kind == "float16":
        return gradient.astype(np.float16).astype(np.float32)
    short = np.empty(gradient.shape, np.uint16)
    truncated(gradient, short)
    return widened(short)


def measure() -> dict[str, Any]:
    """Measure on two ranks."""
    import hosts
    import netns

    found = {"shared memory": job.run("compression", 2, {}, ["--bind-to", "core"])}
    if netns.missing() is None:
        with netns.Hosts(**hosts.LINKS["veth, 1 Gb/s"]) as two:
            found["1 Gb/s"] = job.run("compression", 2, {}, mpiexec=two.command(job.find()))
    print("training ...", flush=True)
    return {"times": found, "accuracies": job.run("compression", 1, {"train": True})}


def markdown(found: dict[str, Any]) -> str:
    """Return the section."""
    short, during = [], []
    for network, tables in found["times"].items():
        for size in SIZES:
            times = {name: median(each) for name, each in tables["16 bit"][str(size)].items()}
            short.append([f"{in_bytes(size)}, {network}", *map(micros, times.values())])
            times = {name: median(each) for name, each in tables["overlap"][str(size)].items()}
            during.append([f"{in_bytes(size)}, {network}", *map(micros, times.values())])
    right = [
        f"{name} {100 * np.mean(each):.2f} % ({100 * min(each):.2f} … {100 * max(each):.2f})"
        for name, each in found["accuracies"].items()
    ]
    heads = (
        [
            "gradients, µs",
            "float32",
            "float16",
            "bfloat16",
            "float16, conversions alone",
            "bfloat16, conversions alone",
        ],
        [
            "gradients, µs",
            "work alone",
            "communication alone",
            "one after the other",
            "overlapped",
            "overlapped, MPI asked",
        ],
    )
    accuracy = "Accuracy of 784-128-10 on the test images after 780 steps, three seeds: " + "; ".join(right) + "."
    return "\n\n".join((ABOUT, table(heads[0], short), accuracy, OVERLAP, table(heads[1], during), DECISION))


ABOUT = """**16 bits.** Two ranks add up gradients: converted, sent, added in float32, scaled. MPI adds up no 16-bit
floats, so that each rank gathers what the others sent. bfloat16 is not a NumPy type: its bits are cut out of
float32's."""
OVERLAP = f"""**Overlap.** Each of {BUCKETS} buckets of gradients is added up by an `Iallreduce` while the next piece
of work goes on, which takes about as long in all as the communication does. *Asked*: during the work, `Testall` lets
MPI get on, because this Open MPI has no thread of its own for that (`ompi_info`: "OMPI progress: no")."""
DECISION = """minnet does neither. Through shared memory, converting large gradients takes longer than adding them up in
float32. Over a slow network, 16 bits save up to half of the exchange, and cost little accuracy here; but the sums are
rounded, so that n ranks no longer equal one. Overlap saves something there if MPI is asked often, which needs layers
that know of MPI, or hooks in every backward. And where both help, the dense networks lose against one rank all the
same: half of an exchange is still longer than the computing that is shared out. A larger batch saves more: see
below."""

if __name__ == "__main__":
    main("compression", measure, markdown, __doc__)
