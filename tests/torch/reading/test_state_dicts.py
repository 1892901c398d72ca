"""What torch.save writes is read as PyTorch itself reads it, in both forms; other kinds of files are named."""

import argparse
import collections
import datetime
import struct
from pathlib import Path

import numpy as np
import pytest
from torch_files import Call, Name, Ordered, Raw, archive, older, tensor

from minnet.errors import CheckpointError
from minnet.torch.reading.state_dicts import read_state_dict

FLOATS = np.arange(24, dtype="<f4")
STATE = Ordered({"weight": tensor("0", 24, (4, 6)), "bias": tensor("1", 2, (2,), kind="Half")})
HALVES = np.array([0.5, -2], "<f2").tobytes()


def written(tmp_path, content, name="model.pt"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        archive(STATE, {"0": FLOATS.tobytes(), "1": HALVES}),
        archive(STATE, {"0": FLOATS.tobytes(), "1": HALVES}, order=None, top="my model"),
        archive(STATE, {"0": FLOATS.byteswap().tobytes(), "1": np.array([0.5, -2], ">f2").tobytes()}, order="big"),
        older(STATE, {"0": (24, FLOATS.tobytes()), "1": (2, HALVES)}),
        older(STATE, {"1": (2, HALVES), "0": (24, FLOATS.tobytes())}),
    ],
    ids=["zip", "zip without a byte order", "zip of a big-endian machine", "older", "older, another order"],
)
def test_files_made_by_hand(tmp_path, content):
    found = read_state_dict(written(tmp_path, content))
    assert list(found) == ["weight", "bias"]
    np.testing.assert_array_equal(found["weight"], FLOATS.reshape(4, 6))
    np.testing.assert_array_equal(found["bias"], [0.5, -2])
    assert all(array.dtype == np.float32 and array.flags.writeable for array in found.values())


def test_a_path_may_be_text_and_have_any_name(tmp_path):
    path = written(tmp_path, archive(STATE, {"0": FLOATS.tobytes(), "1": HALVES}), "weights")
    assert list(read_state_dict(str(path))) == ["weight", "bias"]


def test_what_python_2_wrote(tmp_path):
    """An OrderedDict of pairs, short texts as bytes, and storages of the GPU."""
    weight = tensor("0", 24, (24,), kind=Name("torch.cuda", "FloatStorage"))
    pairs = Call(Name("collections", "OrderedDict"), ([[Raw(b"U\1w"), weight]],))
    found = read_state_dict(written(tmp_path, older(pairs, {"0": (24, FLOATS.tobytes())})))
    np.testing.assert_array_equal(found["w"], FLOATS)


def test_a_view_of_a_storage_of_the_older_form(tmp_path):
    state = {"w": tensor("0", 24, (3,), view=(("1", 10, 4),), offset=1)}
    found = read_state_dict(written(tmp_path, older(state, {"0": (24, FLOATS.tobytes())})))
    np.testing.assert_array_equal(found["w"], FLOATS[11:14])


def test_a_key_for_a_safetensors_file(tmp_path):
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    path = written(tmp_path, struct.pack("<Q", len(header)) + header + FLOATS[1:2].tobytes(), "w.safetensors")
    np.testing.assert_array_equal(read_state_dict(path)["w"], [1])
    with pytest.raises(CheckpointError, match=r"no dict is in another\nLeave out the key"):
        read_state_dict(path, key="model")


def test_a_key_is_text(tmp_path):
    with pytest.raises(TypeError, match="key must be a string such as 'model_state', got 0"):
        read_state_dict(tmp_path / "model.pt", key=0)


# With PyTorch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def model(torch):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.LSTM(4, 5, 2))


FORMS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older"])


KINDS = [
    "float64",
    "float32",
    "float16",
    "bfloat16",
    "bool",
    *(f"{u}int{8 * n}" for u in ("", "u") for n in (1, 2, 4, 8)),
]


def saved(torch, tmp_path, thing, zipped, protocol=2):
    path = tmp_path / "model.pth"
    torch.save(thing, path, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    return path


def same(found, state):
    """Assert that arrays are the tensors: bit for bit, except that half and bfloat16 are float32."""
    assert list(found) == list(state)
    for name, tensor_ in state.items():
        wide = tensor_.detach().float() if tensor_.dtype.itemsize == 2 and tensor_.is_floating_point() else tensor_
        np.testing.assert_array_equal(found[name], wide.detach().numpy(), strict=True)


@FORMS
@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_a_state_dict(torch, tmp_path, model, zipped, protocol):
    same(read_state_dict(saved(torch, tmp_path, model.state_dict(), zipped, protocol)), model.state_dict())


@FORMS
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_number(torch, tmp_path, zipped, name):
    state = {"w": (torch.arange(12.0).reshape(3, 4) - (0 if name.startswith("u") else 5)).to(getattr(torch, name))}
    same(read_state_dict(saved(torch, tmp_path, state, zipped)), state)


@FORMS
def test_looks_at_shared_storages(torch, tmp_path, zipped):
    whole = torch.arange(24.0).reshape(4, 6)
    state = {
        "turned": whole.t(),
        "part": whole[1:3, 1::2],
        "wide": whole[:, :1].expand(4, 50),
        "every": torch.ones(1).expand(2000, 1000),
        "one": whole[2, 3],
        "none": whole[:0],
        "mixed": whole.reshape(2, 2, 6).permute(2, 0, 1),
        "whole": whole,
        "empty": torch.empty(0, 3, 0),
        "scalar": torch.tensor(3.0),
        "parameter": torch.nn.Parameter(whole[1]),
        "own": torch.nn.Parameter(torch.ones(2), requires_grad=False),
    }
    found = read_state_dict(saved(torch, tmp_path, state, zipped))
    same(found, state)
    found["whole"][:] = -1  # each array has its own numbers
    np.testing.assert_array_equal(found["turned"], whole.t().numpy())


@FORMS
def test_tied_weights_are_one_array(torch, tmp_path, zipped):
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(3, 3), "b": torch.nn.Linear(3, 3)})
    model["b"].weight = model["a"].weight
    found = read_state_dict(saved(torch, tmp_path, model.state_dict(), zipped))
    assert found["a.weight"] is found["b.weight"]
    assert found["a.bias"] is not found["b.bias"]


@FORMS
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_training_checkpoint_with_all_that_is_usual(torch, tmp_path, model, zipped, protocol):
    optimizer = torch.optim.Adam(model.parameters())
    sum(parameter.square().sum() for parameter in model.parameters()).backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    checkpoint = {
        "model_state": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 0},
        "epoch": 3,
        "best": float("inf"),
        "done": False,
        "nothing": None,
        "args": argparse.Namespace(lr=0.1, path=Path("data"), device=torch.device("cuda", 0), dtype=torch.float16),
        "history": collections.defaultdict(list, {"loss": [0.5, np.float64(0.25), np.int64(3)]}),
        "last": collections.deque([1, 2, 3], maxlen=3),
        "words": collections.Counter("abca"),
        "classes": {"cat", "dog"},
        "frozen": frozenset({1, (2, 3)}),
        "pairs": {(1, 2): "a", 1.5: b"bytes", 2**70: 2**80},
        "size": torch.Size([3, 4]),
        "rng": torch.get_rng_state(),
        "numpy_rng": np.random.RandomState(0).get_state(),
        "generator": np.random.default_rng(0),
        "numbers": np.arange(5.0),
        "date": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        "complex": 1j,
        "range": range(3),
        "slice": slice(1, 2),
        "storage": torch.ones(3).untyped_storage(),
        "sparse": torch.eye(2).to_sparse(),
    }
    same(read_state_dict(saved(torch, tmp_path, checkpoint, zipped, protocol)), model.state_dict())


@FORMS
def test_a_tensor_with_attributes(torch, tmp_path, zipped):
    marked = torch.ones(3)
    marked.note = "mine"
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.note = "mine"
    state = {"a": marked, "b": parameter}
    same(read_state_dict(saved(torch, tmp_path, state, zipped)), state)


@FORMS
@pytest.mark.filterwarnings("ignore")
def test_kinds_that_have_no_place_are_named(torch, tmp_path, zipped):
    for there, what in {
        "complex numbers": torch.ones(2, dtype=torch.complex64),
        "a sparse tensor": torch.eye(2).to_sparse(),
        "quantized numbers": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        "numbers of the type float8_e4m3fn": torch.ones(2).to(torch.float8_e4m3fn),
    }.items():
        with pytest.raises(CheckpointError, match=f"the tensor 'layer.w': {there}, which cannot be read here"):
            read_state_dict(saved(torch, tmp_path, {"b": torch.ones(2), "layer.w": what}, zipped))


@FORMS
def test_a_whole_model_is_refused_with_the_cure(torch, tmp_path, model, zipped):
    with pytest.raises(CheckpointError, match="nothing of it was run") as caught:
        read_state_dict(saved(torch, tmp_path, model, zipped))
    assert "torch.nn.modules.container.Sequential" in str(caught.value)
    assert "torch.save(model.state_dict(), path)" in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_refused_with_the_cure(torch, tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 3)), tmp_path / "script.pt")
    with pytest.raises(CheckpointError, match=r"a TorchScript program") as caught:
        read_state_dict(tmp_path / "script.pt")
    assert "torch.jit.load" in str(caught.value)


def test_an_exported_program_is_refused_with_the_cure(torch, tmp_path):
    layer, x = torch.nn.Linear(2, 3), torch.zeros(1, 2)
    torch.export.save(torch.export.export(layer, (x,)), tmp_path / "program.pt2")
    with pytest.raises(CheckpointError, match=r"an exported program(.|\n)*torch\.export\.load.*program\.state_dict"):
        read_state_dict(tmp_path / "program.pt2")


def test_files_without_checksums(torch, tmp_path, model):
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(torch, tmp_path, model.state_dict(), True)
    finally:
        torch.serialization.set_crc32_options(True)
    same(read_state_dict(path), model.state_dict())


def test_pytorch_reads_the_files_made_by_hand(torch, tmp_path):
    """Else the tests without PyTorch would be of files that nobody writes."""
    for content in (
        archive(STATE, {"0": FLOATS.tobytes(), "1": HALVES}),
        older(STATE, {"0": (24, FLOATS.tobytes()), "1": (2, HALVES)}),
    ):
        path = written(tmp_path, content)
        same(read_state_dict(path), torch.load(path))


def test_a_safetensors_file_of_pytorch(torch, tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    state = {
        "a": torch.randn(3, 4).half(),
        "b": torch.randn(2).bfloat16(),
        "c": torch.tensor(2.0).double(),
        "d": torch.zeros(0, 3),
        "e": torch.tensor([True, False]),
        "f": torch.arange(3),
    }
    save_file(state, tmp_path / "w.safetensors")
    same(read_state_dict(tmp_path / "w.safetensors"), state)
    (tmp_path / "w.safetensors").rename(tmp_path / "w.bin")
    same(read_state_dict(tmp_path / "w.bin"), state)
