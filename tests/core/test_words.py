"""Words of PyTorch and Keras: an AttributeError that says what to write; and nothing else is changed by them."""

import copy
import dataclasses
import inspect
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet.core import words


def model():
    return mn.Sequential(mn.Linear(3, 2, rng=0), mn.Softmax())


@pytest.mark.parametrize(
    ("read", "cure"),
    [
        (lambda: model().to("cuda"), "Sequential has no attribute 'to': minnet computes on the CPU: leave it out"),
        (lambda: model().to(np.float64), r"model.astype\(np.float64\) converts"),
        (lambda: model().cuda(), "minnet computes on the CPU: leave it out"),
        (lambda: mn.Linear(1, 1).cpu(), "Linear has no attribute 'cpu'"),
        (lambda: model().half(), r"float32 and float64: model.astype\(np.float32\)"),
        (lambda: model().float(), r"model.astype\(np.float32\)"),
        (lambda: model().double(), r"model.astype\(np.float64\)"),
        (lambda: model().fit(1, 2), r"trainer = mn.Trainer\(model, loss, optimizer\)"),
        (lambda: model().compile(loss="mse"), "a Trainer has the loss and the optimizer"),
        (lambda: model().predict(1), r"trainer.predict\(X\), or model.eval\(\) and then model\(x\)"),
        (lambda: model().evaluate(1), r"trainer.evaluate\(\(X, y\)\)"),
        (lambda: model().add(1), r"model.append\(layer\)"),
        (lambda: model().children(), "model.layers"),
        (lambda: model().modules(), r"model.named_layers\(\)"),
        (lambda: model().zero_grad(), r"optimizer.zero_grad\(\)"),
        (lambda: model().requires_grad_(False), r"model.freeze\(\)"),
        (lambda: mn.MSELoss().to("cuda"), "MSELoss has no attribute"),
        (lambda: mn.Parameter([1.0]).requires_grad, "Parameter has no attribute 'requires_grad': write p.trainable"),
        (lambda: mn.Parameter([1.0]).detach(), "write .data, which is NumPy's array"),
        (lambda: mn.Buffer([1.0]).numpy(), "Buffer has no attribute 'numpy'"),
        (lambda: mn.Buffer([1.0]).shape, "a Buffer is not an array: use .data.shape"),
        (lambda: mn.SGD(model().parameters(), 0.1).learning_rate, "write optimizer.lr"),
        (lambda: mn.SGD(model().parameters(), 0.1).add_param_group({}), "make the optimizer anew"),
    ],
)
def test_a_word_is_answered_with_the_cure(read, cure):
    with pytest.raises(AttributeError, match=cure):
        read()


@pytest.mark.parametrize(
    ("owner", "table"),
    [
        (model(), words.OF_LAYERS),
        (mn.MSELoss(), words.OF_LAYERS),
        (mn.Parameter([1.0]), words.OF_PARAMETERS | words.OF_ARRAYS),
        (mn.Buffer([1.0]), words.OF_ARRAYS),
        (mn.SGD(model().parameters(), 0.1), words.OF_OPTIMIZERS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_word_is_not_there(owner, table):
    for name in table:
        assert not hasattr(owner, name), name
        assert not hasattr(type(owner), name), name
        assert getattr(owner, name, None) is None
    assert not table.keys() & set(dir(owner))
    assert "shape" not in dir(mn.Parameter([1.0]))


def test_what_is_there_is_no_word():
    """A method that somebody adds later must not be hidden by a word of the same name."""
    for kind in (mn.Sequential, mn.SGD, mn.Parameter):
        own = {name for base in kind.__mro__ for name, value in vars(base).items() if not isinstance(value, words.Word)}
        assert not [name for name in own if words.is_word(kind, name)]
    assert {"forward", "append", "parameters", "state_dict"} <= set(dir(model()))


def test_setting_what_has_no_effect_is_refused():
    layer, parameter = mn.Linear(2, 2), mn.Parameter([1.0])
    for change in (
        lambda: setattr(layer, "requires_grad", False),
        lambda: setattr(layer, "trainable", False),
        lambda: setattr(parameter, "requires_grad", False),
        lambda: setattr(mn.SGD([parameter], 0.1), "learning_rate", 0.2),
    ):
        with pytest.raises(AttributeError, match="has no attribute"):
            change()
    parameter.trainable = False


class Own(mn.Layer):
    """A user's layer that uses such names for something else."""

    device = "of the class"

    def __init__(self, half=2.0):
        self.half = half
        self.trainable = True
        self.children = [mn.Linear(2, 2, rng=0)]

    def fit(self):
        return "mine"

    def forward(self, x):
        self.half += 1
        return x


def test_a_class_of_ones_own_may_use_the_names():
    layer = Own()
    for made in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert (made.half, made.trainable, made.device, made.fit()) == (2.0, True, "of the class", "mine")
        assert [path for path, _ in made.named_parameters()] == ["children[0].weight", "children[0].bias"]
        assert {"half", "trainable", "fit"} <= set(dir(made))
    del layer.half
    with pytest.raises(AttributeError, match="Own has no attribute 'half'"):
        layer.half  # noqa: B018


def test_a_field_of_a_dataclass_has_no_default_from_a_word():
    @dataclasses.dataclass
    class Field(mn.Layer):
        half: float
        double: int = 3

    assert (Field(1.0).half, Field(1.0).double) == (1.0, 3)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'half'"):
        Field()


def test_a_checkpoint_keeps_an_attribute_with_such_a_name(tmp_path):
    def run(epochs):
        net = mn.Sequential(Own(), mn.Linear(2, 2, rng=1))
        trainer = mn.Trainer(net, mn.MSELoss(), mn.SGD([*net[1].parameters()], 0.1))
        with pytest.warns(mn.errors.TrainingWarning, match="children"):
            trainer.fit(
                mn.DataLoader(np.ones((4, 2)), np.ones((4, 2), np.float32), 2), epochs=epochs, checkpoint=tmp_path
            )
        return net[0].half

    Own.backward = lambda self, dy: dy
    after_two = run(2)
    assert after_two >= 2 + 4
    assert run(3) == after_two + 2


def test_an_argument_of_pytorchs_is_answered():
    class Own:
        @words.refusing({"device": "leave it out"})
        def __init__(self, size, *, bias=True):
            self.size, self.bias = size, bias

    assert Own(3, bias=False).bias is False
    assert list(inspect.signature(Own).parameters) == ["size", "bias"]
    with pytest.raises(TypeError, match=r"^Own has no argument 'device': leave it out$"):
        Own(3, device="cpu")
    with pytest.raises(TypeError, match="unexpected keyword argument 'sise'"):
        Own(sise=3)


def some():
    return mn.Linear(3, 2).parameters()


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (lambda: mn.ReLU(inplace=True), "ReLU has no argument 'inplace': no layer writes into its input, leave it out"),
        (lambda: mn.ReLU(True), "ReLU: too many positional arguments; write ReLU()"),
        (lambda: mn.Softmax(dim=1), "Softmax has no argument 'dim': an axis is called axis"),
        (lambda: mn.GLU(dim=1), "GLU has no argument 'dim': an axis is called axis"),
        (lambda: mn.Conv2d(3, 8, 3, device="cuda"), "Conv2d has no argument 'device': minnet computes on the CPU"),
        (lambda: mn.MaxPool2d(2, return_indices=True), "MaxPool2d has no argument 'return_indices': forward returns y"),
        (lambda: mn.ConvTranspose2d(3, 8, 2, padding_mode="zeros"), "ConvTranspose2d has no argument 'padding_mode'"),
        (lambda: mn.BatchNorm2d(), "BatchNorm2d: missing a required argument: 'num_features'; write BatchNorm2d(num_"),
        (lambda: mn.LSTM(8, 4, batch_first=True), "LSTM has no argument 'batch_first': sequences are always (N, T, I)"),
        (
            lambda: mn.LSTM(8, 4, 2, True),
            "LSTM: too many positional arguments; write LSTM(input_size, hidden_",
        ),
        (lambda: mn.MSELoss(size_average=True), "MSELoss has no argument 'size_average': write reduction='mean'"),
        (lambda: mn.CTCLoss(0, "sum"), "CTCLoss: too many positional arguments; write CTCLoss(blank=0, *, zero_"),
        (lambda: mn.RAdam(some(), foreach=True), "RAdam has no argument 'foreach': a step is NumPy's, leave it out"),
        (lambda: mn.Adam(some(), maximize=True), "Adam has no argument 'maximize': a step makes the loss smaller"),
        (
            lambda: mn.DataLoader(1, 2, num_workers=2),
            "DataLoader has no argument 'num_workers': the data are arrays in",
        ),
        (
            lambda: mn.DataLoader(1),
            "DataLoader: missing a required argument: 'y'; write DataLoader(X, y, batch_size=128",
        ),
        (lambda: mn.Linear(3, 2, lr=0.1), "Linear: got an unexpected keyword argument 'lr'; write Linear(in_features,"),
        (lambda: mn.CTCLoss()(1, 2, 3, 4), "CTCLoss expected (prediction, target, sample_weight), got 4 arguments"),
        (lambda: mn.ZeroPad2d([1, 1, 2, 2]), "ZeroPad2d expected padding to be an int or a tuple of 4"),
        (lambda: mn.Upsample(size=[2, 2]), "Upsample expected size to be an int or a tuple, got [2, 2]"),
        (
            lambda: mn.AdaptiveAvgPool2d([1, 1]),
            "AdaptiveAvgPool2d expected output_size to be an int or a tuple",
        ),
        (lambda: mn.Linear(3, 2, weight_init=mn.initializers.orthogonal), "pass mn.initializers.orthogonal()"),
    ],
)
def test_other_arguments_are_answered(make, answer):
    with pytest.raises((TypeError, ValueError)) as raised:
        make()
    assert answer in str(raised.value)


def test_an_error_from_inside_a_constructor_stays_as_it_is():
    def initializer(shape, rng):
        raise TypeError("of my own")

    with pytest.raises(TypeError, match=r"^of my own$"):
        mn.Linear(3, 2, weight_init=initializer)


def test_signatures_are_those_of_the_constructors():
    assert not inspect.signature(mn.ReLU).parameters
    assert list(inspect.signature(mn.MaxPool2d).parameters)[:2] == ["kernel_size", "stride"]
    assert pickle.loads(pickle.dumps(mn.Mish())).describe() == "Mish()"


def test_a_class_of_a_user_may_have_a_constructor_of_another_base():
    class Named:
        def __init__(self, name):
            self.name = name

    class First(mn.ReLU, Named):
        pass

    class Last(Named, mn.ReLU):
        pass

    assert (First("a").name, Last(name="b").name) == ("a", "b")
    with pytest.raises(TypeError, match=r"Named.__init__\(\) missing 1 required positional argument"):
        First()
