import pytest

from minnet.torch.reading.prefixes import without_prefixes


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["module.a", "module.b.c"], ["a", "b.c"]),
        (["_orig_mod.a", "_orig_mod.b"], ["a", "b"]),
        (["_orig_mod.module.a", "_orig_mod.module.b"], ["a", "b"]),
        (["module._orig_mod.a"], ["a"]),
        (["module.module.a"], ["a"]),
        (["module.a", "b"], ["module.a", "b"]),
        (["modules.a"], ["modules.a"]),
        (["a", "b"], ["a", "b"]),
        (["encoder._orig_mod.a", "head.b"], ["encoder.a", "head.b"]),
        (["x._orig_mod.a", "x.a"], ["x._orig_mod.a", "x.a"]),
        (["n_averaged", "module.a", "module.b"], ["a", "b"]),
        (["n_averaged", "a"], ["n_averaged", "a"]),
        ([], []),
    ],
)
def test_a_prefix_that_all_names_share_goes(names, found):
    state = {name: i for i, name in enumerate(names)}
    assert [*without_prefixes(state)] == found
    assert [*state] == names


def test_the_values_stay():
    assert without_prefixes({"module.a": 1, "module.b": 2}) == {"a": 1, "b": 2}


def test_other_prefixes():
    assert without_prefixes({"model.a": 1, "model.b": 2}, ("model.",)) == {"a": 1, "b": 2}
    assert without_prefixes({"module.a": 1}, ("model.",)) == {"module.a": 1}


def test_of_an_averaged_model():
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 3)
    averaged = torch.optim.swa_utils.AveragedModel(torch.nn.DataParallel(model))
    assert without_prefixes(averaged.state_dict()).keys() == model.state_dict().keys()
