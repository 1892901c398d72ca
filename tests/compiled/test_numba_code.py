import numpy as np
import pytest

numba_code = pytest.importorskip("minnet.compiled.numba_code", exc_type=ImportError)


def test_the_name_of_the_code_changes_with_the_files_of_the_room(monkeypatch, tmp_path):
    before = numba_code._checksum()
    for path in numba_code.Path(numba_code.__file__).parent.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(numba_code, "__file__", str(tmp_path / "numba_code.py"))
    assert numba_code._checksum() == before
    (tmp_path / "blas.py").write_text("# another\n")
    assert numba_code._checksum() != before


def test_code_is_compiled_and_named_by_the_checksum():
    @numba_code.compiled
    def total(x):
        s = 0.0
        for i in range(len(x)):
            s += x[i]
        return s

    assert total(np.arange(4.0)) == 6.0
    assert numba_code.CHECKSUM in total.py_func.__qualname__
