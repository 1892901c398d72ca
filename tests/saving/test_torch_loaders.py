"""The generators of PyTorch's DataLoaders, in the states of loaders. (Whole runs: tests/torch/test_data_loader.py.)"""

import numpy as np
import pytest

from minnet.saving import torch_loaders

torch = pytest.importorskip("torch")
data = torch.utils.data


def loader(**options):
    return data.DataLoader(data.TensorDataset(torch.arange(10.0)), 2, shuffle=True, **options)


class Holds:
    def __init__(self, inner):
        self.inner = inner


def order(one):
    return torch.cat([x for (x,) in one]).tolist()


def test_generators_are_found_by_their_paths():
    assert list(torch_loaders.generators(loader())) == ["torch"]
    own = loader(generator=torch.Generator())
    names = ["torch", "generator", "sampler.generator", "batch_sampler.sampler.generator"]
    assert list(torch_loaders.generators(own)) == names
    assert list(torch_loaders.generators(Holds(own))) == ["torch", *(f"inner.{name}" for name in names[1:])]
    for other in ([], object(), iter([]), Holds(3)):
        assert torch_loaders.generators(other) == torch_loaders.capture(other) == {}


@pytest.mark.parametrize("make", [loader, lambda: loader(generator=torch.Generator().manual_seed(3))])
def test_the_order_comes_again(make):
    one = make()
    state = torch_loaders.capture(one)
    first, second = order(one), order(one)
    torch_loaders.restore(one, state)
    assert [order(one), order(one)] == [first, second]
    assert first != second
    torch_loaders.check(one, state)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("torch"),
        lambda state: state.update(other=state["torch"]),
        lambda state: state.update(torch=state["torch"][:-1]),
        lambda state: state.update(torch=state["torch"].astype(np.int64)),
        lambda state: state.update(torch=[1, 2]),
        lambda state: state.update(torch=np.zeros_like(state["torch"])),
        lambda state: state.update(torch=np.full_like(state["torch"], 255)),
    ],
)
def test_a_state_from_a_file_is_checked(spoil):
    one = loader()
    before = torch.get_rng_state()
    state = torch_loaders.capture(one)
    spoil(state)
    with pytest.raises(ValueError, match=r"^the loader's"):
        torch_loaders.check(one, state)
    with pytest.raises(ValueError, match=r"^the loader's"):
        torch_loaders.check(one, [])
    assert torch.equal(torch.get_rng_state(), before)


def test_only_workers_are_ended():
    assert not torch_loaders.end_workers(None)
    assert not torch_loaders.end_workers(iter(loader()))
