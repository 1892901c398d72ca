"""A student's process: what it can do, what it cannot, and how its end is told."""

import numpy as np
import pytest
from graded import sandbox
from hostile_files import RIGHT

from minnet.grading.remote.wire import Gone
from minnet.grading.sandbox.fork_server import NAMESPACES, USER_NAMESPACES
from minnet.grading.sandbox.limits import Limits
from minnet.grading.sandbox.process import clean
from minnet.inspection.gradcheck import check_layer

SHUT_IN = sandbox().way in (NAMESPACES, USER_NAMESPACES)
needs_walls = pytest.mark.skipif(not SHUT_IN, reason="this system cannot isolate a process")


def loaded(source, limits=None):
    student = sandbox().fork(limits or Limits(60))
    try:
        student.load("student.py", source if isinstance(source, bytes) else source.encode())
    finally:
        student.end()
    return student


def test_a_right_layer():
    student = sandbox().fork(Limits(60))
    student.load("student.py", RIGHT.encode())
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert check_layer(student.make("Softplus"), x)
    assert check_layer(student.make("Affine", (3, 2)), x)
    student.end()
    assert {*student.classes} >= {"Softplus", "Affine"}
    assert student.errors == student.events == student.changed == []
    assert student.used["memory"] > 0


def test_the_name_that_is_not_there():
    student = sandbox().fork(Limits(60))
    student.load("student.py", b"")
    with pytest.raises(KeyError):
        student.make("Softplus")
    student.end()


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("import os\nos._exit(0)", "ended", "os._exit"),
        ("import os\nos._exit(3)", "ended", "exit code 3"),
        ("import os\nos.write(3, b'x' * 100)", "forged", "channel"),
        ("import os\nos.write(3, b'\\0\\0\\0\\2{}')", "forged", ""),
        ("import os\nos.write(3, b'\\0\\0\\0\\4null')", "forged", ""),
        ("import os\nos.close(3)", "ended", ""),
    ],
)
def test_how_it_ends(source, status, message):
    with pytest.raises(Gone) as gone:
        loaded(source)
    assert gone.value.status == status
    assert message in gone.value.message


@pytest.mark.parametrize("source", ["while True:\n    pass", "import time\ntime.sleep(1000)"])
def test_the_time_limit(source):
    with pytest.raises(Gone, match=r"took more than 0\.5 seconds"):
        loaded(source, Limits(0.5))


def test_the_memory_limit():
    student = loaded("block = bytearray(400_000_000)", Limits(60, 100 << 20))
    assert student.out_of_memory
    assert not loaded("block = bytearray(40_000_000)", Limits(60, 100 << 20)).out_of_memory


# Each says what it found by an error, whose message comes back.
LOOKS = {
    "processes": "import os\nraise ValueError(os.getpid())",
    "folder": "import os\nraise ValueError(os.listdir('.'))",
    "home": "import os, pathlib\nraise ValueError(pathlib.Path.home() == pathlib.Path.cwd())",
    "secrets": "import os\nraise ValueError('MINNET_SECRET' in os.environ)",
    "descriptors": "import os\nfound = []\nfor number in range(4, 200):\n    try:\n        os.fstat(number)\n"
    "        found.append(number)\n    except OSError:\n        pass\nraise ValueError(found)",
    "memory": "import gc\nkinds = [type(found).__name__ for found in gc.get_objects()]\n"
    "raise ValueError([name for name in kinds if name in ('Question', 'Exercise', 'Section', 'Sandbox')])",
}


def seen(name):
    (error,) = loaded(LOOKS[name]).errors
    return error["message"]


def test_it_has_a_folder_of_its_own_and_nothing_of_the_grader(monkeypatch):
    monkeypatch.setenv("MINNET_SECRET", "42")
    assert seen("folder") == "[]"
    assert seen("home") == "True"
    assert seen("secrets") == "False"
    assert seen("descriptors") == "[]"
    assert seen("memory") == "[]"


@needs_walls
def test_it_sees_no_other_process():
    assert seen("processes") == "1"


@needs_walls
def test_it_sees_nothing_of_the_disk_but_python(tmp_path):
    (tmp_path / "secret.txt").write_text("42")
    source = f"print(open({str(tmp_path / 'secret.txt')!r}).read())"
    student = loaded(source)
    assert "FileNotFoundError" in student.errors[0]["error"]
    assert student.events == [("read", str(tmp_path / "secret.txt"))]


@needs_walls
def test_what_it_writes_is_nowhere(tmp_path):
    student = loaded(f"open({str(tmp_path / 'x')!r}, 'w')\nopen('own', 'w').write('x')\nopen('/usr/x', 'w')\n")
    assert not list(tmp_path.iterdir())
    assert [error["error"] for error in student.errors] == ["FileNotFoundError", "OSError"]
    assert student.events == [("write", "/usr/x")]


@needs_walls
def test_it_has_no_network():
    source = "import socket\nsocket.create_connection(('127.0.0.1', PORT), timeout=30)"
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        student = loaded(source.replace("PORT", str(server.getsockname()[1])))
    assert student.errors[0]["error"] == "OSError"
    assert "unreachable" in student.errors[0]["message"]


def test_each_has_its_own_interpreter():
    loaded("import numpy as np\nnp.secret = 1\nimport minnet\nminnet.Linear = None")
    assert loaded("import numpy as np, minnet\nassert not hasattr(np, 'secret') and minnet.Linear").errors == []


def test_what_is_replaced_is_told():
    assert loaded("import minnet as mn\nmn.Linear.forward = None").changed == ["minnet.layers.linear.Linear.forward"]
    assert loaded("import numpy as np\nnp.allclose = max").changed == ["numpy.allclose"]
    assert loaded("import builtins\nbuiltins.input = max").changed == ["builtins.input"]


def test_a_strangers_text_is_harmless():
    assert clean("a\x1b[2J\u202eb\n\ud800") == "a\\x1b[2J\\x202eb\n\\xd800"
    assert len(clean("x" * 10_000)) == 2000


FAILED = "import json, os\ntext = json.dumps(['d', [['failed', 'the disk is full']]]).encode()\n"
FAILED += "os.write(3, len(text).to_bytes(4, 'big') + text)\n"


def test_only_the_grader_says_that_the_grader_failed():
    with pytest.raises(Gone) as gone:
        loaded(FAILED)
    assert gone.value.status == "forged"
