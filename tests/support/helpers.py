"""What the tests of several files use: arrays nobody may change, small models, their Trainers, slopes, pictures."""

import numpy as np

import minnet as mn


def frozen(array):
    """Return the array, read-only from now on: a layer that writes into its input raises an error."""
    array.flags.writeable = False
    return array


def array(values, dtype=np.float32):
    """Return the values as a read-only array."""
    return frozen(np.array(values, dtype))


def array64(values, dtype=np.float64):
    """Return the values as a read-only array."""
    return array(values, dtype)


def normal_numbers(generator, mean=0, spread=1, dtype=np.float32):
    """Return a function that draws read-only random numbers: floats(*shape)."""
    usual = dtype

    def floats(*shape, dtype=usual):
        return frozen(generator.normal(mean, spread, shape).astype(dtype))

    return floats


def linear_problem(samples, seed=0):
    """Return samples of four features, and labels of three classes that a Linear layer can learn."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(samples, 4)).astype(np.float32)
    return X, (X @ random.normal(size=(4, 3))).argmax(axis=1)


def small_trainer(lr=0.1):
    """Return a Trainer of one matrix, for linear_problem."""
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    return mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=lr))


def slope(loss, values, place, h=1e-5):
    """Return the slope of loss() along one of the values, measured a little to either side."""
    here = values[place]
    values[place] = here + h
    above = loss()
    values[place] = here - h
    below = loss()
    values[place] = here
    return (above - below) / (2 * h)


def after(optimizer, *gradients):
    """Return the first Parameter's values after a step for each gradient."""
    for gradient in gradients:
        optimizer.zero_grad()
        optimizer.parameters[0].grad += gradient
        optimizer.step()
    return optimizer.parameters[0].data


def as_tuple(state):
    """Return the state of a recurrent layer as a tuple: an LSTM's is one already."""
    return state if isinstance(state, tuple) else (state,)


def check_copy(copied_by, model):
    """Check that a copy of a model of three inputs computes the same bits, and shares no numbers with it."""
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    y = model.forward(x)
    copied = copied_by(model)
    assert copied.forward(x).tobytes() == y.tobytes()
    for parameter in copied.parameters():
        parameter.data += 1
    assert model.forward(x).tobytes() == y.tobytes()


class Plus(mn.Layer):
    """y = x + 1; remembers that backward was called."""

    def forward(self, x):
        return x + 1

    def backward(self, dy):
        self.called = True
        return dy.copy()


def answers(*classes):
    """Probabilities that answer so, each with most of the whole."""
    p = np.random.default_rng(1).random((len(classes), 10)) / 50
    p[np.arange(len(classes)), classes] = 0.5
    return p / p.sum(axis=1, keepdims=True)


def overlaps(figure, artists):
    """Pairs of artists whose boxes on the page overlap by more than a pixel each way."""
    figure.draw_without_rendering()
    boxes = [artist.get_window_extent() for artist in artists]
    return [
        (artists[i], artists[j])
        for i in range(len(boxes))
        for j in range(i)
        if min(boxes[i].x1, boxes[j].x1) - max(boxes[i].x0, boxes[j].x0) > 1
        and min(boxes[i].y1, boxes[j].y1) - max(boxes[i].y0, boxes[j].y0) > 1
    ]
