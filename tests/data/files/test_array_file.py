"""An array in a file reads what is asked for and no more, and notices when the file is another one."""

import os
import tracemalloc

import numpy as np
import pytest

import minnet as mn

X = np.arange(3000.0).reshape(1000, 3)


@pytest.fixture
def array(tmp_path):
    np.save(tmp_path / "x.npy", X)
    return mn.data.open_array(tmp_path / "x.npy")


def test_it_never_is_in_memory_as_a_whole(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1000, 1000), np.float32))
    array = mn.data.open_array(tmp_path / "x.npy")
    tracemalloc.start()
    loader = mn.DataLoader(array, np.zeros(1000, int), 10, shuffle=True, rng=0)
    for _ in loader:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < array.nbytes / 4


def test_nothing_is_left_open(array):
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("the system does not list open files")
    before = len(os.listdir("/proc/self/fd"))
    batches = iter(mn.DataLoader(array, np.zeros(1000, int), 10, shuffle="blocks"))
    next(batches)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_was_removed(array):
    array.path.unlink()
    with pytest.raises(
        mn.errors.DataNotFoundError, match=r"x.npy: the file was removed; rows 3 to 900 were to be read"
    ):
        array[[900, 3]]


def test_a_file_that_was_cut_off(array):
    os.truncate(array.path, 5000)
    with pytest.raises(
        mn.errors.DataError, match=r"x.npy: expected the file as it was, for rows 0 to 4, found another one"
    ):
        array[:5]


def test_a_file_that_is_cut_off_while_it_is_read(array):
    os.truncate(array.path, 5000)
    status = array.path.stat()
    array._seen = status.st_ino, status.st_size, status.st_mtime_ns
    with pytest.raises(mn.errors.DataError, match=r"for rows 100 to 999, found its end too early"):
        array[100:]


def test_a_file_that_was_written_to(array):
    with array.path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(bytes(8))
    os.utime(array.path, ns=(0, array.path.stat().st_mtime_ns + 10**9))  # some file systems tell whole seconds
    with pytest.raises(mn.errors.DataError, match="it was written to, or replaced, after it was opened"):
        array[0]


def test_a_file_that_was_replaced(array, tmp_path):
    np.save(tmp_path / "new.npy", X + 1)
    os.replace(tmp_path / "new.npy", array.path)
    with pytest.raises(mn.errors.DataError, match="replaced"):
        array[0]


def test_training_says_which_file_and_rows(array):
    model = mn.Linear(3, 1, rng=0)
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), 1e-9))

    class Cut(mn.callbacks.Callback):
        def on_step_end(self, trainer, *_):
            array.path.unlink(missing_ok=True)

    loader = mn.DataLoader(array, np.zeros((1000, 1)), 100)
    with pytest.raises(mn.errors.DataNotFoundError, match="rows 100 to 199"):
        trainer.fit(loader, epochs=1, callbacks=[Cut()], progress=False)
