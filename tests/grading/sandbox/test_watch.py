"""The watch: it tells what no layer needs, and keeps silent about what Python and its packages do."""

import pytest
from graded import sandbox

from minnet.grading.sandbox.limits import Limits

TOLD = {
    "open('/srv/x')": ("read", "/srv/x"),
    "open('../x')": None,
    "open('/srv/x', 'w')": ("write", "/srv/x"),
    "import os\nos.remove('/srv/x')": ("os.remove", "/srv/x"),
    "import os\nos.system('true')": ("os.system", "b'true'"),
    "import os\nos.kill(10**6, 9)": ("os.kill", "1000000, 9"),
    "import gc\ngc.get_objects()": ("gc.get_objects", "-1"),
    "import sys\nsys.settrace(None)": ("sys.settrace", ""),
    "import ctypes\nctypes.CDLL(None)": ("ctypes.dlopen", "None"),
    "import subprocess\nsubprocess.run(['true'])": ("subprocess.Popen", "['true']"),
    "import socket\nsocket.getaddrinfo('localhost', 80)": ("socket.getaddrinfo", "localhost, 80"),
}
SILENT = [
    "open('own', 'w').write('x')\nopen('own').read()\nimport os\nos.remove('own')",
    "import tempfile\ntempfile.TemporaryFile().write(b'x')",
    "import json, csv, unittest, dataclasses, typing, platform\nplatform.system()",
    "import numpy.testing, numpy.fft\nnumpy.testing.assert_allclose(1, 1)",
    "import minnet as mn\nmn.data.synthetic_digits(3, rng=0)\nmn.gradcheck\nmn.plots",
    "import numpy as np\nnp.save('x.npy', np.ones(3))\nnp.load('x.npy')",
    "import warnings\nwarnings.warn('x')\nimport logging\nlogging.warning('x')",
    "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
]


def events(source):
    student = sandbox().fork(Limits(60))
    try:
        student.load("student.py", source.encode())
    finally:
        student.end()
    assert student.changed == []
    return student.events


@pytest.mark.parametrize("source", TOLD)
def test_what_is_told(source):
    found = events(source)
    expected = TOLD[source]
    assert found if expected is None else expected in found


@pytest.mark.parametrize("source", SILENT)
def test_what_is_not(source):
    assert events(source) == []


@pytest.mark.slow
def test_a_plot():
    pytest.importorskip("matplotlib")
    assert events("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('x.png')\nplt.show()") == []


def test_not_too_much_is_told():
    assert (
        len(events("for _ in range(1000):\n    try:\n        open('/srv/x')\n    except OSError:\n        pass")) == 50
    )
