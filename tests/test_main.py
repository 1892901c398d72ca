"""`python -m minnet` tells what minnet runs on, in 80 columns, whatever is missing."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minnet import __main__ as main
from minnet.core.extras import EXTRAS
from minnet.data.mnist.dataset import Mnist, Split
from minnet.errors import DataError
from minnet.version import __version__

POOL = {
    "user_api": "blas",
    "internal_api": "openblas",
    "version": "0.3.20",
    "architecture": "Zen",
    "num_threads": 2,
    "filepath": "/numpy.libs/libopenblas.so",
}
HEADS = ["versions", "processor", "BLAS", "threads", "variables", "extras", "MNIST", "to run"]


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "minnet", *arguments], capture_output=True, text=True, check=True)


def rows(text):
    """Return heading → its lines."""
    found = {}
    for line in text.splitlines():
        if head := line[:11].strip():
            found[head] = []
        found[list(found)[-1]].append(line[11:])
    return found


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """Let MNIST be nowhere."""
    monkeypatch.delenv("MINNET_DATA", raising=False)
    monkeypatch.setattr("minnet.data.mnist.dataset.cache_folder", lambda: tmp_path / "cache")


def test_the_command():
    result = run()
    assert list(rows(result.stdout)) == HEADS
    assert rows(result.stdout)["versions"] == [
        f"minnet {__version__}, Python {sys.version.split()[0]}, NumPy {np.__version__}"
    ]
    assert max(map(len, result.stdout.splitlines())) <= 79
    assert result.stderr == ""


def test_help():
    assert "what minnet runs on" in run("--help").stdout


@pytest.mark.usefixtures("no_mnist")
def test_a_system_that_tells_little(monkeypatch, tmp_path):
    monkeypatch.setattr(np, "show_config", lambda mode: None)
    monkeypatch.setattr(main.Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(OSError))
    monkeypatch.setattr(main.platform, "processor", lambda: "")
    monkeypatch.setattr(main.os, "cpu_count", lambda: None)
    monkeypatch.delattr(main.os, "sched_getaffinity", raising=False)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.delattr(main.os, "getloadavg", raising=False)
    monkeypatch.setattr(main, "packages", dict)
    monkeypatch.setattr(main, "to_run", lambda project: "nothing")
    for name in main.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    found = rows(main.report())
    assert found["processor"][0].startswith("unknown processor, ")
    assert found["processor"][0].endswith("; 1 of 1 cores for this process")
    assert found["BLAS"] == ["unknown; to see its kernel and threads: pip install threadpoolctl"]
    assert found["variables"] == ["none is set of those that steer the BLAS (docs/performance.md)"]
    assert [line.split()[0] for line in found["extras"]] == list(EXTRAS)
    assert all(f"pip install '.[{line.split()[0]}]'" in line for line in found["extras"])
    assert found["MNIST"][0] == "not found (mn.data.load_mnist() downloads it):"
    assert found["MNIST"][1] == "$MINNET_DATA is not set"


@pytest.mark.usefixtures("no_mnist")
def test_the_variables_that_are_set(monkeypatch):
    for name in main.VARIABLES:
        monkeypatch.setenv(name, "3")
    text = main.report()
    assert " ".join(line.strip() for line in rows(text)["variables"]) == ", ".join(f"{v}=3" for v in main.VARIABLES)
    assert all(len(line) < 80 for line in text.split("MNIST")[0].splitlines())


@pytest.mark.parametrize(
    ("built", "pools", "expected"),
    [
        ({"name": "scipy-openblas", "version": "0.3.31"}, None, "scipy-openblas 0.3.31; to see its kernel"),
        ({"name": "accelerate", "version": "unknown"}, [], "accelerate; threadpoolctl does not know"),
        ({}, [], "unknown; threadpoolctl does not know"),
        ({"name": "blas"}, [POOL], "openblas 0.3.20, kernel Zen, threads 2"),
        ({}, [POOL, POOL | {"internal_api": "mkl"}], "openblas 0.3.20, kernel Zen, threads 2"),  # NumPy's comes first
        ({}, [{"user_api": "blas"}], "unknown unknown, kernel unknown, threads unknown"),
    ],
)
def test_blas(built, pools, expected):
    assert main.blas(built, pools).startswith(expected)


@pytest.mark.parametrize(
    ("quota", "cores", "expected"),
    [
        ("max 100000\n", 8, 8),
        ("200000 100000\n", 8, 2),
        ("50000 100000\n", 8, 1),
        ("900000 100000\n", 8, 8),
        ("", 8, 8),
    ],
)
def test_how_many_processors_a_container_may_use(quota, cores, expected, monkeypatch, tmp_path):
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(main, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(main.os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert main.usable() == expected


def test_without_affinity_and_quota(monkeypatch, tmp_path):
    monkeypatch.setattr(main, "QUOTA", tmp_path / "nothing")
    monkeypatch.delattr(main.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(main.os, "cpu_count", lambda: 3)
    assert main.usable() == 3


@pytest.mark.parametrize(
    ("pools", "name", "expected"),
    [
        ([POOL], "openblas", ["takes 3.00 ms with 2 threads, 1.00 ms with one", "set OPENBLAS_NUM_THREADS=1 there"]),
        (
            [POOL | {"num_threads": 64}],
            "mkl",
            ["with 64 threads", "set MKL_NUM_THREADS=4, or 1", "set MKL_NUM_THREADS=1"],
        ),
        ([POOL | {"num_threads": 1}], "openblas", ["one: right for small models", "set OPENBLAS_NUM_THREADS=1 there"]),
        ([POOL | {"num_threads": None}], "blis", ["set BLIS_NUM_THREADS=1 there"]),
        ([], None, ["set OMP_NUM_THREADS=1 there"]),
        (None, "accelerate", ["set VECLIB_MAXIMUM_THREADS=1 there"]),
    ],
)
def test_threads(pools, name, expected, monkeypatch):
    monkeypatch.setattr(main, "milliseconds", lambda *shape_and_threads: 1.0 if shape_and_threads[-1] == 1 else 3.0)
    monkeypatch.setattr(main, "usable", lambda: 4)
    lines = main.threads(pools, name).splitlines()
    assert len(lines) == len(expected)
    assert all(text in line for text, line in zip(expected, lines, strict=True))


def test_what_else_there_is_to_run(tmp_path):
    assert "\nhelp(mn.Trainer) has a first training" in main.to_run(tmp_path)
    lines = main.to_run(Path(main.__file__).parents[1]).splitlines()
    for text, *commands in (main.to_run(tmp_path).splitlines(), lines):
        assert [text.split()[2], commands[0].split()[2]] == ["minnet.demo", "minnet.grade"]
    assert lines[2].startswith("make mnist")
    names = [line.split()[0] for line in lines[4:]]
    assert "mnist_logreg" in names
    assert not {"pictures", "notebook_report"} & set(names)


def test_extras():
    found = {
        "data": {"pooch": "1.8.2"},
        "compiled": {"numba": "0.61.0", "scipy": None},
        "test": {f"p{i}": "1.0" for i in range(9)},
    }
    lines = main.extras(found).splitlines()
    shown = {line.split()[0]: line[40:] for line in lines}
    assert shown["data"] == "pooch 1.8.2"
    assert shown["compiled"] == "pip install scipy"  # half of it is missing
    assert shown["test"] == "9 packages, installed"
    assert shown["plots"] == "pip install '.[plots]'"
    assert all(len(line) <= 69 and EXTRAS[line.split()[0]] in line for line in lines)


def test_mnist_that_is_there_and_mnist_that_is_damaged(monkeypatch):
    split = Split(np.zeros((1234, 784), np.uint8), np.zeros(1234, int))
    monkeypatch.setattr(main, "find_mnist", lambda path, download: (Mnist(split, split, split), Path("folder")))
    assert main.mnist() == "3,702 images in folder"

    def damaged(path, download):
        raise DataError("file: expected images, got none\nLikely cause: ...")

    monkeypatch.setattr(main, "find_mnist", damaged)
    assert main.mnist() == "damaged or unreadable: file: expected images, got none"


@pytest.mark.usefixtures("no_mnist")
def test_it_prints_where_the_terminal_knows_few_letters(monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(main, "processor", lambda: "Prozessor für alles")
    monkeypatch.setattr(sys, "stdout", stdout)
    main.main([])
    stdout.flush()
    assert b"processor  Prozessor f?r alles" in stdout.buffer.getvalue()


def test_a_reader_that_stops_early_is_no_error():
    """Such as in ``python -m minnet | head -1``."""
    with subprocess.Popen(
        [sys.executable, "-m", "minnet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        running.stdout.close()
        assert (running.stderr.read(), running.wait()) == ("", 0)
