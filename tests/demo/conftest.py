"""A demo as the command makes it, on a free port, with one matrix that learned from synthetic digits."""

from threading import Thread

import pytest

from minnet.data.mnist.dataset import Split
from minnet.data.mnist.synthetic import synthetic_digits
from minnet.demo.page import Page
from minnet.demo.server import DemoServer
from minnet.demo.training import Digits, train


@pytest.fixture(scope="session")
def digits():
    X, y = synthetic_digits(8_000, rng=0)
    return Digits(Split(X[:7_500], y[:7_500]), Split(X[7_500:], y[7_500:]), real=0)


@pytest.fixture(scope="session")
def trained(digits):
    return train(digits, progress=False)[0]


@pytest.fixture
def reader(trained):
    yield trained
    trained.forget()


@pytest.fixture
def demo(reader):
    with DemoServer(0) as server:
        about = {"source": "synthetic", "real": 0, "synthetic": 7_500, "accuracy": 0.9}
        server.start(reader, Page(reader, about))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
