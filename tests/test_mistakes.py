"""Beginners' mistakes, as they are made, and what minnet says: what, where, expected, got, and the cure.

`MISTAKES` is a table; a line of it is a mistake, the error or warning it must give, and words that its message must
have. Each mistake also must leave every Parameter as it was, and be noticed by minnet itself, not by NumPy.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import minnet as mn

ROOT = str(Path(mn.__file__).parent)
RNG = np.random.default_rng(0)
X = RNG.random((40, 784), np.float32)
Y = np.arange(40) % 10
IMAGES = X.reshape(40, 28, 28)
ONE_HOT = np.eye(10)[Y]
PIXELS = RNG.integers(0, 256, (40, 784)).astype(np.float32)
WITH_NAN = X.copy()
WITH_NAN[3, 17] = np.nan
P = np.full((4, 3), 1 / 3)  # probabilities
Z = RNG.normal(size=(4, 3))  # scores
TABLE = RNG.random((40, 1)).astype(np.float32)


class Mistake(NamedTuple):
    """A line of the table. `words` must be in the message: what | where | expected | got | cure."""

    name: str
    error: type
    make: Callable
    words: str


class Tensor:
    """A tensor of another library, which NumPy cannot read as long as its gradient is wanted."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class WithoutForward(mn.Layer):
    """Forgotten: forward."""


class WithoutBackward(mn.Layer):
    """Forgotten: backward."""

    def forward(self, x):
        return x


class WithoutReturn(mn.Layer):
    """Forgotten: return."""

    def forward(self, x):
        self.cache = x


class BackwardWithoutReturn(mn.Layer):
    """Forgotten: return, in backward."""

    def forward(self, x):
        return x

    def backward(self, dy):
        self.cache = dy


class Halved(mn.Layer):
    """A right one."""

    def forward(self, x):
        return x / 2


class Forgetful(mn.Layer):
    """Forgotten: self.size = size."""

    def __init__(self, size):
        pass


def net(*layers):
    return mn.Sequential(*(layers or (mn.Linear(784, 10, rng=0), mn.Softmax())))


def trainer(model=None, loss=None, optimizer=None, **options):
    model = model or net()
    return mn.Trainer(model, loss or mn.CrossEntropyLoss(), optimizer or mn.SGD(model.parameters(), lr=0.1), **options)


def fit(X=X, y=Y, model=None, loss=None, **options):
    options = {"epochs": 1, "progress": False} | options
    return trainer(model, loss).fit(mn.DataLoader(X, y, batch_size=10), **options)


def forward(layer, x, loss=None, y=None):
    output = layer.forward(np.asarray(x, np.float32) if isinstance(x, np.ndarray) and x.dtype == np.float64 else x)
    return output if loss is None else loss.forward(output, y)


def replaced(made):
    """Give the Trainer's model a new last layer, as one does for other classes."""
    made.model.layers = (mn.Linear(784, 10, rng=1), mn.Softmax())
    return made


def part(model):
    """Return a Trainer whose optimizer holds the weight alone."""
    return trainer(model, optimizer=mn.SGD([model.layers[0].weight], lr=0.1))


def fit_iterator(**options):
    """Train on batches that come but once."""
    trainer().fit(iter([(X, Y)] * 9), steps=5, progress=False, **options)


def sgd(parameters=None, **options):
    return mn.SGD(net().parameters() if parameters is None else parameters, **{"lr": 0.1} | options)


def step(backward):
    """Go forward through a model and a loss, and backward as a beginner does."""
    model, loss = net(), mn.CrossEntropyLoss()
    value = loss.forward(model.forward(X), Y)
    backward(model, loss, value)


def saved(save, load):
    """Save one model, and load the file into another."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save(path)
        load(path)


def flatter():
    return net(mn.Flatten(), mn.Linear(784, 10, rng=0), mn.Softmax())


def convolution(*more):
    return net(mn.Conv2d(1, 4, 3, rng=0), *more)


# fmt: off
MISTAKES = [
    # -- the shape of the samples
    Mistake("images into a Linear layer", ValueError,
            lambda: fit(IMAGES, Y),
            "Linear(784, 10) | layers[0] | 784 features | , 28, 28) | Flatten()"),
    Mistake("one pixel too few", ValueError,
            lambda: fit(X[:, 1:], Y),
            "Linear(784, 10) | layers[0] | 784 features | , 783) | in_features=783"),
    Mistake("one feature, without an axis for it", ValueError,
            lambda: fit(TABLE[:, 0], TABLE, net(mn.Linear(1, 1)), mn.MSELoss()),
            "Linear(1, 1) | layers[0] | 1 feature | ,) | x[:, None]"),
    Mistake("images with the channels last", ValueError,
            lambda: fit(IMAGES[..., None], Y, convolution(mn.Flatten(), mn.Linear(2704, 10), mn.Softmax())),
            "Conv2d(1, 4, 3, | layers[0] | (N, 1, H, W) | , 28, 28, 1) | x.transpose(0, 3, 1, 2)"),
    Mistake("images without the axis of channels", ValueError,
            lambda: fit(IMAGES, Y, convolution(mn.Flatten(), mn.Linear(2704, 10), mn.Softmax())),
            "Conv2d(1, 4, 3, | layers[0] | (N, 1, H, W) | , 28, 28) | x[:, None]"),
    Mistake("rows of pixels into a convolution", ValueError,
            lambda: fit(X, Y, convolution(mn.Flatten(), mn.Linear(2704, 10), mn.Softmax())),
            "Conv2d(1, 4, 3, | layers[0] | (N, 1, H, W) | , 784) | x.reshape(-1, 1, 28, 28)"),
    Mistake("colours into a convolution of grey", ValueError,
            lambda: forward(convolution(), np.zeros((8, 3, 32, 32))),
            "Conv2d(1, 4, 3, | layers[0] | (N, 1, H, W) | (8, 3, 32, 32) | in_channels"),
    Mistake("no Flatten after the convolutions", ValueError,
            lambda: fit(IMAGES[:, None], Y, convolution(mn.Linear(2704, 10), mn.Softmax())),
            "Linear(2704, 10) | layers[1] | 2704 features | , 4, 26, 26) | Flatten()"),
    Mistake("a kernel larger than the image", ValueError,
            lambda: forward(net(mn.Conv2d(1, 1, 5), mn.MaxPool2d(9)), np.zeros((2, 1, 12, 12))),
            "MaxPool2d(9 | layers[1] | 9x9 pixels | 8x8 | a smaller kernel"),
    Mistake("in_features and out_features in the wrong order", ValueError,
            lambda: fit(X, Y, net(mn.Linear(10, 784), mn.Softmax())),
            "Linear(10, 784) | layers[0] | 10 features | , 784) | Linear(784, 10)"),
    Mistake("two layers that do not fit each other", ValueError,
            lambda: fit(X, Y, net(mn.Linear(784, 128), mn.ReLU(), mn.Linear(100, 10), mn.Softmax())),
            "Linear(100, 10) | layers[2] | 100 features | , 128) | in_features=128"),
    Mistake("BatchNorm1d of another width", ValueError,
            lambda: forward(net(mn.Linear(784, 20), mn.BatchNorm1d(10)), X),
            "BatchNorm1d(10 | layers[1] | (N, 10) | (40, 20) | num_features=20"),
    Mistake("BatchNorm1d of images", ValueError,
            lambda: forward(convolution(mn.BatchNorm1d(4)), IMAGES[:, None]),
            "BatchNorm1d(4 | layers[1] | (N, 4) | (40, 4, 26, 26) | BatchNorm2d"),
    Mistake("a sequence of numbers into an LSTM", ValueError,
            lambda: forward(net(mn.LSTM(1, 8)), X),
            "LSTM(1, 8 | layers[0] | (N, T, 1) | (40, 784) | x[..., None]"),
    Mistake("words instead of their numbers into an Embedding", TypeError,
            lambda: forward(net(mn.Embedding(100, 8)), np.array([["the", "cat"]])),
            "Embedding(100, 8 | layers[0] | integers | <U3 | np.unique"),
    Mistake("a word that the table does not have", ValueError,
            lambda: forward(net(mn.Embedding(100, 8)), np.array([[3, 100]])),
            "Embedding(100, 8 | layers[0] | 0 to 99 | got 100 | num_embeddings"),
    Mistake("a Residual that changes the width", ValueError,
            lambda: forward(net(mn.Residual(mn.Linear(784, 10)), mn.Softmax()), X),
            "Residual | layers[0] | keep the shape | (40, 784) to (40, 10) | Linear(n, n)"),
    Mistake("a Reshape to another size", ValueError,
            lambda: forward(net(mn.Reshape(1, 32, 32)), X),
            "Reshape(1, 32, 32) | layers[0] | 1024 numbers | (40, 784) | product is 784"),
    Mistake("branches of different widths are added", ValueError,
            lambda: forward(net(mn.Add(mn.Linear(784, 10), mn.Linear(784, 20))), X),
            "Add( | layers[0] | one shape | (40, 10) and (40, 20) | Concat"),
    # -- the type of the samples
    Mistake("X and y swapped", mn.errors.DataWarning,
            lambda: mn.DataLoader(Y, X),
            "DataLoader | X of shape (40,) | X to be the samples | (40, 784) | DataLoader(X, y)"),
    Mistake("whole numbers into a Linear layer", TypeError,
            lambda: fit(PIXELS.astype(int), Y),
            "Linear(784, 10) | layers[0] | float32 | int64 | x.astype(np.float32)"),
    Mistake("bytes into a Linear layer", TypeError,
            lambda: trainer().fit(mn.DataLoader(PIXELS.astype(np.uint8), Y, 10, scale=None), epochs=1),
            "Linear(784, 10) | layers[0] | float32 | uint8 | leave out scale=None"),
    Mistake("float64 into a model of float32, by hand", TypeError,
            lambda: net().forward(X.astype(float)),
            "Linear(784, 10) | layers[0] | float32 | float64 | x.astype(np.float32)"),
    Mistake("a list into a model", TypeError,
            lambda: net().forward([[0.0] * 784]),
            "Linear(784, 10) | layers[0] | a NumPy array | list | np.asarray(x, dtype=np.float32)"),
    Mistake("a file name instead of the data", TypeError,
            lambda: mn.DataLoader("train-images.npy", Y),
            "DataLoader | X | numbers | <U16 | np.load('train-images.npy')"),
    Mistake("a folder of .npz, still packed", TypeError,
            lambda: fit({"train": X, "labels": Y}, Y),
            "Sequential.forward | expected x | got train=..., labels=... | mn.Inputs | in the training data"),
    Mistake("two inputs for a model with one", TypeError,
            lambda: fit((X, X), Y),
            "Sequential.forward | expected x | got an array | an array | mn.Inputs"),
    Mistake("a list of samples in a tuple", ValueError,
            lambda: mn.DataLoader(tuple(X), Y),
            "DataLoader | X[0] | 40 targets in y | one target a sample | np.stack(X)"),
    Mistake("another name in X than in the model", TypeError,
            lambda: fit({"image": X, "tabel": X}, Y, net(mn.Inputs(image=mn.Linear(784, 5), table=mn.Tanh()))),
            "Inputs | takes 2 inputs | forward(image=..., table=...) | image=..., tabel=... | a dict"),
    Mistake("one target for two heads", TypeError,
            lambda: fit(X, Y, net(mn.Heads(a=mn.Linear(784, 10))), mn.MultiLoss({"a": mn.SoftmaxCrossEntropyLoss()})),
            "MultiLoss | the target | to be a dict of 'a' | got an array | DataLoader"),
    Mistake("two heads and one loss", TypeError,
            lambda: fit(X, Y, net(mn.Heads(a=mn.Linear(784, 10), b=mn.Tanh())), mn.SoftmaxCrossEntropyLoss()),
            "SoftmaxCrossEntropyLoss | prediction | one array | a dict of 'a', 'b' | mn.MultiLoss"),
    Mistake("a sample weight too few", ValueError,
            lambda: mn.DataLoader(X, Y, sample_weight=np.ones(39)),
            "DataLoader | 40 samples in X | 39 weights in sample_weight | one weight a sample | first axis"),
    Mistake("ragged lists", ValueError,
            lambda: mn.DataLoader([[1.0, 2.0], [3.0]], [0, 1]),
            "DataLoader | X | an array | rows of 1 to 2 | pad them"),
    Mistake("a generator of samples", TypeError,
            lambda: mn.DataLoader((x for x in X), Y),
            "DataLoader | X | an array | a generator | list(X)"),
    Mistake("numbers as text, as a CSV file has them", TypeError,
            lambda: mn.DataLoader(np.array([["0.5", "1.5"]]), [0]),
            "DataLoader | X | numbers | <U3 | np.asarray(X, dtype=np.float32)"),
    Mistake("a table with a column of text", TypeError,
            lambda: mn.DataLoader(np.array([[0.5, "red"]], object), [0]),
            "DataLoader | X | numbers | object | drop the columns of text"),
    Mistake("a table with gaps", TypeError,
            lambda: mn.DataLoader(np.array([[0.5, None]], object), [0]),
            "DataLoader | X | numbers | object | fill what is missing"),
    Mistake("a tensor of another library", TypeError,
            lambda: mn.DataLoader(Tensor(), Y),
            "DataLoader | X | an array | a Tensor | detach().cpu().numpy()"),
    Mistake("X and y of different lengths", ValueError,
            lambda: mn.DataLoader(X, Y[:30]),
            "DataLoader | 40 samples in X | one target a sample | 30 targets | first axis"),
    Mistake("no samples", ValueError,
            lambda: mn.DataLoader(X[:0], Y[:0]),
            "DataLoader | X | at least one | (0, 784) | a filter"),
    Mistake("an empty evaluation set", ValueError,
            lambda: fit(evaluate={"test": (X[:0], Y[:0])}),
            "DataLoader | 'test' | at least one | (0, 784) | a filter"),
    Mistake("NaN in X", ValueError,
            lambda: fit(WITH_NAN, Y),
            "DataLoader | X[3, 17] | finite numbers | 1 NaN in 1 of 40 | np.nan_to_num(X)"),
    Mistake("infinity in X", ValueError,
            lambda: fit(np.full_like(X, np.inf), Y),
            "DataLoader | X[0, 0] | finite numbers | 31,360 infinite | np.isfinite(X).all(axis=1)"),
    Mistake("NaN in the targets", ValueError,
            lambda: fit(TABLE, np.where(TABLE > 0.5, TABLE, np.nan), net(mn.Linear(1, 1)), mn.MSELoss()),
            "DataLoader | y[ | finite numbers | NaN | np.isfinite(y)"),
    Mistake("pixels of 0 to 255", mn.errors.DataWarning,
            lambda: fit(PIXELS, Y),
            "DataLoader | X | numbers of about 1 | 0 to 255 | X / 256"),
    Mistake("a masked array", TypeError,
            lambda: fit(np.ma.masked_invalid(WITH_NAN), Y),
            "DataLoader | X | a plain array | 1 of 31,360 numbers masked | X.filled(0)"),
    Mistake("a transform that normalizes", mn.errors.DataWarning,
            lambda: mn.DataLoader(X, Y, transform=lambda x, rng: (x - 0.5) / 0.25),
            "DataLoader | transform | at random | does not depend on rng | mn.Normalize.of(X)"),
    Mistake("bytes of another scale in an evaluation", ValueError,
            lambda: trainer().evaluate(mn.DataLoader(PIXELS.astype(np.uint8), Y, scale=1.0)),
            "evaluate | data | input_scale, 0.00390625 | scale=1.0 | pass scale=0.00390625"),
    Mistake("bytes for a model that learned from floats", mn.errors.DataWarning,
            lambda: fit(evaluate={"test": (PIXELS.astype(np.uint8), Y)}),
            "fit | evaluate['test'] | not trained on uint8 | uint8 | set model.input_scale"),
    Mistake("means and deviations of sequences", ValueError,
            lambda: mn.Normalize.of(IMAGES),
            "Normalize.of | X | (N, F) or (N, C, H, W) | (40, 28, 28) | axis=2 for (N, T, F)"),
    # -- labels and targets
    Mistake("one-hot labels", ValueError,
            lambda: fit(y=ONE_HOT),
            "CrossEntropyLoss | labels of shape | , 10), got | one-hot | y.argmax(axis=-1)"),
    Mistake("labels in a column", ValueError,
            lambda: fit(y=Y[:, None]),
            "CrossEntropyLoss | labels of shape | , 10), got | , 1) | y.squeeze(-1)"),
    Mistake("labels as floats", TypeError,
            lambda: fit(y=Y.astype(float)),
            "CrossEntropyLoss | labels | integers, 0 to 9 | float64 | y.astype(np.int64)"),
    Mistake("classes counted from 1", ValueError,
            lambda: fit(y=Y + 1),
            "CrossEntropyLoss | at 9 | labels from 0 to 9 | got 10 | pass y - 1"),
    Mistake("a last layer too narrow for the classes", ValueError,
            lambda: fit(model=net(mn.Linear(784, 5), mn.Softmax())),
            "CrossEntropyLoss | at 5 | labels from 0 to 4 | got 5 | last layer"),
    Mistake("-1 for samples without a label", ValueError,
            lambda: fit(y=Y - 1),
            "CrossEntropyLoss | at 0 | labels from 0 to 9 | got -1 | ignore_index=-1"),
    Mistake("labels as words", TypeError,
            lambda: fit(y=["cat", "dog"] * 20),
            "DataLoader | y to | numbers | <U3 | np.unique(y, return_inverse=True)"),
    Mistake("quantities to predict, with a loss for classes", TypeError,
            lambda: fit(y=TABLE[:, 0]),
            "CrossEntropyLoss | labels | integers | float32 | MSELoss"),
    Mistake("classes to predict, with a loss for quantities", ValueError,
            lambda: fit(loss=mn.MSELoss()),
            "MSELoss | prediction and target | one shape | , 10) | CrossEntropyLoss"),
    Mistake("targets without the axis that the model gives", ValueError,
            lambda: fit(TABLE, TABLE[:, 0], net(mn.Linear(1, 1)), mn.MSELoss()),
            "MSELoss | prediction and target | one shape | , 1) and | y.reshape"),
    Mistake("yes or no, without the axis that the model gives", ValueError,
            lambda: fit(TABLE, Y // 5, net(mn.Linear(1, 1), mn.Sigmoid()), mn.BCELoss()),
            "BCELoss | prediction and target | one shape | , 1) and | y.reshape"),
    Mistake("yes or no as True and False", TypeError,
            lambda: fit(TABLE, TABLE > 0.5, net(mn.Linear(1, 1), mn.Sigmoid()), mn.BCELoss()),
            "BCELoss | target | numbers | bool | y.astype(np.float32)"),
    Mistake("classes into a loss of yes or no", ValueError,
            lambda: fit(TABLE, Y[:, None], net(mn.Linear(1, 1), mn.Sigmoid()), mn.BCELoss()),
            "BCELoss | target of | 0 to 1 | to 9 | CrossEntropyLoss"),
    Mistake("labels 0 and 1 into a hinge loss", ValueError,
            lambda: fit(TABLE, Y[:, None] % 2, net(mn.Linear(1, 1)), mn.HingeLoss()),
            "HingeLoss | labels | -1 or 1 | got 0 | 2 * y - 1"),
    # -- the end of the model and its loss
    Mistake("two softmaxes, one in the loss", ValueError,
            lambda: fit(loss=mn.SoftmaxCrossEntropyLoss()),
            "SoftmaxCrossEntropyLoss | ends with | scores | Softmax() | use CrossEntropyLoss"),
    Mistake("two softmaxes in the model", ValueError,
            lambda: fit(model=net(mn.Linear(784, 10), mn.Softmax(), mn.Softmax())),
            "Softmax() | layers[2] | scores | probabilities | remove one"),
    Mistake("no softmax", ValueError,
            lambda: fit(model=net(mn.Linear(784, 10))),
            "CrossEntropyLoss | row sums | probabilities | values from | SoftmaxCrossEntropyLoss"),
    Mistake("LogSoftmax before CrossEntropyLoss", ValueError,
            lambda: mn.CrossEntropyLoss().forward(np.log(P), [0, 1, 2, 0]),
            "CrossEntropyLoss | Softmax | expected probabilities | log-probabilities | NLLLoss"),
    Mistake("Softmax before NLLLoss", ValueError,
            lambda: fit(loss=mn.NLLLoss()),
            "NLLLoss | exponentials | log-probabilities | got probabilities | CrossEntropyLoss"),
    Mistake("no Sigmoid before BCELoss", ValueError,
            lambda: fit(TABLE, TABLE, net(mn.Linear(1, 1, bias_init=mn.initializers.uniform(5, 6))), mn.BCELoss()),
            "BCELoss | values from | 0 to 1 | got | BCEWithLogitsLoss"),
    Mistake("a reduction that there is not", ValueError,
            lambda: mn.CrossEntropyLoss(reduction="average"),
            "CrossEntropyLoss | reduction | 'mean' | got 'average' | 'sum'"),
    Mistake("weights for other classes", ValueError,
            lambda: fit(loss=mn.CrossEntropyLoss(weight=[1, 2, 3])),
            "CrossEntropyLoss | weight | 10 | 3 classes | one weight a class"),
    Mistake("label smoothing in percent", ValueError,
            lambda: mn.CrossEntropyLoss(label_smoothing=10),
            "CrossEntropyLoss | label_smoothing | <= 1 | got 10 | are 0.1"),
    # -- making a model
    Mistake("a list of layers", TypeError,
            lambda: mn.Sequential([mn.Linear(784, 10), mn.Softmax()]),
            "Sequential | layers | one by one | list | Sequential(*layers)"),
    Mistake("a class among the layers", TypeError,
            lambda: mn.Sequential(mn.Linear(784, 10), mn.ReLU),
            "Sequential | layer 1 | a Layer | class ReLU | ReLU(...)"),
    Mistake("a function among the layers", TypeError,
            lambda: mn.Sequential(mn.Linear(784, 10), np.tanh),
            "Sequential | layer 1 | a Layer | ufunc | mn.Tanh()"),
    Mistake("the same layer twice", ValueError,
            lambda: mn.Sequential(mn.Linear(784, 784), relu := mn.ReLU(), mn.Linear(784, 10), relu),
            "ReLU() | layers[1] and at layers[3] | two layers | the same | the same Parameter"),
    Mistake("a size as a float", TypeError,
            lambda: mn.Linear(784 / 2, 10),
            "Linear | in_features | an int | float 392.0 | in_features=int(392.0)"),
    Mistake("no outputs", ValueError,
            lambda: mn.Linear(784, 0),
            "Linear | out_features | >= 1 | got 0 | how many"),
    Mistake("dropout in percent", ValueError,
            lambda: mn.Dropout(50),
            "Dropout | probability | 0 <= p <= 1 | got 50 | are 0.5"),
    Mistake("an initializer by its name", TypeError,
            lambda: mn.Linear(784, 10, weight_init="kaiming_normal"),
            "initializer | shape | a function | 'kaiming_normal' | mn.initializers.kaiming_normal()"),
    Mistake("more padding than pooling allows", ValueError,
            lambda: mn.MaxPool2d(2, padding=2),
            "MaxPool2d | padding | at most half | padding=2 | kernel_size=2"),
    Mistake("a layer without forward", NotImplementedError,
            lambda: fit(model=net(WithoutForward(), mn.Linear(784, 10), mn.Softmax())),
            "WithoutForward | layers[0] | forward | has no | define forward(self, x)"),
    Mistake("a layer without backward", NotImplementedError,
            lambda: fit(model=net(mn.Linear(784, 10), WithoutBackward(), mn.Softmax())),
            "WithoutBackward | layers[1] | backward | has no | define backward(self, dy)"),
    Mistake("a forward without return", TypeError,
            lambda: fit(model=net(mn.Linear(784, 10), WithoutReturn(), mn.Softmax())),
            "WithoutReturn | layers[1] | a NumPy array | NoneType | add a return"),
    Mistake("a backward without return", TypeError,
            lambda: fit(model=net(mn.Linear(784, 10), BackwardWithoutReturn(), mn.Softmax())),
            "BackwardWithoutReturn | layers[1] | expected float32 | NoneType | add a return"),
    # -- optimizers
    Mistake("an optimizer of another model", ValueError,
            lambda: mn.Trainer(net(), mn.CrossEntropyLoss(), sgd()),
            "optimizer | not this model's | parameters[0] (784, 10) | layers[0].weight | model.parameters()"),
    Mistake("a layer replaced after the optimizer was made", ValueError,
            lambda: replaced(trainer()).fit(mn.DataLoader(X, Y), epochs=1),
            "optimizer | not this model's | parameters[0] (784, 10) | layers[0].weight | model.parameters()"),
    Mistake("an optimizer of a part of the model", mn.errors.TrainingWarning,
            lambda: part(net()).fit(mn.DataLoader(X, Y), epochs=1),
            "optimizer | does not hold | layers[0].bias | model.parameters() | trainable=False"),
    Mistake("a schedule and a plateau", ValueError,
            lambda: fit(callbacks=[mn.callbacks.LearningRate(mn.schedules.StepLR(1)),
                                   mn.callbacks.ReduceLROnPlateau("loss")]),
            "fit | LearningRate and ReduceLROnPlateau | computes the learning rate anew | pass one | SequentialLR"),
    Mistake("a schedule by the epoch, with an iterator", ValueError,
            lambda: fit_iterator(callbacks=[mn.callbacks.LearningRate(mn.schedules.StepLR(1))]),
            'fit | per="epoch" | one epoch only | a list_iterator | per="step"'),
    Mistake("the model instead of its Parameters", TypeError,
            lambda: sgd(net()),
            "SGD | expected | Parameters | got Sequential | model.parameters()"),
    Mistake("parameters without the brackets", TypeError,
            lambda: sgd(net().parameters),
            "SGD | expected | Parameters | got the method parameters itself, not called | model.parameters()"),
    Mistake("a model without Parameters", ValueError,
            lambda: sgd(net(mn.ReLU()).parameters()),
            "SGD | Parameters | a layer with weights | no | Linear"),
    Mistake("a learning rate as text", TypeError,
            lambda: sgd(lr="0.1"),
            "SGD | lr | a number | str '0.1' | pass lr=float('0.1')"),
    Mistake("a negative learning rate", ValueError,
            lambda: sgd(lr=-0.1),
            "SGD | lr | > 0 | got -0.1 | trainable=False"),
    Mistake("a learning rate of 0", ValueError,
            lambda: sgd(lr=0),
            "SGD | lr | > 0 | got 0 | trainable=False"),
    Mistake("a learning rate that is no number", ValueError,
            lambda: sgd(lr=float("nan")),
            "SGD | lr | finite | got nan | > 0"),
    Mistake("a momentum of 1", ValueError,
            lambda: sgd(momentum=1.0),
            "SGD | momentum | < 1 | got 1.0 | share"),
    # -- Trainer and fit
    Mistake("the arguments of Trainer in another order", TypeError,
            lambda: mn.Trainer(mn.CrossEntropyLoss(), net(), sgd()),
            "Trainer | loss | a Loss | got Sequential | Trainer(model, loss, optimizer)"),
    Mistake("the class of a loss", TypeError,
            lambda: mn.Trainer(net(), mn.CrossEntropyLoss, sgd()),
            "Trainer | loss | a Loss | class CrossEntropyLoss | make one"),
    Mistake("the class of an optimizer", TypeError,
            lambda: mn.Trainer(net(), mn.CrossEntropyLoss(), mn.SGD),
            "Trainer | optimizer | Optimizer | class SGD | make one"),
    Mistake("metrics without names", TypeError,
            lambda: trainer(metrics=[mn.metrics.accuracy]),
            "Trainer | metrics | a dict | list | metrics={"),
    Mistake("neither epochs nor steps", ValueError,
            lambda: fit(epochs=None),
            "fit | epochs | steps | one of the two | needs"),
    Mistake("both epochs and steps", ValueError,
            lambda: fit(epochs=1, steps=10),
            "fit | epochs | steps | one of the two | needs"),
    Mistake("a negative number of epochs", ValueError,
            lambda: fit(epochs=-1),
            "fit | epochs | >= 0 | got -1 | needs"),
    Mistake("one epoch and a half", TypeError,
            lambda: fit(epochs=1.5),
            "fit | epochs | an int | float | expected"),
    Mistake("samples and labels instead of a loader", TypeError,
            lambda: trainer().fit((X, Y), epochs=1),
            "fit | a DataLoader | pairs (x, y) | a tuple of 2 | mn.DataLoader(X, y"),
    Mistake("an array instead of a loader", TypeError,
            lambda: trainer().fit(X, epochs=1),
            "fit | a DataLoader | pairs (x, y) | (40, 784) | mn.DataLoader(X, y"),
    Mistake("a generator for several epochs", ValueError,
            lambda: trainer().fit(((x, y) for x, y in mn.DataLoader(X, Y)), epochs=2),
            "fit | loader | 2 epochs | a generator | a list of the batches"),
    Mistake("a loader that yields samples only", TypeError,
            lambda: trainer().fit([X, X, X], epochs=1),
            "fit | a DataLoader | pairs (x, y) | a list of 3 | mn.DataLoader(X, y"),
    Mistake("a loader that yields lists", TypeError,
            lambda: trainer().fit([([[0.5] * 784], [1])], epochs=1),
            "fit | loader | pairs of arrays | x is a list | np.asarray(x"),
    Mistake("evaluation data without a name", TypeError,
            lambda: fit(evaluate=(X, Y)),
            "fit | evaluate | a dict | tuple | evaluate={\"test\": (X, y)}"),
    Mistake("evaluation samples without a name and labels", TypeError,
            lambda: fit(evaluate=X),
            "fit | evaluate | a dict | an array of shape (40, 784) | evaluate={\"test\": (X, y)}"),
    Mistake("evaluation samples without labels", TypeError,
            lambda: fit(evaluate={"test": X}),
            "fit | evaluate['test'] | a pair (X, y) | (40, 784) | (X, y)}"),
    Mistake("evaluation data of another width", ValueError,
            lambda: fit(evaluate={"test": (X[:, 1:], Y)}),
            "Linear(784, 10) | 'test' | 784 features | , 783) | in_features=783"),
    Mistake("a callback that is not in a list", TypeError,
            lambda: fit(callbacks=mn.callbacks.ClipGradNorm(1)),
            "fit | callbacks | a list | ClipGradNorm | callbacks=[ClipGradNorm(...)]"),
    Mistake("the class of a callback", TypeError,
            lambda: fit(callbacks=[mn.callbacks.ClipGradNorm]),
            "fit | callbacks[0] | a Callback | class ClipGradNorm | ClipGradNorm(...)"),
    Mistake("a schedule as a callback", TypeError,
            lambda: fit(callbacks=[mn.schedules.StepLR(10)]),
            "fit | callbacks[0] | a Callback | schedule StepLR | mn.callbacks.LearningRate(StepLR(...))"),
    Mistake("a learning rate as a schedule", TypeError,
            lambda: mn.callbacks.LearningRate(0.1),
            "LearningRate | schedule | a function | float | mn.schedules.StepLR(10)"),
    Mistake("a schedule's period of 0", ValueError,
            lambda: mn.schedules.StepLR(0),
            "StepLR | step_size | >= 1 | got 0 | epochs"),
    Mistake("early stopping on what is not measured", ValueError,
            lambda: fit(callbacks=[mn.callbacks.EarlyStopping("test_loss")]),
            "EarlyStopping | 'test_loss' | a row has only | loss | evaluate={"),
    Mistake("early stopping on what may be to fall or to rise", ValueError,
            lambda: fit(callbacks=[mn.callbacks.EarlyStopping("test_kappa")]),
            "EarlyStopping | 'test_kappa' | lower or higher | accuracy | mode=\"min\" or mode=\"max\""),
    Mistake("a batch size of 0", ValueError,
            lambda: mn.DataLoader(X, Y, batch_size=0),
            "DataLoader | batch_size | >= 1 | got 0 | len(X)"),
    Mistake("a batch size as a float", TypeError,
            lambda: mn.DataLoader(X, Y, batch_size=len(X) / 4),
            "DataLoader | batch_size | an int | float 10.0 | batch_size=int(10.0)"),
    Mistake("a batch size beyond the data", ValueError,
            lambda: mn.DataLoader(X, Y, batch_size=100, drop_last=True),
            "DataLoader | batch of 100 | full batch | 40 samples | lower batch_size"),
    Mistake("a transform that is no function", TypeError,
            lambda: mn.DataLoader(X, Y, transform="rotate"),
            "DataLoader | transform | a function | str | (x, rng) -> x"),
    # -- what comes out
    Mistake("predictions for samples of another width", ValueError,
            lambda: trainer().predict(X[:, 1:]),
            "Linear(784, 10) | layers[0] | 784 features | , 783) | in_features=783"),
    Mistake("predictions for a loader", TypeError,
            lambda: trainer().predict(mn.DataLoader(X, Y)),
            "predict | expected X | numbers | it is a DataLoader | loader.X"),
    Mistake("a prediction for a single sample", ValueError,
            lambda: trainer().predict(X[0]),
            "predict | X of shape (784,) | samples along the first axis | (10,) | X[np.newaxis]"),
    Mistake("evaluation of samples alone", TypeError,
            lambda: trainer().evaluate(X),
            "evaluate | data | a pair (X, y) | (40, 784) | pass (X, y)"),
    Mistake("the accuracy of class numbers", ValueError,
            lambda: mn.metrics.accuracy(Z.argmax(axis=1), [0, 1, 2, 0]),
            "Accuracy | labels | predictions | of shape (4,), got (4,) | np.mean(prediction == y)"),
    Mistake("the accuracy, with its arguments swapped", ValueError,
            lambda: mn.metrics.accuracy([0, 1, 2, 0], Z),
            "Accuracy | labels | predictions | of shape (4,), got (4, 3) | swapped"),
    Mistake("the accuracy, with one-hot labels", ValueError,
            lambda: mn.metrics.accuracy(Z, np.eye(3)[[0, 1, 2, 0]]),
            "Accuracy | labels of shape (4,) | predictions | of shape (4, 3), got (4, 3) | y.argmax(axis=-1)"),
    # -- a loop by hand
    Mistake("backward before forward", RuntimeError,
            lambda: net(mn.Linear(3, 2)).backward(np.ones((4, 2), np.float32)),
            "Linear | layers[0] | forward | before forward() | call forward first"),
    Mistake("backward in eval mode", RuntimeError,
            lambda: step(lambda model, loss, _: model.eval().backward(loss.backward())),
            "Softmax | layers[1] | forward() | eval mode | train()"),
    Mistake("backward of the loss's value", TypeError,
            lambda: step(lambda model, loss, value: model.backward(value)),
            "Softmax().backward | layers[1] | expected float32 | got float | loss.backward()"),
    Mistake("a gradient of another shape", ValueError,
            lambda: step(lambda model, loss, _: model.backward(loss.backward().T)),
            "Softmax().backward | layers[1] | (40, 10) | (10, 40) | the loss"),
    Mistake("a gradient that is assigned", AttributeError,
            lambda: setattr(mn.Parameter(np.ones(3)), "grad", np.ones(3)),
            "Parameter | grad | in place | re-bound | p.grad +="),
    Mistake("values of another shape for a Parameter", ValueError,
            lambda: setattr(mn.Parameter(np.ones(3)), "data", np.ones(4)),
            "Parameter | values | shape (3,) | have (4,) | new"),
    # -- files
    Mistake("the weights of another model", mn.errors.CheckpointError,
            lambda: saved(lambda path: mn.save(net(mn.Linear(3, 2)), path),
                          lambda path: mn.load(net(mn.Linear(3, 4)), path)),
            "model.safetensors | layers[0].weight | (3, 4) float32 in the model | (3, 2) float32 | of this model"),
    Mistake("a file that is not there", FileNotFoundError,
            lambda: mn.load(net(), "no-such-folder/model.safetensors"),
            "model.safetensors | no-such-folder | file | no such file | there is no"),
    Mistake("another kind of file", mn.errors.CheckpointError,
            lambda: saved(lambda path: path.write_text("nothing"), lambda path: mn.load(net(), path)),
            "model.safetensors | bytes | safetensors file | not a whole | 7"),
    Mistake("the arguments of load in another order", TypeError,
            lambda: mn.load("model.safetensors", net()),
            "load(model, path) | expected | a Layer | str | make the model first"),
    Mistake("a model in place of its file", TypeError,
            lambda: mn.load_model(net()),
            "load_model(path) | expected | a file | Sequential | mn.load(model, path)"),
    Mistake("a model with a class of one's own, which was not passed", mn.errors.CheckpointError,
            lambda: saved(lambda path: mn.save(net(Halved()), path), mn.load_model),
            "layers[0] | Halved | minnet's | pass it | custom="),
    Mistake("a class of one's own that does not keep its argument", mn.errors.CheckpointError,
            lambda: saved(lambda path: mn.save(net(Forgetful(2)), path), mn.load_model),
            "layers[0] | Forgetful | size | is not kept | self.size"),
    Mistake("a custom class that is none", TypeError,
            lambda: mn.load_model("model.safetensors", custom={"Halved": Halved()}),
            "load_model | classes derived from mn.Layer | custom | 'Halved': | to map names"),
    Mistake("a part of a file that is not there", mn.errors.CheckpointError,
            lambda: saved(lambda path: mn.save(net(mn.Linear(3, 2)), path),
                          lambda path: mn.load(net(mn.Linear(3, 2)), path, prefix="body")),
            "model.safetensors | prefix 'body' | layers[0].weight | none of its arrays | the first are"),
    Mistake("a misspelt rename", mn.errors.CheckpointError,
            lambda: saved(lambda path: mn.save(net(mn.Linear(3, 2)), path),
                          lambda path: mn.load(net(mn.Linear(3, 2)), path, rename={"layer[0]": "layers[0]"})),
            "model.safetensors | rename | 'layer[0]' | no name in the file | the first are"),
]
# fmt: on

# What is refused only after the first row of history, when the model has learned already.
LEARNED = {"early stopping on what is not measured"}


def said(error):
    """Return all that a user reads: the message, and the notes about where it was."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


@pytest.fixture
def untouched(monkeypatch):
    """Remember every Parameter that is made, to say whether all have the values that they began with."""
    made = []
    original = mn.Parameter.__init__

    def remember(self, *args, **options):
        original(self, *args, **options)
        made.append((self, self.data.copy()))

    monkeypatch.setattr(mn.Parameter, "__init__", remember)
    return lambda: all(np.array_equal(parameter.data, first) for parameter, first in made)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_message_says_what_where_expected_got_and_the_cure(mistake, untouched):
    if issubclass(mistake.error, Warning):
        with pytest.warns(mistake.error) as caught:
            mistake.make()
        (warning,) = caught
        message = str(warning.message)
        assert warning.filename == __file__  # it points at the user's line
    else:
        with pytest.raises(mistake.error) as raised:
            mistake.make()
        assert type(raised.value) is mistake.error
        message = said(raised.value)
        last = traceback.extract_tb(raised.value.__traceback__)[-1]
        assert last.filename.startswith(ROOT)
        assert last.line.startswith("raise"), f"not minnet's own error: {last}"
        assert untouched() or mistake.name in LEARNED
    missing = [word for word in mistake.words.split(" | ") if word not in message]
    assert not missing, f"{missing} not in:\n{message}"
    assert len(message) < 700
    assert sum(-(-len(line) // 100) for line in message.split("\n")) <= 12, "it does not fit on a screen"


def test_every_mistake_has_a_name_of_its_own_and_five_words():
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 40
    assert all(len(mistake.words.split(" | ")) == 5 for mistake in MISTAKES)
