import shutil

import numpy as np
import pytest

numba_code = pytest.importorskip("minnet.compiled.foundation.numba_code", exc_type=ImportError)


def test_the_name_of_the_code_changes_with_the_files_of_the_room(monkeypatch, tmp_path):
    before = numba_code._checksum()
    room = tmp_path / "compiled"
    shutil.copytree(numba_code.Path(numba_code.__file__).parent.parent, room)
    monkeypatch.setattr(numba_code, "__file__", str(room / "foundation" / "numba_code.py"))
    assert numba_code._checksum() == before
    (room / "twins" / "updates.py").write_text("# another\n")
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
