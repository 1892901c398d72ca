"""A fault of the disk costs the time to compile, and no more."""

import shutil

import numpy as np
import pytest

numba_code = pytest.importorskip("minnet.compiled.foundation.numba_code", exc_type=ImportError)
from numba.core import caching  # noqa: E402

from minnet.compiled.foundation import kept_code  # noqa: E402

X = np.arange(4.0)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(numba_code.numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(kept_code.KeptCode, "said", False)
    return tmp_path / "kept"


def in_a_new_process(x=X):
    """Return the result of a function, and whether its code came from the disk."""

    @numba_code.compiled
    def total(x):
        s = 0.0
        for v in x.flat:
            s += v
        return s

    return total(x), sum(total.stats.cache_hits.values()) == 1


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def full(*_):
    raise OSError(28, "No space left on device")


def test_code_is_read_from_the_disk_and_each_signature_has_one_file(folder):
    for code_of_the_disk in (False, True):
        assert in_a_new_process() == (6.0, code_of_the_disk)
        assert in_a_new_process(X.reshape(2, 2)) == (6.0, code_of_the_disk)
        assert len(files(folder)) == 2


DAMAGES = {
    "empty": lambda b: b"",
    "half": lambda b: b[: len(b) // 2],
    "zeros": lambda b: bytes(len(b)),
    "zeros in the middle": lambda b: b[:200] + bytes(len(b) - 300) + b[-100:],
    "a pickle for which no memory is enough": lambda b: b"\x80\x04\x8e" + b"\xff" * 7 + b"\x00",
    "something else": lambda b: np.random.default_rng(0).bytes(len(b)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_code_is_compiled_anew_and_replaced(damage, folder, capsys):
    in_a_new_process()
    for path in files(folder):
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert in_a_new_process() == (6.0, False)
    assert in_a_new_process() == (6.0, True)
    assert capsys.readouterr().err == ""


def test_code_that_cannot_be_replaced_either(folder, monkeypatch, capsys):
    in_a_new_process()
    for path in files(folder):
        path.write_bytes(b"")
    monkeypatch.setattr(caching.IndexDataCacheFile, "_open_for_write", full)
    assert in_a_new_process() == (6.0, False)
    assert "No space left on device" in capsys.readouterr().err


def test_code_for_other_arguments_is_not_used(folder):
    """Numba's index named it after two processes wrote at the same time."""
    in_a_new_process()
    before = files(folder)
    in_a_new_process(X.reshape(2, 2))
    (other,) = {path for path in files(folder) - before if path.suffix == ".nbc"}
    (own,) = {path for path in before if path.suffix == ".nbc"}
    shutil.copy(other, own)
    assert in_a_new_process() == (6.0, False)


OLDER = [
    (caching.numba, "__version__", "0.1"),
    (caching._SourceFileBackedLocatorMixin, "get_source_stamp", lambda _: b"old"),
]


@pytest.mark.parametrize(("where", "name", "value"), OLDER, ids=["Numba", "file"])
def test_code_of_an_older_numba_or_file_is_not_used_if_it_could_not_be_replaced(where, name, value, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(where, name, value)
        in_a_new_process()
        assert in_a_new_process() == (6.0, True)
    original = caching.IndexDataCacheFile._open_for_write
    with monkeypatch.context() as meanwhile:  # the disk has place for an index, and not for code
        meanwhile.setattr(
            caching.IndexDataCacheFile,
            "_open_for_write",
            lambda self, path: full() if path.endswith(".nbc") else original(self, path),
        )
        assert in_a_new_process() == (6.0, False)
    assert in_a_new_process() == (6.0, False)


def test_code_that_this_numpy_cannot_read_is_compiled_anew(monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(caching.IndexDataCacheFile, "_dump", lambda *_: b"cnumpy.of_old\nclass_of_old\n.")
        in_a_new_process()
    assert in_a_new_process() == (6.0, False)
    assert in_a_new_process() == (6.0, True)


def test_a_numba_that_writes_otherwise_costs_the_time_to_compile(monkeypatch, capsys):
    monkeypatch.setattr(kept_code.SealedFiles, "save", lambda self, key: None)  # which has one argument fewer
    assert in_a_new_process() == (6.0, False)
    assert "cannot be kept" in capsys.readouterr().err


def test_a_full_disk_is_said_once(folder, monkeypatch, capsys):
    monkeypatch.setattr(caching.IndexDataCacheFile, "_open_for_write", full)
    assert in_a_new_process() == in_a_new_process() == (6.0, False)
    (line,) = capsys.readouterr().err.splitlines()
    for part in (str(folder), "(No space left on device)", "NUMBA_CACHE_DIR"):
        assert part in line


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_folder_that_was_removed(comes_back, folder, monkeypatch, capsys):
    def lose(*_):
        shutil.rmtree(folder)
        if not comes_back:
            folder.write_text("a file is there now")
        return True

    monkeypatch.setattr(caching.CompileResultCacheImpl, "check_cachable", lose)
    assert in_a_new_process() == (6.0, False)
    assert ("cannot be kept" in capsys.readouterr().err) is not comes_back
    assert in_a_new_process()[1] is comes_back


def test_no_folder_is_writeable(monkeypatch, capsys):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert in_a_new_process() == in_a_new_process() == (6.0, False)
    (line,) = capsys.readouterr().err.splitlines()
    assert "not writeable" in line


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_memory_that_is_lacking_and_an_interrupt_pass_through(error, monkeypatch):
    def fails(*_):
        raise error

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(caching.IndexDataCacheFile, "_open_for_write", fails)
        with pytest.raises(error):
            in_a_new_process()
    in_a_new_process()
    monkeypatch.setattr(kept_code.pickle, "loads", fails)
    with pytest.raises(error):
        in_a_new_process()
