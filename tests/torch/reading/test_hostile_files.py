"""PyTorch's files made to do harm. None runs or imports anything, each is refused: soon, in bounded memory, briefly."""

import io
import os
import pickle
import struct
import time
import tracemalloc

import pytest
from malice import CANARY, PAYLOAD, RUNNING, WATCH, Reduced, bare, registered
from torch_files import archive, older, pickled
from torch_malice import FLOATS, FORMS, GOOD, INSIDE, OTHER, RUN, UNSAFE

from minnet.errors import CheckpointError
from minnet.torch.reading.state_dicts import read_state_dict
from minnet.torch.reading.unpickler import TensorUnpickler


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Read a file that must be refused: soon, in little memory, without a trace, with two lines of message."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pt"
    for content in (archive(GOOD, {"0": FLOATS}), older(GOOD, {"0": (24, FLOATS)})):
        path.write_bytes(content)
        assert read_state_dict(path)["w"].tobytes() == FLOATS  # and what the reader itself imports is there
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", 8) + b"{}      ")
    read_state_dict(tmp_path / "x.safetensors")

    def refused(content, part=""):
        path.write_bytes(content)
        tracemalloc.start()
        start = time.perf_counter()
        try:
            with WATCH.watching() as events, pytest.raises(CheckpointError) as caught:
                read_state_dict(path)
        finally:
            seconds, memory = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        message = str(caught.value)
        assert events == []
        assert not (tmp_path / CANARY).exists()
        assert str(path) in message
        assert part in message
        assert len(message.splitlines()) == 2
        assert len(message) < 900
        assert message.replace("\n", "").isprintable()
        assert seconds < 60
        assert memory < 4e6 + 80 * len(content)
        return message

    return refused


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", RUNNING)
def test_a_payload_is_not_run(refused, name, form):
    with registered():
        refused(FORMS[form](RUNNING[name]))


@pytest.mark.parametrize("place", INSIDE)
@pytest.mark.parametrize("form", [archive, older])
def test_a_payload_inside_of_a_good_file_is_not_run(refused, place, form):
    storages = {"0": FLOATS} if form is archive else {"0": (24, FLOATS)}
    message = refused(form(INSIDE[place](RUN), storages), "a call for 'os.system'; nothing of it was run")
    assert "torch.save(model.state_dict(), path)" in message


@pytest.mark.parametrize("name", UNSAFE)
@pytest.mark.parametrize("form", [archive, older])
def test_what_a_pickle_wants_to_call_is_named(refused, name, form):
    message = refused(form(UNSAFE[name], {}), f"a call for {name!r}; nothing of it was run")
    assert "torch.save(model.state_dict(), path)" in message


@pytest.mark.parametrize("name", OTHER)
def test_other_malice_is_refused(refused, name):
    refused(*OTHER[name])


@pytest.mark.skipif(os.name != "posix", reason="the payloads are commands of POSIX")
@pytest.mark.parametrize("place", ["as a weight", "beside the weights"])
def test_the_places_are_real(tmp_path, monkeypatch, place):
    """Python's unpickler runs what is there; the watch would have told."""
    monkeypatch.chdir(tmp_path)

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid):
            return pid

        def find_class(self, module, name):
            return super().find_class(module, name) if module != "torch._utils" else lambda *_: None

    with WATCH.watching() as events:
        Unpickler(io.BytesIO(pickled(INSIDE[place](RUN)).replace(b"ctorch\nFloatStorage\n", b"N"))).load()
    assert (tmp_path / CANARY).exists()
    assert events


def test_one_that_python_wrote(refused):
    refused(archive(pickle.dumps({"w": Reduced(os.system, "touch x")}, 2), {}), ".system'; nothing of it was run")
    refused(archive(bare(PAYLOAD), {}), "os.system")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="is not a regular file"):
        read_state_dict(tmp_path / "pipe")


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        read_state_dict(tmp_path / "missing.pt")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_state_dict(tmp_path)


def test_more_instructions_than_anything_has(refused, monkeypatch):
    assert TensorUnpickler.most_reads <= 2_000_000  # which takes some seconds, and 140 MB at most
    monkeypatch.setattr(TensorUnpickler, "most_reads", 10_000)
    refused(archive(b"\x80\2" + b"]" * 10_010, {}), "more than 10,000 instructions and arguments")
