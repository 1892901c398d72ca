"""Hostile files: what a student might hand in to get points without a layer, or to do harm. Each is a whole file."""

RIGHT = """
import minnet as mn
import numpy as np


class Softplus(mn.Layer):
    def forward(self, x):
        y = np.logaddexp(0, x)
        self.cache = (x, y)
        return y

    def backward(self, dy):
        x, y = self.cache
        return dy * np.exp(x - y)


class Affine(mn.Layer):
    def __init__(self, inputs, outputs):
        self.W = mn.Parameter(np.random.default_rng(0).normal(size=(inputs, outputs)) / inputs**0.5)
        self.b = mn.Parameter(np.zeros(outputs))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T
"""

# Layers that compute nothing right: what an attack has to bring through.
WRONG = """
import minnet as mn
import numpy as np


class Softplus(mn.Layer):
    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


class Affine(mn.Layer):
    def __init__(self, inputs, outputs):
        self.W = mn.Parameter(np.zeros((inputs, outputs)))
        self.b = mn.Parameter(np.zeros(outputs))

    def forward(self, x):
        return x[:, :2]

    def backward(self, dy):
        return dy
"""

_IN_FORWARD = """
import minnet as mn
import numpy as np


class Softplus(mn.Layer):
    def forward(self, x):
        {}
        return x

    def backward(self, dy):
        return dy


class Affine(Softplus):
    def __init__(self, *sizes):
        pass
"""


def in_forward(*lines):
    return _IN_FORWARD.format("\n        ".join(lines))


# Name → the file. Each of them is to be marked, and none is to pass.
HOSTILE = {
    "endless_loop": "while True:\n    pass\n",
    "endless_loop_in_forward": in_forward("while True:", "    pass"),
    "sleeps": in_forward("import time", "time.sleep(10_000)"),
    "memory_bomb": "blocks = []\nwhile True:\n    blocks.append(bytearray(100_000_000))\n",
    "memory_bomb_in_forward": in_forward("x = np.ones((100_000, 100_000))"),
    "fork_bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
    "thread_bomb": "import threading, time\nwhile True:\n    try:\n"
    "        threading.Thread(target=time.sleep, args=(1000,)).start()\n    except RuntimeError:\n        pass\n",
    "exit": "import os\nprint('all passed')\nos._exit(0)\n" + RIGHT,
    "exit_in_forward": in_forward("import os", "os._exit(0)"),
    "crash": in_forward("import ctypes", "ctypes.string_at(0)"),
    "kill_everything": "import os, signal\nos.kill(-1, signal.SIGKILL)\n" + RIGHT,
    "kill_the_parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + RIGHT,
    "stop_the_parent": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\n" + RIGHT,
    "daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
    "    if os.fork() == 0:\n        time.sleep(10_000)\n"
    "    os._exit(0)\n" + RIGHT,
    "writes_outside": "open('/etc/minnet_was_here', 'w').write('x')\n" + RIGHT,
    "writes_the_scores": "import pathlib\nfor folder in ('.', '..', '/', '/tmp', '/root', '/home'):\n"
    "    for path in [*pathlib.Path(folder).glob('*.csv'), pathlib.Path(folder, 'scores.csv')]:\n        try:\n"
    "            path.write_text('student,score\\nme,100')\n        except OSError:\n            pass\n" + WRONG,
    "removes": "import shutil\nfor folder in ('/usr', '/root', '/home'):\n"
    "    shutil.rmtree(folder, ignore_errors=True)\n" + RIGHT,
    "huge_file": "with open('huge', 'wb') as file:\n    while True:\n        file.write(bytes(1 << 24))\n" + WRONG,
    "huge_output": "import sys\nfor _ in range(100_000):\n    print('all passed' * 1000)\n"
    "    sys.stderr.write('x' * 1000)\n" + WRONG,
    "huge_error": in_forward("raise ValueError('x' * 100_000_000)"),
    "deep_recursion": in_forward("import sys", "sys.setrecursionlimit(10**9)", "f = lambda n: f(n + 1)", "f(0)"),
    "patches_numpy": "import numpy as np\nnp.allclose = lambda *a, **k: True\n"
    "np.isclose = lambda *a, **k: np.array(True)\n"
    "np.array_equal = lambda *a, **k: True\n" + WRONG,
    "patches_minnet": "import minnet as mn\nfrom minnet.inspection import gradcheck, findings\n"
    "gradcheck.check_layer = lambda *a, **k: 'all right'\ngradcheck.findings = lambda *a, **k: []\n"
    "findings.outcomes = lambda *a: iter(())\nmn.Linear.forward = lambda self, x: x\n" + WRONG,
    "patches_sys_modules": "import sys, types\nfor name in list(sys.modules):\n"
    "    if name.startswith('minnet.inspection'):\n"
    "        sys.modules[name] = types.ModuleType(name)\n" + WRONG,
    "reads_others": "import glob\nfor pattern in ('*.py', '../*.py', '/*/*.py', '/tmp/*/*.py', CLASS + '/*.py'):\n"
    "    for path in glob.glob(pattern):\n        try:\n            text = open(path).read()\n        except OSError:\n"
    "            continue\n        if 'Softplus' in text and 'CLASS' not in text:\n            exec(text)\n",
    "opens_the_class": "exec(open(CLASS + '/right.py').read())\n" + WRONG,
    "network": "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=3)\n" + WRONG,
    "stack_inspection": in_forward(
        "import sys, inspect, gc",
        "for frame in inspect.stack():",
        "    if 'expected' in frame.frame.f_locals:",
        "        return frame.frame.f_locals['expected']",
        "for found in gc.get_objects():",
        "    if isinstance(found, mn.SoftmaxCrossEntropyLoss):",
        "        return found",
    ),
    "delegates": "import minnet as mn\n\n\nclass Affine(mn.Linear):\n    pass\n\n\nclass Softplus(mn.Layer):\n"
    "    def __init__(self):\n        self.inner = getattr(mn, 'Soft' + 'plus')()\n\n    def forward(self, x):\n"
    "        return self.inner.forward(x)\n\n    def backward(self, dy):\n        return self.inner.backward(dy)\n",
    "equal_to_all": WRONG + "\n\nclass Yes(np.ndarray):\n    __array_priority__ = 1e9\n"
    "    def __eq__(self, other):\n        return True\n"
    "    def __array_function__(self, *a, **k):\n        return True\n"
    "    def __array_ufunc__(self, *a, **k):\n        return True\n\n"
    "Softplus.forward = Affine.forward = Softplus.backward = lambda self, x: x.view(Yes)\n",
    "writes_to_the_channel": "import os\nfor number in range(3, 20):\n    try:\n"
    "        os.write(number, b'\\0\\0\\0\\2{}' * 1000)\n"
    "    except OSError:\n        pass\n" + WRONG,
    "forged_answers": "import json, os\nanswer = json.dumps(['d', [['classes', ['l', ['Softplus', 'Affine']]], "
    "['errors', ['l', []]], ['changed', ['l', []]]]]).encode()\n"
    "os.write(3, len(answer).to_bytes(4, 'big') + answer)\n"
    "answer = json.dumps(['d', [['value', None], ['layer', 1]]]).encode()\n"
    "for _ in range(100):\n    os.write(3, len(answer).to_bytes(4, 'big') + answer)\n" + WRONG,
    "at_exit": "import atexit, signal, sys, threading\natexit.register(print, 'all passed')\nsys.exit(0)\n",
    "not_text": b"\xff\xfe\x00\x01class Softplus:\n    pass\n",
    "zeros": bytes(1000),
    "deep_brackets": "x = " + "(" * 10_000 + ")" * 10_000 + "\n" + WRONG,
    "raises_lookalikes": in_forward("class LayerError(BaseException):", "    pass", "raise LayerError('all passed')"),
}
