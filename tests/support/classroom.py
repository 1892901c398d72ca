"""A class of a hundred: thirty right files in different styles, sixty with a mistake, ten hostile ones."""

import json

from hostile_files import HOSTILE

EXERCISE = """
title: Five layers
limits: {seconds: SECONDS, memory: 1 GB}
questions:
  - class: Softplus
    inputs:
      - shape: [4, 3]
    reference: mn.Softplus
  - class: Affine
    arguments: [3, 2]
    inputs:
      - shape: [4, 3]
    reference: mn.Linear
  - class: Scale
    arguments: [3]
    inputs:
      - shape: [4, 3]
    reference: solutions.py:Scale
  - class: Center
    arguments: [3]
    inputs:
      - shape: [4, 3]
    reference: solutions.py:Center
  - class: Drop
    arguments: [0.5]
    inputs:
      - shape: [4, 3]
    reference: mn.Dropout
"""

HEAD = "import minnet as mn\nimport numpy as np\n"
SOFTPLUS = '''
class Softplus(mn.Layer):
    """y = log(1 + e^x)."""

    def forward(self, x):
        y = np.logaddexp(0, x)
        self.cache = (x, y)
        return y

    def backward(self, dy):
        x, y = self.cache
        return dy * np.exp(x - y)
'''
AFFINE = '''
class Affine(mn.Layer):
    """y = x @ W + b."""

    def __init__(self, inputs, outputs):
        rng = np.random.default_rng(0)
        self.W = mn.Parameter(rng.normal(size=(inputs, outputs)))
        self.b = mn.Parameter(rng.normal(size=outputs))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T
'''
SCALE = '''
class Scale(mn.Layer):
    """y = x * gain."""

    def __init__(self, features):
        self.gain = mn.Parameter(np.linspace(0.5, 2, features))

    def forward(self, x):
        self.cache = x
        return x * self.gain.data

    def backward(self, dy):
        self.gain.grad += (dy * self.cache).sum(axis=0)
        return dy * self.gain.data
'''
CENTER = '''
class Center(mn.Layer):
    """y = x - mean."""

    def __init__(self, features, rate=0.1):
        self.rate = rate
        self.running = mn.Buffer(np.zeros(features))

    def forward(self, x):
        if not self.training:
            self.cache = None
            return x - self.running.data
        self.cache = n = max(len(x), 1)
        mean = x.sum(axis=0) / n
        self.running.data += self.rate * (mean - self.running.data)
        return x - mean

    def backward(self, dy):
        n = self.cache
        if n is None:
            return dy.copy()
        return dy - dy.sum(axis=0) / n
'''
DROP = '''
class Drop(mn.Layer):
    """y = x * mask / (1 - p)."""

    def __init__(self, p):
        self.p = p
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        if not self.training:
            self.cache = 1.0
            return x
        mask = (self.rng.random(x.shape) >= self.p).astype(x.dtype) / (1 - self.p)
        self.cache = mask
        return x * mask

    def backward(self, dy):
        return dy * self.cache
'''
LAYERS = {"Softplus": SOFTPLUS, "Affine": AFFINE, "Scale": SCALE, "Center": CENTER, "Drop": DROP}
SOLUTIONS = HEAD + "".join(LAYERS.values())

# Layer → (what is replaced, by what). Each is a mistake, and nothing else in its file is wrong.
MISTAKES = {
    "Softplus": [
        ("dy * np.exp(x - y)", "-dy * np.exp(x - y)"),
        ("dy * np.exp(x - y)", "np.exp(x - y)"),
        ("dy * np.exp(x - y)", "dy * np.exp(y - x)"),
        ("dy * np.exp(x - y)", "dy * np.exp(x)"),
        ("dy * np.exp(x - y)", "2 * dy * np.exp(x - y)"),
        ("dy * np.exp(x - y)", "dy / (1 + np.exp(x))"),
        ("dy * np.exp(x - y)", "dy * np.exp(x - y) / len(dy)"),
        ("return dy * np.exp(x - y)", "dy *= np.exp(x - y)\n        return dy"),
        ("return dy * np.exp(x - y)", "dx = dy * np.exp(x - y)"),
        ("dy * np.exp(x - y)", "(dy * np.exp(x - y)).astype(np.float32)"),
        ("dy * np.exp(x - y)", "(dy * np.exp(x - y)).sum(axis=0)"),
        ("np.logaddexp(0, x)", "np.log(1 + np.exp(x).astype(np.float64))"),
        ("np.logaddexp(0, x)", "np.log2(1 + np.exp(x))"),
        ("np.logaddexp(0, x)", "np.log(np.exp(x))"),
        ("np.logaddexp(0, x)", "np.maximum(0, x)"),
        ("self.cache = (x, y)", "self.cache = (y, x)"),
        ("self.cache = (x, y)", "self.x, self.y = x, y"),
        ("self.cache = (x, y)", "pass"),
        ("        return y\n", ""),
        ("return y\n", "return y.mean()\n"),
        ("y = np.logaddexp(0, x)", "x += 0\n        y = np.logaddexp(0, x)"),
        ("y = np.logaddexp(0, x)", "y = np.logadexp(0, x)"),
        ("def backward(self, dy)", "def bakward(self, dy)"),
        ("def forward(self, x)", "def forward(x)"),
        ("(mn.Layer)", ""),
    ],
    "Affine": [
        ("dy @ self.W.data.T", "dy @ self.W.data"),
        ("x.T @ dy", "x @ dy"),
        ("x.T @ dy", "dy.T @ x"),
        ("self.W.grad += x", "self.W.grad = x"),
        ("self.W.grad +=", "self.W.grad[...] ="),
        ("self.W.grad +=", "self.W.grad -="),
        ("x.T @ dy", "x.T @ dy / len(x)"),
        ("self.b.grad += dy.sum(axis=0)", "pass"),
        ("dy.sum(axis=0)", "dy.sum()"),
        ("dy.sum(axis=0)", "dy.mean(axis=0)"),
        ("dy.sum(axis=0)", "dy.sum(axis=1)"),
        ("dy.sum(axis=0)", "dy"),
        ("+ self.b.data", ""),
        ("+ self.b.data", "- self.b.data"),
        ("self.b = mn.Parameter(rng.normal(size=outputs))", "self.b = mn.Parameter(0.0)"),
        ("self.W = mn.Parameter(rng.normal(size=(inputs, outputs)))", "self.W = rng.normal(size=(inputs, outputs))"),
        ("size=(inputs, outputs)", "size=(outputs, inputs)"),
        ("self.cache = x", "self.cache = x.copy()\n        self.W.data -= 0.01"),
    ],
    "Scale": [
        ("(dy * self.cache).sum(axis=0)", "dy.sum(axis=0)"),
        ("(dy * self.cache).sum(axis=0)", "(dy * self.cache).sum()"),
        ("self.gain.grad +=", "self.gain.grad[...] ="),
        ("return dy * self.gain.data", "return dy * self.cache"),
        ("return x * self.gain.data", "return x * self.gain"),
        ("return x * self.gain.data", "x *= self.gain.data\n        return x"),
    ],
    "Center": [
        ("dy - dy.sum(axis=0) / n", "dy.copy()"),
        ("dy - dy.sum(axis=0) / n", "dy - dy.sum(axis=1, keepdims=True) / n"),
        ("x.sum(axis=0) / n", "x.mean()"),
        ("mn.Buffer(np.zeros(features))", "np.zeros(features)"),
        ("if not self.training:", "if False:"),
        ("self.running.data += self.rate * (mean - self.running.data)", "pass"),
    ],
    "Drop": [
        ("if not self.training:", "if False:"),
        ("self.rng.random(", "np.random.random("),
        (" / (1 - self.p)", ""),
        ("dy * self.cache", "dy"),
        (".astype(x.dtype) / (1 - self.p)", " / np.float64(1 - self.p)"),
    ],
}

# Layer → other ways to write it.
STYLES = {
    "Softplus": [
        """
class Softplus(mn.Layer):
    def forward(self, x):
        self.cache = 1 / (1 + np.exp(-np.abs(x))), x > 0
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def backward(self, dy):
        large, positive = self.cache
        return dy * np.where(positive, large, 1 - large)
""",
        """
def log_one_plus_exp(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(np.zeros_like(x), x)


class Activation(mn.Layer):
    function = staticmethod(log_one_plus_exp)

    def forward(self, x):
        self.cache = x
        return self.function(x)


class Softplus(Activation):
    def backward(self, dy):
        return np.multiply(dy, np.exp(self.cache - self.function(self.cache)))
""",
    ],
    "Affine": [
        """
class Affine(mn.Layer):
    def __init__(self, n_in, n_out):
        self.n_in, self.n_out = n_in, n_out
        self.weight = mn.Parameter(np.random.uniform(-1, 1, (n_in, n_out)))
        self.bias = mn.Parameter(np.zeros((n_out,)))

    def forward(self, x):
        self.cache = x
        return np.einsum("ni,io->no", x, self.weight.data) + self.bias.data[None, :]

    def backward(self, dy):
        self.accumulate_grad(dy)
        return np.einsum("no,io->ni", dy, self.weight.data)

    def accumulate_grad(self, dy):
        self.weight.grad += np.einsum("ni,no->io", self.cache, dy)
        self.bias.grad += np.einsum("no->o", dy)
""",
        """
class Affine(mn.Layer):
    def __init__(self, a, b):
        self.params = {"W": mn.Parameter(np.ones((a, b)) / a), "b": mn.Parameter(np.zeros(b))}

    def forward(self, x):
        self.cache = np.array(x)
        y = np.dot(x, self.params["W"].data)
        y = y + self.params["b"].data
        return y

    def backward(self, dy):
        W, b = self.params["W"], self.params["b"]
        for x_n, dy_n in zip(self.cache, dy):
            W.grad += np.outer(x_n, dy_n)
            b.grad += dy_n
        return np.dot(dy, W.data.T)
""",
    ],
    "Scale": [
        """
class Scale(mn.Layer):
    def __init__(self, features):
        self.features = features
        self.gamma = mn.Parameter(np.ones(features))

    def forward(self, x):
        self.cache = (x,)
        return np.multiply(self.gamma.data, x)

    def backward(self, dy):
        (x,) = self.cache
        np.add(self.gamma.grad, (x * dy).reshape(-1, self.features).sum(0), out=self.gamma.grad)
        return np.multiply(self.gamma.data, dy)
""",
    ],
    "Center": [
        """
class Center(mn.Layer):
    def __init__(self, features, rate=0.1):
        self.rate = rate
        self.mean = mn.Buffer(np.zeros(features))

    def forward(self, x):
        if self.training:
            m = x.mean(axis=0, keepdims=True) if len(x) else np.zeros((1, x.shape[1]), x.dtype)
            self.mean.data = (1 - self.rate) * self.mean.data + self.rate * m[0]
        else:
            m = self.mean.data.reshape(1, -1)
        self.cache = bool(self.training)
        return x - m

    def backward(self, dy):
        if self.cache and len(dy):
            return dy - dy.mean(axis=0, keepdims=True)
        return np.array(dy)
""",
    ],
    "Drop": [
        """
class Drop(mn.Layer):
    def __init__(self, p=0.5, seed=1):
        self.p = p
        self.generator = np.random.default_rng(seed)

    def forward(self, x):
        keep = np.ones(x.shape, bool)
        factor = 1
        if self.training:
            keep = self.generator.uniform(size=x.shape) > self.p
            factor = 1 / (1 - self.p)
        self.cache = keep, factor
        return np.where(keep, x * factor, 0).astype(x.dtype)

    def backward(self, dy):
        keep, factor = self.cache
        return np.where(keep, dy * factor, 0).astype(dy.dtype)
""",
    ],
}

# What stands around the layers: {} is where.
SHELLS = [
    HEAD + "{}",
    '"""第三週作業：自己寫一層。"""\n\nfrom __future__ import annotations\n\n' + HEAD + "{}",
    HEAD + "{}\n\nif __name__ == '__main__':\n    print(Softplus().forward(np.zeros((2, 2))))\n    1 / 0\n",
    HEAD + "{}\n\nx = np.random.default_rng(1).normal(size=(4, 3))\nprint(mn.gradcheck.check_layer(Softplus(), x))\n"
    "assert np.allclose(Softplus().forward(x), mn.Softplus().forward(x))\n",
    "import os, sys, time, json\n" + HEAD + "np.random.seed(0)\nstart = time.time()\n{}\nprint(time.time() - start)\n",
    HEAD + "import nothing_that_is_installed\n{}\nplot_of(Softplus)\n",
    "import minnet\nimport numpy\nmn = minnet\nnp = numpy\n\n\ndef helper(x):\n    return x\n\n{}\ndel helper\n",
    HEAD + "open('notes.txt', 'w').write('done')\n{}\nX, y = mn.data.synthetic_digits(50, rng=0)\n",
]


def notebook(source):
    """Return a notebook with a class a cell, and text and magic between them."""
    cells = [part if i == 0 else f"\nclass {part}" for i, part in enumerate(source.split("\nclass "))]
    code = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": []} for cell in cells]
    extra = [{"cell_type": "markdown", "source": "# 作業"}, {"cell_type": "code", "source": "%matplotlib inline\n!ls"}]
    return json.dumps({"cells": [*extra, *code], "nbformat": 4, "nbformat_minor": 5, "metadata": {}})


def right():
    """Return thirty right files: name → text."""
    files = {}
    for i in range(30):
        styles = [[layer, *STYLES[name]] for name, layer in LAYERS.items()]
        layers = [choice[i // (place + 1) % len(choice)] for place, choice in enumerate(styles)]
        text = SHELLS[i % len(SHELLS)].replace("{}", "\n".join(layers if i % 3 else layers[::-1]))
        ending = "ipynb" if i % 5 == 4 else "py"
        files[f"right_{i:02}.{ending}"] = notebook(text) if ending == "ipynb" else text
    return files


def mistaken():
    """Return sixty files with a mistake: name → (text, the layer that is wrong)."""
    files = {}
    for name, changes in MISTAKES.items():
        for i, (old, new) in enumerate(changes):
            assert old in LAYERS[name], (name, old)
            layers = {**LAYERS, name: LAYERS[name].replace(old, new, 1)}
            files[f"wrong_{name}_{i:02}.py"] = (HEAD + "".join(layers.values()), name)
    return files


TEN = (
    *("endless_loop", "memory_bomb", "exit", "writes_outside", "patches_minnet", "stack_inspection", "opens_the_class"),
    *("forged_answers", "fork_bomb", "kill_everything"),
)


def hostile(folder, names=TEN):
    """Return hostile files: name → bytes."""
    files = {name: HOSTILE[name] for name in names}
    texts = {name: text for name, text in files.items() if isinstance(text, str)}
    files |= {name: text.replace("CLASS", repr(str(folder))).encode() for name, text in texts.items()}
    return {f"hostile_{name}.py": text for name, text in files.items()}


def write(folder, seconds=20):
    """Write the class of a hundred into ``folder/class``, and the exercise beside it; return who has which mistake."""
    top = folder / "class"
    top.mkdir()
    (folder / "layers.yaml").write_text(EXERCISE.replace("SECONDS", str(seconds)), encoding="utf-8")
    (folder / "solutions.py").write_text(SOLUTIONS, encoding="utf-8")
    for name, text in right().items():
        (top / name).write_text(text, encoding="utf-8")
    for name, (text, _) in mistaken().items():
        (top / name).write_text(text, encoding="utf-8")
    for name, data in hostile(top).items():
        (top / name).write_bytes(data)
    return {name.removesuffix(".py"): layer for name, (_, layer) in mistaken().items()}
