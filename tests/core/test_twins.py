import numpy as np
import pytest

from minnet import SGD, ReLU, Sequential
from minnet.core.parameter import Parameter
from minnet.core.twins import NO_TWINS, Twins, twinned, twins


@pytest.fixture
def using():
    """Let twins take the place of formulas until the end of the test."""
    tokens = []

    def use(table):
        tokens.append(twins.set(Twins(table)))

    yield use
    for token in reversed(tokens):
        twins.reset(token)


def thirteen(self, x):
    self.cache = x > 0
    return np.full_like(x, 13)


def test_a_checked_method_calls_the_twin(using):
    layer, x = ReLU(), np.ones((2, 3))
    using({ReLU.forward.formula: thirteen})
    assert (layer.forward(x) == 13).all()
    assert np.array_equal(layer.backward(x), x)


def test_a_sequential_calls_the_twin_in_all_its_steps_and_not_after_them(using):
    model, x = Sequential(ReLU(), ReLU()), np.ones((2, 3))
    assert (model.forward(x) == 1).all()
    using({ReLU.forward.formula: thirteen})
    for _ in range(3):
        assert (model.forward(x) == 13).all()
    using({})
    assert (model.forward(x) == 1).all()


def test_a_method_of_a_subclass_or_of_the_object_is_called_itself(using):
    class Own(ReLU):
        def forward(self, x):
            return 2 * x

    layer = ReLU()
    layer.forward = lambda x: 3 * x
    using({ReLU.forward.formula: thirteen})
    assert (Own().forward(np.ones(3)) == 2).all()
    assert (layer.forward(np.ones(3)) == 3).all()
    assert (Sequential(Own(), layer).forward(np.ones(3)) == 6).all()


def test_a_function_calls_its_twin(using):
    @twinned
    def double(x):
        """Return 2 x."""
        return 2 * x

    assert double(3) == 6
    using({double.formula: lambda x: -x})
    assert double(3) == -3
    assert double.__doc__ == "Return 2 x."


def test_an_optimizer_steps_by_the_twin_of_its_update(using):
    class Own(SGD):
        def update(self, i, p, g, group):
            p -= 5

    def update(self, i, p, g, group):
        p -= 1

    first, second = Parameter(np.zeros(3)), Parameter(np.zeros(3))
    using({SGD.update: update})
    SGD([first], lr=0.1).step()
    Own([second], lr=0.1).step()
    assert (first.data == -1).all()
    assert (second.data == -5).all()


def test_there_are_none_by_default():
    assert twins.get() is NO_TWINS
    assert not NO_TWINS
