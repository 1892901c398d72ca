import copy
from pathlib import Path

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.saving.tensorfile import read_tensors, write_tensors


def network(rng=0, width=4):
    return mn.Sequential(
        mn.Linear(3, width, rng=rng),
        mn.BatchNorm1d(width),
        mn.ReLU(),
        mn.Residual(mn.Linear(width, width, rng=rng + 1)),
    )


def arrays(model):
    return {name: array.data.copy() for name, array in model.named_arrays()}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_what_is_saved_is_loaded(tmp_path):
    model = network()
    model.layers[1].running_mean.data[...] = 7  # statistics are saved, too
    mn.save(model, tmp_path / "model.safetensors")
    other = network(rng=5)
    assert not same(arrays(other), arrays(model))
    kept = [parameter.data for parameter in other.parameters()]
    assert mn.load(other, tmp_path / "model.safetensors") is other
    assert same(arrays(other), arrays(model))
    assert all(p.data is array for p, array in zip(other.parameters(), kept, strict=True))  # written in place
    x = np.ones((2, 3), np.float32)
    assert np.array_equal(model.eval().forward(x), other.eval().forward(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(tmp_path, dtype):
    model = network().astype(dtype)
    mn.save(model, tmp_path / "m")
    assert same(arrays(mn.load(network(3).astype(dtype), tmp_path / "m")), arrays(model))


def test_other_tools_can_read_the_file(tmp_path):
    from safetensors.numpy import load_file

    model = network()
    mn.save(model, tmp_path / "model.safetensors")
    assert same(load_file(tmp_path / "model.safetensors"), arrays(model))


def test_files_of_other_tools_can_be_loaded(tmp_path):
    from safetensors.numpy import save_file

    model = network()
    save_file(arrays(model), tmp_path / "other.safetensors", {"format": "pt"})
    assert same(arrays(mn.load(network(9), tmp_path / "other.safetensors")), arrays(model))


def test_a_shared_parameter_is_there_once(tmp_path):
    def tied(rng):
        first = mn.Linear(6, 3, rng=rng)
        return mn.Sequential(first, mn.Tied(first))

    model = tied(0)
    mn.save(model, tmp_path / "m")
    other = mn.load(tied(1), tmp_path / "m")
    assert same(arrays(other), arrays(model))
    assert len(arrays(model)) == len(model.parameters())


def test_every_mismatch_is_listed_and_nothing_changed(tmp_path):
    mn.save(network(width=5), tmp_path / "m")
    model = mn.Sequential(mn.Linear(3, 4, rng=0), mn.BatchNorm1d(5), mn.ReLU(), mn.Linear(5, 5, rng=0))
    before = arrays(model)
    with pytest.raises(CheckpointError) as caught:
        mn.load(model, tmp_path / "m")
    message = str(caught.value)
    for line in (
        "layers[0].weight: (3, 4) float32 in the model, (3, 5) float32 in the file",
        "layers[0].bias: (4,) float32 in the model, (5,) float32 in the file",
        "layers[3].weight: in the model, not in the file",
        "layers[3].layers[0].weight: in the file, not in the model",
    ):
        assert line in message
    assert "in 6 places" in message
    assert "The file is of this model:\n  Sequential(\n" in message
    assert same(arrays(model), before)


def test_another_dtype_is_refused_with_the_cure(tmp_path):
    mn.save(network().astype(np.float64), tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"model\.astype\(np\.float64\) before loading"):
        mn.load(network(), tmp_path / "m")


def test_a_hostile_file_gets_a_short_message_that_a_terminal_does_not_obey(tmp_path):
    evil = "\x1b[31m\u202e\r\n"
    tensors = {f"{evil}{i}": np.zeros(1, np.float32) for i in range(20_000)}
    write_tensors(tmp_path / "m", tensors, {"kind": "weights", "structure": f"{evil}\n" * 200_000})
    with pytest.raises(CheckpointError) as caught:
        mn.load(network(), tmp_path / "m")
    message = str(caught.value)
    assert len(message) < 2500
    assert len(message.splitlines()) < 60
    assert all(letter.isprintable() or letter == "\n" for letter in message)
    assert "in 20,009 places" in message
    assert "... and " in message


def test_the_cure_comes_before_a_list_that_is_cut(tmp_path):
    model = mn.Sequential(*(mn.Linear(2, 2) for _ in range(50)))
    mn.save(model, tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"model\.astype\(np\.float32\) before loading(.|\n)*and \d+ more"):
        mn.load(model.astype(np.float64), tmp_path / "m")


@pytest.mark.parametrize("name", ["/proc/self/mem", "/proc/self/environ", "/dev/null", "/dev/zero"])
def test_a_window_into_the_system_is_no_file_of_weights(name):
    if not Path(name).exists():
        pytest.skip("another system")
    with pytest.raises(CheckpointError, match=r"not a whole safetensors file: it has 0 bytes|not a regular file"):
        mn.load(network(), name)


def test_a_damaged_file_changes_nothing(tmp_path):
    path = tmp_path / "m"
    mn.save(network(), path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    model = network(4)
    before = arrays(model)
    with pytest.raises(CheckpointError, match=r"SHA-256 of .* is wrong"):
        mn.load(model, path)
    assert same(arrays(model), before)


def test_weights_of_a_checkpoint_can_be_loaded(tmp_path):
    X, y = np.eye(3, dtype=np.float32), np.arange(3)
    model = mn.Sequential(mn.Linear(3, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()))
    trainer.fit(mn.DataLoader(X, y, 1), epochs=1, checkpoint=tmp_path, progress=False)
    (path,) = tmp_path.glob("step-*")
    other = mn.load(mn.Sequential(mn.Linear(3, 3, rng=1)), path)
    assert same(arrays(other), arrays(model))


@pytest.mark.parametrize("call", [mn.save, mn.load])
def test_the_model_comes_first(tmp_path, call):
    with pytest.raises(TypeError, match=rf"{call.__name__}\(model, path\) expected a Layer, got "):
        call(tmp_path / "m", network())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such file"):
        mn.load(network(), tmp_path / "nowhere")


def test_a_copy_and_the_original_save_the_same(tmp_path):
    model = network()
    mn.save(model, tmp_path / "a")
    mn.save(copy.deepcopy(model), tmp_path / "b")
    one, other = (read_tensors(tmp_path / name) for name in "ab")
    assert same(one.tensors, other.tensors)
    assert one.metadata == other.metadata
