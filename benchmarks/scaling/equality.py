"""n ranks train as one process does: the largest difference of each configuration, into docs/scaling.md.

The configurations are those of tests/support/configurations.py, which tests/mpi/test_equality.py holds to the same
limits. It takes a minute.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))

import job
from configurations import CONFIGURATIONS
from page import table
from program import main
from trainings import difference, repr_of, trained

RANKS = (2, 3, 4)


def task(comm: Any, names: list[str]) -> dict[str, float]:
    """Train each configuration on all ranks, and on each alone; return the largest difference of any rank."""
    import minnet as mn

    found = {}
    for name in names:
        result = trained(name, mn.MPI)
        bits = comm.allgather(repr_of(result))
        if any(other != bits[0] for other in bits):
            raise AssertionError(f"{name}: the ranks are not alike to the last bit")
        found[name] = difference(result, trained(name))
    return found


def measure() -> dict[str, dict[str, float]]:
    """Return of each configuration: the limit, what a last bit of the start makes, and the difference of n ranks."""
    names = list(CONFIGURATIONS)
    jobs = {str(ranks): job.run("equality", ranks, names, OMPI_MCA_mpi_yield_when_idle="1") for ranks in RANKS}
    return {
        name: {
            "limit": CONFIGURATIONS[name]().within,
            "last bit": difference(trained(name, last_bit=True), trained(name)),
            **{ranks: found[name] for ranks, found in jobs.items()},
        }
        for name in names
    }


def markdown(found: dict[str, dict[str, float]]) -> str:
    """Return the section."""
    head = ["configuration", *(f"{ranks} ranks" for ranks in RANKS), "a last bit", "limit"]
    rows = [
        [name, *(f"{figures[key]:.0e}" for key in (*map(str, RANKS), "last bit", "limit"))]
        for name, figures in found.items()
    ]
    double = [figures[str(ranks)] for figures in found.values() for ranks in RANKS if figures["limit"] <= 1e-12]
    return (
        f"The largest difference between n ranks and one process after 200 steps (or as many as the name says), of all "
        "numbers that a training leaves behind: weights and Buffers, the optimizer's state, every column of the "
        "history, averages, predictions, and the loader's next random numbers. Numbers beyond 1 count relative to "
        "the largest of their array. The ranks of a job are alike to the last bit: where they are not, the "
        "program ends with an error. *A last bit*: the same difference in one process, if each weight is the next "
        "larger number at the start, so what a rounding error grows to by itself. Data: 45 samples in batches of 16, "
        "so that the last batch of an epoch has 13, and ranks have parts of different sizes. "
        f"In float64, the largest of all is {max(double):.0e}.\n\n" + table(head, rows)
    )


if __name__ == "__main__":
    main("equality", measure, markdown, __doc__)
