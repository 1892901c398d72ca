"""The proposal for rename pairs layers by order, kinds and shapes, and loads when it is pasted."""

import re

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError


def state(model, names):
    """Return a state_dict of a model under other names of its layers."""
    from minnet.torch.tensors import tensors_of

    return {f"{names[tensor.module]}.{tensor.inside}": np.array(tensor.values()) for tensor in tensors_of(model)}


def proposed(model, given):
    """Return the dict that the error proposes, or None."""
    with pytest.raises(CheckpointError) as caught:
        mn.torch.load_state_dict(model, given)
    found = re.search(r"\n  rename=(\{.*\})\n", str(caught.value))
    return eval(found[1]) if found else None


def network():
    return mn.Sequential(mn.Linear(4, 6), mn.BatchNorm1d(6), mn.ReLU(), mn.Linear(6, 6), mn.ReLU(), mn.Linear(6, 2))


def test_attributes_of_a_class():
    given = state(network(), {"0": "fc1", "1": "norm", "3": "fc2", "5": "head.fc"})
    rename = proposed(model := network(), given)
    assert rename == {"fc1": "layers[0]", "norm": "layers[1]", "fc2": "layers[3]", "head.fc": "layers[5]"}
    mn.torch.load_state_dict(model, given, rename=rename)
    assert np.array_equal(model[5].weight.data, given["head.fc.weight"].T)


def test_layers_of_the_same_shapes_are_paired_with_a_caution():
    """Where a module makes its layers in another order than it calls them, the proposal is wrong."""
    model = mn.Sequential(mn.Linear(4, 4), mn.ReLU(), mn.Linear(4, 4), mn.Linear(4, 2))
    given = state(model, {"0": "last", "2": "first", "3": "head"})
    caution = "in the order in which they stand (several have the same shapes: compare their names):"
    with pytest.raises(CheckpointError, match=re.escape(caution)):
        mn.torch.load_state_dict(model, given)
    with pytest.raises(CheckpointError, match="in the order in which they stand:"):
        mn.torch.load_state_dict(network(), state(network(), {"0": "a", "1": "b", "3": "c", "5": "d"}))


def test_other_orders_of_other_shapes_and_one_more_than_here():
    """BERT has the norm of the attention before the linear layers, and one more behind the last block."""
    given = state(network(), {"0": "b", "1": "c", "3": "d", "5": "a"})
    given = {name: given[name] for name in sorted(given)}
    assert proposed(network(), given) == {"b": "layers[0]", "c": "layers[1]", "d": "layers[3]", "a": "layers[5]"}
    given |= {"0.more.weight": np.zeros((6, 6)), "0.more.bias": np.zeros(6)}
    assert proposed(network(), given) == {"b": "layers[0]", "c": "layers[1]", "a": "layers[5]"}


def test_a_branch_that_stands_elsewhere_is_no_reason_for_a_wrong_pair():
    """As the way around a block of a ResNet: the order of other layers shows that the order is another one."""
    model = mn.Sequential(mn.Linear(4, 6), mn.BatchNorm1d(6), mn.Linear(6, 6), mn.BatchNorm1d(6))
    given = state(model, {"0": "z.down.0", "1": "z.down.1", "2": "z.conv1", "3": "z.bn1"})
    given = {name: given[name] for name in sorted(given)}
    assert proposed(model, given) == {"z.down.0": "layers[0]", "z.conv1": "layers[2]"}


def test_numbers_tell_layers_of_the_same_shapes_apart(tmp_path):
    """In a safetensors file the order is no other than that of names."""
    save_file = pytest.importorskip("safetensors.numpy").save_file
    model = mn.Sequential(mn.Linear(3, 4, rng=0), *(mn.Linear(4, 4, rng=i) for i in range(12)), mn.Linear(4, 2, rng=1))
    names = {"0": "stem", "13": "a.head"} | {str(i + 1): f"blocks.{i}.fc" for i in range(12)}
    save_file({k: v.copy() for k, v in state(model, names).items()}, tmp_path / "w.safetensors")
    again = mn.Sequential(mn.Linear(3, 4), *(mn.Linear(4, 4) for _ in range(12)), mn.Linear(4, 2))
    rename = proposed(again, tmp_path / "w.safetensors")
    mn.torch.load_state_dict(again, tmp_path / "w.safetensors", rename=rename)
    assert all(np.array_equal(a.data, b.data) for a, b in zip(again.parameters(), model.parameters(), strict=True))


def test_names_that_fit_are_not_proposed_to_themselves():
    given = {name: values * 1e300 for name, values in plain(network().astype(np.float64)).items()}
    assert proposed(network(), given) is None


def test_other_numbers_because_of_layers_without_weights():
    given = state(network(), {"0": "1", "1": "2", "3": "4", "5": "6"})
    rename = proposed(model := network(), given)
    assert rename == {"1": "layers[0]", "2": "layers[1]", "4": "layers[3]", "6": "layers[5]"}
    mn.torch.load_state_dict(model, given, rename=rename)


def test_only_what_agrees_is_paired():
    given = state(network(), {"0": "a", "1": "b", "3": "c", "5": "d"})
    given["c.weight"] = np.zeros((6, 7), np.float32)
    assert proposed(network(), given) == {"a": "layers[0]", "b": "layers[1]", "d": "layers[5]"}
    assert proposed(network(), {"a.weight": np.zeros((9, 9), np.float32)}) is None


def test_whole_parts_with_other_names():
    model = mn.Sequential(enc=mn.Sequential(layer=network(), norm=mn.LayerNorm(2)), head=mn.Linear(2, 2))
    given = {re.sub(r"^enc\.", "bert.encoder.", name): v for name, v in plain(model).items()}
    rename = proposed(model, given)
    assert rename == {"bert.encoder": 'layers["enc"]'}
    mn.torch.load_state_dict(model, given, rename=rename)


def plain(model):
    from minnet.torch.tensors import tensors_of

    return {tensor.name: np.array(tensor.values()) for tensor in tensors_of(model)}


def test_attention_with_a_tensor_of_its_own_inside():
    model = mn.Sequential(mn.MultiHeadAttention(4, 2))
    given = {f"attn.{name[2:]}": values for name, values in plain(model).items()}
    assert proposed(model, given) == {"attn": "layers[0]"}


def test_a_hostile_file_gets_no_proposal():
    given = {"a." * 30_000 + str(i): np.zeros(3, np.float32) for i in range(3)}
    assert proposed(network(), given) is None


def test_a_model_that_is_a_part_of_what_was_saved():
    model = mn.Sequential(mn.Linear(3, 4), mn.Linear(4, 2))
    given = {f"net.{name}": values for name, values in plain(model).items()}
    with pytest.raises(CheckpointError, match="a part of what was saved: prefix='net'\n"):
        mn.torch.load_state_dict(model, given)
    mn.torch.load_state_dict(model, given, prefix="net")


def test_parts_whose_names_begin_alike():
    """Of a short rename, the longest name counts: it must not be that of another part."""
    model = mn.Sequential(
        a=mn.Sequential(mn.Sequential(body=mn.Sequential(c=mn.Linear(2, 3)), down=mn.Sequential(mn.Linear(2, 4))))
    )
    given = {
        "x.a.0.c.weight": np.zeros((3, 2)), "x.a.0.c.bias": np.zeros(3),
        "x.a.0.down.0.weight": np.ones((4, 2)), "x.a.0.down.0.bias": np.ones(4),
    }  # fmt: skip
    mn.torch.load_state_dict(model, given, rename=proposed(model, given))
    assert model["a"][0]["down"][0].weight.data.all()
