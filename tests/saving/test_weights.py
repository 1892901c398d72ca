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
        "For other names: rename={name in the file: name in the model}. For a part of the file: prefix=",
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


def two_parts(classes):
    body = mn.Sequential(mn.Linear(3, 4, rng=classes), mn.Tanh(), mn.Linear(4, 4, rng=classes + 1))
    return mn.Sequential(body=body, head=mn.Linear(4, classes, rng=classes + 2))


def test_a_loaded_model_is_in_eval_mode(tmp_path):
    def noisy():
        return mn.Sequential(mn.Linear(3, 50, rng=0), mn.Dropout(0.5, rng=0))

    mn.save(noisy(), tmp_path / "m")
    x = np.ones((2, 3), np.float32)
    model = mn.load(noisy(), tmp_path / "m")
    assert [model.training, model.recording, model.layers[1].training] == [False] * 3
    assert np.array_equal(model.forward(x), model.forward(x))
    again = mn.load(model, tmp_path / "m", train=True)
    assert again.training
    assert again.recording
    assert again.layers[1].training
    assert not np.array_equal(again.forward(x), again.forward(x))


def test_a_model_in_eval_mode_goes_on_learning_with_fit(tmp_path):
    X, y = np.eye(4, dtype=np.float32), np.arange(4)

    def fitted(load):
        model = mn.Sequential(mn.Linear(4, 8, rng=0), mn.BatchNorm1d(8), mn.Dropout(0.5, rng=0), mn.Linear(8, 4, rng=1))
        mn.save(model, tmp_path / "m")
        if load:
            mn.load(model, tmp_path / "m")
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
        trainer.fit(mn.DataLoader(X, y, 2), epochs=2, progress=False)
        return arrays(model)

    assert same(fitted(load=True), fitted(load=False))  # with dropout, and with statistics that move


@pytest.mark.parametrize("how", ["load", "load_model", "eval", "load and eval"])
def test_a_part_that_was_loaded_learns_as_the_rest_does(tmp_path, how):
    """Only a part that the user has set to eval mode keeps its statistics."""
    body = mn.Sequential(mn.Linear(4, 8, rng=0), mn.BatchNorm1d(8))
    mn.save(body, tmp_path / "m")
    if how == "load_model":
        body = mn.load_model(tmp_path / "m")
    elif how != "eval":
        mn.load(body, tmp_path / "m")
    if "eval" in how:
        body.eval()
    model = mn.Sequential(body, mn.Linear(8, 4, rng=1))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    X, y = np.eye(4, dtype=np.float32), np.arange(4)
    trainer.evaluate((X, y))
    assert [body.training, body.recording] == [False, False]
    trainer.fit(mn.DataLoader(X, y, 2), epochs=1, progress=False)
    assert body.recording
    moved = body.layers[1].num_batches_tracked.data == 2
    assert moved is np.bool_(how in ("load", "load_model"))


def test_a_failed_load_leaves_the_mode(tmp_path):
    mn.save(network(width=5), tmp_path / "m")
    model = network()
    with pytest.raises(CheckpointError):
        mn.load(model, tmp_path / "m")
    assert model.training


def test_what_fits_is_loaded_and_the_rest_is_said(tmp_path, capsys):
    old, new = two_parts(10), two_parts(2)
    mn.save(old, tmp_path / "m")
    head = new["head"].weight.data.copy()
    assert mn.load(new, tmp_path / "m", strict=False) is new
    assert same(arrays(new["body"]), arrays(old["body"]))
    assert np.array_equal(new["head"].weight.data, head)
    said = capsys.readouterr().err
    assert "4 of the model's 6 arrays were loaded" in said
    assert 'layers["head"].weight: (4, 2) float32 in the model, (4, 10) float32 in the file' in said


def test_the_report_goes_to_a_function(tmp_path, capsys):
    mn.save(two_parts(10), tmp_path / "m")
    reports = []
    model = two_parts(10)
    model.append(mn.Linear(10, 10), name="more")
    mn.load(model, tmp_path / "m", strict=False, rename={'layers["head"]': 'layers["other"]'}, report=reports.append)
    (report,) = reports
    assert capsys.readouterr().err == ""
    assert len(report.loaded) == 4
    assert report.missing[0] == 'layers["head"].weight'
    assert len(report.missing) == 4
    assert report.unexpected == ('layers["other"].bias', 'layers["other"].weight')
    assert report.mismatched == {}
    mn.load(two_parts(10), tmp_path / "m", report=reports.append)
    assert reports[1].complete


def test_a_part_of_a_file_is_loaded_into_a_model_of_its_own(tmp_path):
    whole = two_parts(3)
    mn.save(whole, tmp_path / "m")
    body = mn.load(two_parts(5)["body"], tmp_path / "m", prefix='layers["body"]')
    assert same(arrays(body), arrays(whole["body"]))
    with pytest.raises(CheckpointError, match=r"m: none of its arrays has a name below the prefix"):
        mn.load(body, tmp_path / "m", prefix="body")


def test_a_whole_file_is_loaded_into_a_part(tmp_path):
    body = two_parts(3)["body"]
    mn.save(body, tmp_path / "m")
    whole = two_parts(5)
    mn.load(whole["body"], tmp_path / "m")
    assert same(arrays(whole["body"]), arrays(body))


def test_layers_that_got_names_are_renamed(tmp_path):
    named = two_parts(3)
    mn.save(mn.Sequential(*two_parts(3)), tmp_path / "m")
    mn.load(named, tmp_path / "m", rename={"layers[0]": 'layers["body"]', "layers[1]": 'layers["head"]'})
    other = two_parts(3)
    new = {"layers[0]": 'layers["body"]', "layers[1]": 'layers["head"]'}
    mn.load(other, tmp_path / "m", rename=lambda name: new[name[:9]] + name[9:])
    assert same(arrays(other), arrays(named))


@pytest.mark.parametrize("strict", [True, False])
def test_if_nothing_fits_nothing_is_loaded(tmp_path, strict):
    mn.save(mn.Sequential(mn.Linear(7, 7)), tmp_path / "m")
    model = two_parts(3)
    with pytest.raises(CheckpointError, match=r"does not fit the model, in 8 places"):
        mn.load(model, tmp_path / "m", strict=strict)
    assert model.training


def test_another_dtype_is_said_too(tmp_path, capsys):
    mn.save(network().astype(np.float64), tmp_path / "m")
    model = network()
    model.layers[0].astype(np.float64)
    mn.load(model, tmp_path / "m", strict=False)
    said = capsys.readouterr().err
    assert "2 of the model's 9 arrays were loaded" in said
    assert "layers[1].weight: (4,) float32 in the model, (4,) float64 in the file" in said


def test_what_a_model_expects_stays_if_only_a_part_of_the_file_is_loaded(tmp_path):
    whole = two_parts(3)
    whole.class_names, whole.input_scale = ["a", "b", "c"], 0.5
    mn.save(whole, tmp_path / "m")
    new = two_parts(2)
    mn.load(new, tmp_path / "m", strict=False, report=lambda report: None)
    body = mn.load(two_parts(2)["body"], tmp_path / "m", prefix='layers["body"]')
    for model in (new, body):
        assert model.class_names is None
        assert model.input_scale == 1 / 256
    assert mn.load(two_parts(3), tmp_path / "m", strict=False, report=repr).class_names == ["a", "b", "c"]


def test_a_file_with_names_of_pytorch_names_the_function_for_it(tmp_path):
    from safetensors.numpy import save_file

    save_file({"0.weight": np.zeros((3, 4), np.float32)}, tmp_path / "theirs")
    with pytest.raises(CheckpointError, match=r"PyTorch's: mn\.torch\.load_state_dict\(model, path\)"):
        mn.load(network(), tmp_path / "theirs")
    mn.save(mn.Linear(2, 2), tmp_path / "ours")
    with pytest.raises(CheckpointError) as caught:
        mn.load(network(), tmp_path / "ours")
    assert "PyTorch" not in str(caught.value)
