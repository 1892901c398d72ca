"""What compiled code does not support is refused before the first step, in one sentence with the cure."""

import sys

import numpy as np
import pytest

import minnet as mn
from minnet.compiled.supported import chain, check_data


def trainer(model=None, loss=None, optimizer=None, **options):
    model = model or mn.Sequential(mn.Linear(4, 3, rng=0), mn.ReLU(), mn.Linear(3, 2, rng=0))
    optimizer = optimizer or mn.SGD(model.parameters(), lr=0.1)
    return mn.Trainer(model, loss or mn.SoftmaxCrossEntropyLoss(), optimizer, compiled=True, **options)


def sequential(*layers):
    return lambda: mn.Sequential(*(layer() for layer in layers))


def linear(inputs=4, outputs=2):
    return lambda: mn.Linear(inputs, outputs, rng=0)


class MyReLU(mn.ReLU):
    pass


class MyFlatten(mn.Flatten):
    pass


class MySequential(mn.Sequential):
    pass


class MyLoss(mn.SoftmaxCrossEntropyLoss):
    pass


class MyAdam(mn.Adam):
    pass


def mixed():
    model = mn.Sequential(mn.Linear(4, 4, rng=0), mn.Linear(4, 2, rng=0))
    model.layers[1].astype(np.float64)
    return model


def tied():
    model = mn.Sequential(mn.Linear(4, 4, rng=0), mn.Linear(4, 4, rng=0))
    model.layers[1].weight = model.layers[0].weight
    return model


def shared():
    model = mn.Sequential(mn.Linear(4, 4, rng=0), mn.Linear(4, 4, rng=0))
    model.layers[1].weight.share(model.layers[0].weight)
    return model


def other_parameters():
    class Mine(mn.Parameter):
        pass

    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    model.layers[0].weight = Mine(np.ones((4, 2)))
    return model


def bias_with_two_axes():
    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    model.layers[0].bias = mn.Parameter(np.ones((1, 2)))
    return model


def wrong_width():
    return mn.Sequential(mn.Linear(4, 3, rng=0), mn.ReLU(), mn.Linear(7, 2, rng=0))


def short_bias():
    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    model.layers[0].bias = mn.Parameter(np.ones(1))
    return model


@pytest.mark.parametrize(
    ("make", "unsupported"),
    [
        (sequential(linear(), mn.Dropout), "layers[1], Dropout("),
        (sequential(mn.Flatten, linear(), mn.Dropout), "layers[2], Dropout("),
        (sequential(linear(), MyReLU, linear(2, 2)), "layers[1], MyReLU(), a subclass of ReLU"),
        (sequential(mn.ReLU, linear()), "layers[0], ReLU()"),
        (sequential(linear(), mn.ReLU, mn.Tanh), "layers[2], Tanh()"),
        (sequential(linear(), mn.Flatten), "layers[1], Flatten()"),
        (sequential(linear(), mn.Softmax, linear(2, 2)), "layers[1], Softmax()"),
        (sequential(linear(), sequential(linear(2, 2))), "layers[1], Sequential"),
        (linear(), "Linear"),
        (lambda: mn.Residual(mn.Linear(4, 4, rng=0)), "Residual, a subclass of Sequential"),
        (sequential(MyFlatten, linear()), "layers[0], MyFlatten(), a subclass of Flatten"),
        (lambda: MySequential(mn.Linear(4, 2, rng=0)), "MySequential, a subclass of Sequential"),
        (wrong_width, "layers[2], Linear(7, 2), which is given 3 features"),
        (short_bias, "layers[0], Linear(4, 2)"),
        (tied, "a Parameter that layers share"),
        (shared, "a Parameter that layers share"),
        (other_parameters, "layers[0], Linear(4, 2)"),
        (bias_with_two_axes, "layers[0], Linear(4, 2)"),
    ],
)
def test_models(make, unsupported):
    model = make()
    layers, problem = chain(model)
    assert layers == []
    assert problem.startswith(unsupported)
    with pytest.raises(ValueError, match="compiled=True needs a Sequential of Linear") as caught:
        trainer(model)
    assert f"; got {unsupported}" in str(caught.value)
    assert str(caught.value).endswith(": leave out compiled=True")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 2}, "needs accumulate=1, got 2"),
        ({"loss": lambda: mn.NLLLoss()}, "got NLLLoss"),
        ({"loss": lambda: mn.CrossEntropyLoss()}, "after Softmax"),
        ({"loss": lambda: mn.L1Loss()}, "MSELoss.*got L1Loss"),
        ({"loss": lambda: mn.SoftmaxCrossEntropyLoss(label_smoothing=0.1)}, "with its defaults"),
        ({"loss": lambda: mn.SoftmaxCrossEntropyLoss(weight=[1.0, 2.0])}, "with its defaults"),
        ({"loss": lambda: mn.SoftmaxCrossEntropyLoss(ignore_index=0)}, "with its defaults"),
        ({"model": mixed}, "needs Parameters of one dtype: call model.astype"),
        ({"loss": lambda: MyLoss()}, r"got MyLoss.*, a subclass of SoftmaxCrossEntropyLoss"),
        ({"optimizer": lambda p: mn.RMSprop(p)}, "needs SGD, Adam or AdamW, got RMSprop"),
        ({"optimizer": lambda p: MyAdam(p)}, "needs SGD, Adam or AdamW, got MyAdam, a subclass of Adam"),
        ({"optimizer": lambda p: mn.Adam(p, amsgrad=True)}, "amsgrad"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parts(options, message):
    model = options.pop("model", sequential(linear()))()
    made = {
        name: make(model.parameters()) if name == "optimizer" else make() if callable(make) else make
        for name, make in options.items()
    }
    with pytest.raises(ValueError, match=f"^compiled=True .*{message}.*(: |, or )leave out compiled=True$"):
        trainer(model, **made)


def test_a_trainer_of_ones_own():
    class Mine(mn.Trainer):
        def train_step(self, x, y):
            return super().train_step(x, y)

    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    with pytest.raises(ValueError, match=r"does not call Mine\.train_step: leave out compiled=True"):
        Mine(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), compiled=True)


class MyLoader(mn.DataLoader):
    def __iter__(self):
        return iter([(self.X, self.y)])


@pytest.mark.parametrize(
    ("X", "y", "loss"),
    [
        (np.zeros((8, 5), np.float32), np.zeros(8, np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 2, 2), np.float32), np.zeros(8, np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.int64), np.zeros(8, np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.float32), np.zeros((8, 1), np.int64), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.float32), np.zeros(8, np.float32), mn.SoftmaxCrossEntropyLoss),
        (np.zeros((8, 4), np.float32), np.zeros((8, 3), np.float32), mn.MSELoss),
        (np.zeros((8, 4), np.float32), np.zeros(8, np.float32), mn.MSELoss),
        (np.zeros((8, 4), np.float32), np.zeros((7, 2), np.float32), mn.MSELoss),
    ],
)
def test_compiled_code_would_read_beyond_an_array(X, y, loss):
    made, loader = trainer(loss=loss()), mn.DataLoader(*xy())
    loader.X, loader.y = X, y
    with pytest.raises(ValueError, match="compiled=True needs"):
        check_data(made.model, made.loss, loader)


def test_bytes_without_a_scale():
    loader = mn.DataLoader(np.zeros((8, 4), np.uint8), xy()[1], scale=None)
    made = trainer()
    with pytest.raises(ValueError, match="uint8 with a scale, got uint8"):
        check_data(made.model, made.loss, loader)


def xy(samples=8):
    return np.zeros((samples, 4), np.float32), np.zeros(samples, np.int64)


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (lambda X, y: [(X, y)], "from a DataLoader, got list"),
        (lambda X, y: mn.DataLoader(X, y, transform=lambda x, rng: x.copy()), "without a transform"),
        (
            lambda X, y: mn.DataLoader(np.asfortranarray(X), y),
            r"X in C order: pass np.ascontiguousarray\(X\), or leave out compiled=True",
        ),
        (lambda X, y: mn.DataLoader(X, np.repeat(y, 2)[::2]), "y in C order"),
        (lambda X, y: mn.DataLoader(X.astype(np.float16), y), r"got float16: pass X.astype\(np.float32\), or leave"),
        (lambda X, y: mn.DataLoader(X.astype(">f4"), y), "got >f4: pass"),
        (lambda X, y: mn.DataLoader(X, y.astype(">i8")), ">i8"),
        (lambda X, y: MyLoader(X, y), "from a DataLoader, got MyLoader, a subclass of DataLoader"),
    ],
    ids=["list", "transform", "order of X", "order of y", "float16", "byte order", "labels", "another loader"],
)
def test_data(loader, message):
    with pytest.raises(ValueError, match=message):
        trainer().fit(loader(*xy()), epochs=1, progress=False)


def test_targets_of_another_shape():
    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    made = trainer(model, mn.MSELoss())
    with pytest.raises(ValueError, match=r"float targets|expected"):
        made.fit(mn.DataLoader(xy()[0], np.zeros((8, 2), np.int64)), epochs=1, progress=False)


def test_callbacks_that_change_gradients():
    message = "^ClipGradNorm changes gradients, which compiled=True does not support: leave out compiled=True$"
    with pytest.raises(ValueError, match=message):
        trainer().fit(mn.DataLoader(*xy()), epochs=1, callbacks=[mn.callbacks.ClipGradNorm(1.0)], progress=False)


def test_a_callback_on_which_a_function_was_set_that_changes_gradients():
    """It was not called, in silence."""
    callback = mn.callbacks.Callback()
    callback.on_gradients = lambda trainer: None
    with pytest.raises(ValueError, match=r"^Callback changes gradients, which compiled=True does not support"):
        trainer().fit(mn.DataLoader(*xy()), epochs=1, callbacks=[callback], progress=False)


def test_a_model_that_was_changed_later():
    made = trainer()
    made.model.layers = [*made.model.layers, mn.Dropout(0.5, rng=0)]
    with pytest.raises(ValueError, match="Dropout"):
        made.fit(mn.DataLoader(*xy()), epochs=1, progress=False)


def test_an_activation_after_each_layer_is_found():
    model = mn.Sequential(mn.Flatten(), mn.Linear(4, 3, rng=0), mn.Tanh(), mn.Linear(3, 2, rng=0), mn.Softmax())
    assert chain(model) == ([(model.layers[1], model.layers[2]), (model.layers[3], None)], "")


def test_threads_take_their_extra_before_anything_is_compiled(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(mn.errors.MissingExtraError, match=r'^threadpoolctl is not installed: .* extra "threads"'):
        trainer(threads=2)


@pytest.mark.parametrize("package", ["numba", "scipy"])
def test_without_the_extra_one_line_says_so(monkeypatch, package):
    for name in ("numba", "scipy"):
        monkeypatch.setitem(sys.modules, name, None if name == package else sys)
    with pytest.raises(mn.errors.MissingExtraError, match=f'^{package} is not installed: .* extra "compiled"'):
        trainer()


@pytest.mark.parametrize(
    ("owner", "method", "message"),
    [
        (0, "forward", r"compiled=True needs .*Linear\(4, 2\), whose forward was replaced"),
        (0, "backward", r"compiled=True needs .*Linear\(4, 2\), whose backward was replaced"),
        (1, "backward", "compiled=True does not call the backward that was set on the SoftmaxCrossEntropyLoss"),
        (2, "step", "compiled=True does not call the step that was set on the SGD"),
        (3, "prepared", "compiled=True does not call the prepared that was set on the DataLoader"),
    ],
)
def test_a_method_that_was_replaced_on_one_object_is_refused(owner, method, message):
    """It was not called, in silence."""
    layer = mn.Linear(4, 2, rng=0)
    model, loss = mn.Sequential(layer), mn.SoftmaxCrossEntropyLoss()
    optimizer, loader = mn.SGD(model.parameters(), lr=0.1), mn.DataLoader(np.eye(4), np.arange(4) % 2, 2)
    trainer = mn.Trainer(model, loss, optimizer, compiled=True)
    replaced = (layer, loss, optimizer, loader)[owner]
    setattr(replaced, method, getattr(replaced, method))
    with pytest.raises(ValueError, match=message):
        trainer.fit(loader, epochs=1)
