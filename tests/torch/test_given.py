"""What may be loaded: dicts of arrays and of tensors, of any dtype of floats."""

import numpy as np
import pytest
from safetensors.numpy import save_file

import minnet as mn
from minnet.errors import CheckpointError


def test_tensors():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        weight = torch.randn(2, 3).to(dtype).requires_grad_()
        loaded = mn.torch.load_state_dict(mn.Linear(3, 2, bias=False), {"weight": weight})
        assert np.array_equal(loaded.weight.data, weight.detach().float().numpy().T)
    strided = torch.randn(6, 4)[::3, 1:]
    loaded = mn.torch.load_state_dict(mn.Linear(3, 2, bias=False), {"weight": strided})
    assert np.array_equal(loaded.weight.data, strided.numpy().T)


def test_what_is_no_state_dict():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"got a Linear: pass its state_dict\(\)"):
        mn.torch.load_state_dict(mn.Linear(3, 2), torch.nn.Linear(3, 2))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({0: np.zeros(2)}, "a name that is no text"),
        ({"weight": [1.0, 2.0]}, "a list of 2"),
        ({"weight": None}, "NoneType"),
    ],
)
def test_what_is_no_array(given, found):
    with pytest.raises(CheckpointError, match=rf"the state_dict: expected a dict of names .*found .*{found}"):
        mn.torch.load_state_dict(mn.Linear(3, 2), given)


STATE = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.zeros(2, np.float32)}


@pytest.mark.parametrize(
    "checkpoint",
    [
        {"epoch": 3, "model_state": STATE, "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]}},
        {"state_dict": {f"module.{name}": values for name, values in STATE.items()}},
        {f"module._orig_mod.{name}": values for name, values in STATE.items()},
    ],
)
def test_checkpoints_and_wrappers(checkpoint):
    loaded = mn.torch.load_state_dict(mn.Linear(3, 2), checkpoint)
    assert np.array_equal(loaded.weight.data, STATE["weight"].T)


def test_several_models_in_one_dict():
    both = {"model": STATE, "ema": {name: values + 1 for name, values in STATE.items()}}
    with pytest.raises(CheckpointError, match="found 2 of them; dicts of tensors are at: model, ema"):
        mn.torch.load_state_dict(mn.Linear(3, 2), both)
    assert mn.torch.load_state_dict(mn.Linear(3, 2), both, key="ema").bias.data.tolist() == [1, 1]


def torchs(state):
    torch = pytest.importorskip("torch")
    return torch, {name: torch.tensor(values) for name, values in state.items()}


@pytest.mark.parametrize("zipped", [True, False])
def test_files(zipped, tmp_path):
    torch, state = torchs(STATE)
    path = tmp_path / "weights.of.mine"  # what a file is, its content says
    torch.save({"model": state, "epoch": 2}, path, _use_new_zipfile_serialization=zipped)
    loaded = mn.torch.load_state_dict(mn.Linear(3, 2), path)
    assert np.array_equal(loaded.weight.data, STATE["weight"].T)
    with pytest.raises(CheckpointError, match=rf"{path}.*does not fit the model, in 2 places"):
        mn.torch.load_state_dict(mn.Linear(3, 3), path)
    save_file(STATE, path)
    assert mn.torch.load_state_dict(mn.Linear(3, 2), path).bias.data.tolist() == [0, 0]
    with pytest.raises(FileNotFoundError):
        mn.torch.load_state_dict(mn.Linear(3, 2), tmp_path / "nothing.pt")


def test_tensors_of_other_kinds():
    torch = pytest.importorskip("torch")
    state = torchs(STATE)[1]
    for weight in (state["weight"].to_sparse(), state["weight"].to(torch.float8_e4m3fn)):
        loaded = mn.torch.load_state_dict(mn.Linear(3, 2), state | {"weight": weight})
        assert np.array_equal(loaded.weight.data, STATE["weight"].T)
    with pytest.raises(TypeError, match=r"cannot use the tensor weight: .*meta"):
        mn.torch.load_state_dict(mn.Linear(3, 2), state | {"weight": torch.ones(2, 3, device="meta")})
    with pytest.raises(TypeError, match="expected a path or a dict, got a int"):
        mn.torch.load_state_dict(mn.Linear(3, 2), 3)


def test_what_minnet_wrote_is_not_pytorchs(tmp_path):
    model = mn.Sequential(mn.Linear(2, 2), mn.Linear(2, 2))  # whose matrices would fit, and be transposed
    with pytest.raises(CheckpointError, match=r"its names are minnet's.*model\.load_state_dict\(state\)"):
        mn.torch.load_state_dict(model, model.state_dict())
    mn.save(mn.Linear(2, 2), tmp_path / "own.safetensors")
    with pytest.raises(CheckpointError, match=r"one that mn\.save wrote\nLoad it with mn\.load\(model, path\)"):
        mn.torch.load_state_dict(mn.Linear(2, 2), tmp_path / "own.safetensors")


def test_the_layers_of_a_safetensors_file_are_in_the_order_of_their_numbers(tmp_path):
    save_file({f"fc{i}.weight": np.zeros((2, 2), np.float32) for i in range(12)}, tmp_path / "w")
    model = mn.Sequential(*(mn.Linear(2, 2, bias=False) for _ in range(12)))
    with pytest.raises(CheckpointError, match=r"'fc2': 'layers\[2\]', .*'fc10': 'layers\[10\]'"):
        mn.torch.load_state_dict(model, tmp_path / "w")
