"""The kept inputs again, a short pass of new ones, and tests that the fuzzer itself would notice what it is for."""

import json
import struct
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("resource")  # not on Windows

import engine
import fuzz
import tensorfiles
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from targets import TARGETS

from minnet.data.mnist.idx import read_idx
from minnet.errors import CheckpointError, DataError

KEPT = sorted(path for path in fuzz.CORPUS.glob("*/*") if path.is_file())
READERS = pytest.mark.parametrize("reader", TARGETS)


@READERS
def test_good_files_are_read(reader, tmp_path):
    for content in TARGETS[reader].samples():
        outcome = engine.attempt(TARGETS[reader], content, tmp_path / "input")
        assert outcome.kind == "read", outcome.message


@READERS
def test_the_kept_inputs(reader, tmp_path):
    kept = [path for path in KEPT if path.parent.name == reader]
    assert len(kept) >= 20
    for path in kept:
        outcome = engine.attempt(TARGETS[reader], path.read_bytes(), tmp_path / "input")
        assert outcome.kind != "failure", f"{path}: {outcome.message}"


@pytest.mark.slow
@READERS
def test_a_short_pass(reader, tmp_path):
    summary = engine.run(reader, 2024, range(700), tmp_path)
    assert not summary.failures, [message for _, message, _ in summary.failures]
    assert summary.kinds["read"] > 20
    assert summary.kinds["refused"] > 300
    assert len(summary.messages) > 12


def test_an_input_is_made_again_from_its_number():
    for reader in TARGETS:
        assert engine.make(reader, 3, 14) == engine.make(reader, 3, 14)
        assert len({engine.make(reader, 3, number) for number in range(20)}) > 15


# Readers that do wrong: each has to be noticed


def with_warning(path):
    warnings.warn("careful", RuntimeWarning, stacklevel=1)
    raise DataError(str(path))


def with_panic(path):
    raise BaseException("a panic")  # as Rust's PanicException is one


def without_end(path):
    time.sleep(0.3)
    raise DataError(str(path))


def greedy(path):
    bytearray(50_000_000)
    raise DataError(str(path))


def nameless(path):
    raise DataError("something is wrong")


def with_an_essay(path):
    raise DataError(f"{path}" + 10_000 * "x")


def other_error(path):
    raise CheckpointError(f"{path}")


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (with_warning, "RuntimeWarning"),
        (with_panic, "a panic"),
        (without_end, "took 0.3 s"),
        (greedy, "took 50,"),
        (nameless, "something is wrong"),
        (with_an_essay, "x"),
        (other_error, "CheckpointError"),
        (lambda path: read_idx(path) + 1, "read wrongly"),
        (lambda path: read_idx(path)[:1], "read wrongly"),
    ],
)
def test_a_failure_is_noticed(read, message, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "MOST_SECONDS", 0.2)
    content = struct.pack(">BBBBI", 0, 0, 8, 1, 3) + b"abc"
    outcome = engine.attempt(TARGETS["idx"]._replace(read=read), content, tmp_path / "input")
    assert outcome.kind == "failure"
    assert message in outcome.message


@pytest.mark.parametrize(("times", "kind"), [(1, "refused"), (2, "failure")])
def test_an_input_is_slow_if_it_is_slow_again(times, kind, tmp_path, monkeypatch):
    calls = []

    def read(path):
        calls.append(path)
        if len(calls) <= times:
            time.sleep(0.3)
        raise DataError(str(path))

    monkeypatch.setattr(engine, "MOST_SECONDS", 0.2)
    monkeypatch.setitem(engine.TARGETS, "idx", TARGETS["idx"]._replace(read=read))
    assert engine.run("idx", 0, range(1), tmp_path).kinds == {kind: 1}
    assert len(calls) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda found: {name: np.where(array == array.max(initial=0), 1, array) for name, array in found.items()},
        lambda found: {f"{name}x": array for name, array in found.items()},
        lambda found: {name: array[None] for name, array in found.items()},
    ],
)
def test_a_wrong_tensor_of_pytorch_is_noticed(wrong, tmp_path):
    good = TARGETS["torch"]
    bad = good._replace(read=lambda path: wrong(good.read(path)))
    for content in good.samples():
        outcome = engine.attempt(bad, content, tmp_path / "input")
        assert outcome.kind == "failure"
        assert "wrongly" in outcome.message


def test_a_summary_counts_and_keeps_the_shortest():
    first, second = engine.Summary(), engine.Summary()
    first.add(0, b"long", engine.Outcome("refused", "/a: 3 bytes", 0.1, 10))
    second.add(1, b"st", engine.Outcome("refused", "/b: 4 bytes", 0.2, 5))
    second.add(2, b"x", engine.Outcome("failure", "took 9 s", 9.0, 5))
    first.merge(second)
    assert (first.kinds["refused"], first.slowest, first.largest) == (2, 9.0, 10)
    assert first.messages == {"# bytes": b"st"}
    assert first.failures == [(2, "took 9 s", b"x")]


@pytest.mark.slow
def test_the_program(tmp_path):
    """It runs, and counts every input once; what it writes goes nowhere here."""
    program = Path(fuzz.__file__)
    command = [sys.executable, str(program), "--reader", "idx", "--inputs", "600", "--no-figures"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    assert "idx: " in result.stdout
    counts = [int(part.split()[-2].replace(",", "")) for part in result.stdout.split(";")[0].split(", ")]
    assert (sum(counts), counts[-1]) == (600, 0)
    usage = subprocess.run([sys.executable, str(program), "--help"], capture_output=True, text=True, check=True)
    assert "--inputs" in usage.stdout


def test_the_figures_are_of_all_readers_and_without_failures():
    figures = json.loads(fuzz.FIGURES.read_text())
    assert figures.keys() == TARGETS.keys() | {"onnx"}  # which is no target where its extra is not installed
    for figure in figures.values():
        assert figure["inputs"] >= 200_000
        assert figure["inputs"] == sum(figure["outcomes"].values())
        assert figure["outcomes"]["failure"] == 0
        assert figure["longest_input_seconds"] < engine.MOST_SECONDS


# Structured inputs, which shrink


def settle(reader, content, tmp_path):
    outcome = engine.attempt(TARGETS[reader], content, tmp_path / "input")
    assert outcome.kind != "failure", outcome.message


NUMBERS = st.integers(0, 3) | st.integers(-(2**65), 2**65)
MANY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(st.sampled_from([8, 9, 11, 12, 13, 14, 10]), st.lists(st.integers(0, 5) | st.integers(0, 2**32 - 1)), st.data())
def test_any_idx_header(tmp_path, code, shape, data):
    count = len(shape) if data.draw(st.booleans()) else data.draw(st.integers(0, 255))
    length = min(int(np.prod(shape, dtype=float)), 50) * {8: 1, 9: 1, 11: 2, 14: 8}.get(code, 4)
    body = bytes(length + data.draw(st.sampled_from([0, 0, 0, -1, 1])) if length else 0)
    settle("idx", struct.pack(f">BBBB{len(shape)}I", 0, 0, code, count, *shape) + body, tmp_path)


ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*tensorfiles.NUMPY, "BF16", "F8_E5M2", "nothing"]),
        "shape": st.lists(NUMBERS, max_size=3),
        "data_offsets": st.lists(st.integers(0, 24) | NUMBERS, min_size=2, max_size=2),
    },
    optional={"more": st.none()},
)
METADATA = st.dictionaries(
    st.sampled_from(["format_version", "minnet_version", "sha256", "metadata_sha256", "state", "kind"]),
    st.sampled_from(["1", "2", "{}", "[]", "checkpoint", '{"$tensor": "a"}', "NaN"]) | st.text(max_size=5),
)


@MANY
@given(
    st.dictionaries(st.sampled_from("abc") | st.text(max_size=3), ENTRY, max_size=3),
    st.none() | METADATA | st.dictionaries(st.text(max_size=2), NUMBERS),
    st.binary(max_size=24),
    st.booleans(),
)
def test_any_header_of_a_tensor_file(tmp_path, header, metadata, data, sign):
    if metadata is not None:
        header = {"__metadata__": metadata, **header}
    settle("checkpoint", tensorfiles.join(header, data, sign=sign), tmp_path)
