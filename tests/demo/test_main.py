"""`python -m minnet.demo` says where the page is, and ends with one line."""

import os
import re
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest

import minnet as mn
from minnet.demo import __main__ as main
from minnet.demo.__main__ import _options


class Demo:
    """The command, as a process: `lines` are what it has printed so far."""

    def __init__(self, *arguments, **env):
        command = [sys.executable, "-u", "-m", "minnet.demo", "--no-browser", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=os.environ | env, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.process.stdout.close()

    def until(self, words):
        """Read lines until one has these words."""
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if words in line:
                return "".join(lines)
        raise AssertionError("".join(lines) + self.process.stderr.read())

    def ended(self):
        """Wait for its end: its status, and what it wrote to stderr."""
        _, err = self.process.communicate(timeout=120)
        return self.process.returncode, err


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "minnet.demo", *arguments], capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "model.safetensors"
    mn.save(mn.Sequential(mn.Linear(784, 16, rng=0), mn.ReLU(), mn.Linear(16, 10, rng=1), mn.Softmax()), path)
    return path


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_from_the_training_to_ctrl_c(tmp_path):
    with Demo("--port", "0", MINNET_DATA=str(tmp_path), XDG_CACHE_HOME=str(tmp_path)) as demo:
        said = demo.until("Ctrl-C")
        assert "Training one matrix on 20,000 synthetic digits (MNIST is not on this disk)" in said
        assert re.search(r"It reads (8|9)\d\.\d% of 2,000 other synthetic digits right\.", said)
        with urlopen(re.search(r"http://127\.0\.0\.1:\d+/", said)[0]) as response:
            assert b"<canvas" in response.read()
        demo.process.send_signal(signal.SIGINT)
        assert demo.ended() == (0, "\nThe demo has ended.\n")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_ctrl_c_while_it_trains():
    with Demo("--port", "0") as demo:
        demo.until("Training")
        demo.process.send_signal(signal.SIGINT)
        status, err = demo.ended()
    assert status == 0
    assert err.endswith("\nThe demo has ended.\n")
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_model_of_a_file(model_file):
    with Demo("--port", "0", "--model", str(model_file), "--lang", "zh-TW") as demo:
        address = re.search(r"http://\S+", demo.until("Ctrl-C"))[0]
        with urlopen(address) as response:
            page = response.read().decode()
    assert '<html lang="zh-TW">' in page
    assert '"name": "model.safetensors"' in page
    assert '"speaks": "slope"' in page


@pytest.mark.slow
def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, out, err = run("--no-browser", "--port", str(port))
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in err
    assert "--port 0" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b"no model"), "model.safetensors"),
        (lambda path: mn.save(mn.Sequential(mn.Linear(784, 5)), path), "10 outputs is needed: with inputs (784,)"),
    ],
)
def test_a_file_that_is_no_such_model(tmp_path, make, words):
    make(tmp_path / "model.safetensors")
    status, out, err = run("--no-browser", "--port", "0", "--model", str(tmp_path / "model.safetensors"))
    assert (status, out) == (1, "")
    assert words.lower() in err.lower()
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_what_it_says_of_its_digits(monkeypatch, capsys, digits):
    monkeypatch.setattr(main, "train", lambda _: (None, 0.9164))
    monkeypatch.setattr(main, "find_digits", lambda: digits)
    assert main._matrix()[1] == {"source": "synthetic", "real": 0, "synthetic": 7_500, "accuracy": 0.9164}
    assert capsys.readouterr().out.splitlines() == [
        "Training one matrix on 7,500 synthetic digits (MNIST is not on this disk)",
        "It reads 91.6% of 500 other synthetic digits right.",
    ]
    monkeypatch.setattr(main, "find_digits", lambda: digits._replace(real=6_000))
    assert main._matrix()[1] == {"source": "mnist", "real": 6_000, "synthetic": 1_500, "accuracy": 0.9164}
    assert capsys.readouterr().out.splitlines() == [
        "Training one matrix on 6,000 digits of MNIST and 1,500 synthetic digits",
        "It reads 91.6% of 500 other digits of MNIST right.",
    ]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no such pipe")
def test_a_reader_that_leaves():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with Demo("--port", str(port)) as demo:
        demo.until("Training")
        demo.process.stdout.close()
        with urlopen(
            f"http://127.0.0.1:{port}/", timeout=120
        ) as response:  # it waits in the queue until the training ends
            assert response.status == 200
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.stderr.read() == "\nThe demo has ended.\n"


def test_help(capsys):
    with pytest.raises(SystemExit) as ended:
        _options(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(option in said for option in ("--port", "--no-browser", "--model FILE", "--lang", "8028", "MINNET_DATA"))


@pytest.mark.parametrize("port", ["-1", "65536", "99999999999999999999", "x", "", "8.0", "٣"])
def test_ports_that_are_none(port, capsys):
    with pytest.raises(SystemExit) as ended:
        _options(["--port", port])
    assert ended.value.code == 2
    assert "a port is an integer from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("system", "variables", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_browser_opens_where_there_is_a_screen(system, variables, opens, monkeypatch):
    opened = []
    monkeypatch.setattr(main.webbrowser, "open", opened.append)
    monkeypatch.setattr(main.sys, "platform", system)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    main._open("http://127.0.0.1:1/")
    assert opened == ["http://127.0.0.1:1/"] * opens
