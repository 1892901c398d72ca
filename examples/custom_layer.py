"""A new layer: written, checked, trained.

python examples/custom_layer.py
"""

import numpy as np

import minnet as mn


class PReLU(mn.Layer):
    """y = x where x > 0, and a · x elsewhere; the slope a is learned, one for each feature.

    Backward: ∂y/∂x is 1 or a, and ∂y/∂a is 0 or x.

    K. He et al., "Delving deep into rectifiers", ICCV 2015, section 2.1.
    """

    def __init__(self, features: int) -> None:
        self.features = features
        self.slope = mn.Parameter(np.full(features, 0.25))

    def forward(self, x):
        """Map x (N, features) to y (N, features)."""
        self.cache = x
        return np.where(x > 0, x, self.slope.data * x)

    def backward(self, dy):
        """Add dL/da, and map dy to dx, both (N, features)."""
        x = self.cache
        self.slope.grad += (dy * np.minimum(x, 0)).sum(axis=0)
        return np.where(x > 0, dy, self.slope.data * dy)

    def onnx(self, graph, x):
        """Do as forward, in an ONNX file."""
        return graph.op("PRelu", x, self.slope)


class ForgetfulPReLU(PReLU):
    """The same with the most frequent mistake: backward sets the gradient, and does not add to it."""

    def backward(self, dy):
        """Overwrite dL/da."""
        self.slope.grad[...] = (dy * np.minimum(self.cache, 0)).sum(axis=0)
        return np.where(self.cache > 0, dy, self.slope.data * dy)


def main(epochs: int = 5, data: str | None = None) -> float:
    """Check the layer, then train with it; return the accuracy on the test digits."""
    x = np.random.default_rng(0).normal(size=(4, 3))
    print("right:", mn.gradcheck.check_layer(PReLU(3), x))
    try:
        mn.gradcheck.check_layer(ForgetfulPReLU(3), x)
    except mn.gradcheck.LayerError as error:
        print("wrong:", error)

    digits, which = mn.data.load_digits(data)
    print(which)
    model = mn.Sequential(mn.Linear(784, 64, rng=0), PReLU(64), mn.Linear(64, 10, rng=1), mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.2))
    batches = mn.DataLoader(*digits.train, batch_size=128, shuffle=True, rng=0)
    history = trainer.fit(batches, epochs=epochs, evaluate={"validation": digits.validation})
    for row in history:
        print(f"epoch {row['epoch']}: loss {row['loss']:.4f}, validation {100 * row['validation_accuracy']:.2f}%")
    slopes = model.layers[1].slope.data
    print(f"the slopes, all 0.25 at first, are now between {slopes.min():.2f} and {slopes.max():.2f}")
    accuracy = trainer.evaluate(digits.test)["accuracy"]
    print(f"test accuracy {100 * accuracy:.2f}%")
    return accuracy


if __name__ == "__main__":
    main()
