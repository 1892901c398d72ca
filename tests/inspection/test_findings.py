"""All findings at once: each check by itself, with the layer's place, and what could not be asked."""

import threading

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.findings import CHECKS, Finding
from minnet.inspection.gradcheck import findings

X = np.random.default_rng(0).normal(size=(4, 3))


class Scale(mn.Layer):
    """y = x * g, with as many mistakes as are asked for."""

    def __init__(self, *mistakes):
        self.gain = mn.Parameter([0.5, 1.0, 2.0])
        self.mistakes = mistakes

    def forward(self, x):
        if "forward" in self.mistakes:
            raise ZeroDivisionError("no x today")
        self.cache = x
        if "random" in self.mistakes:
            x = x + np.random.normal(size=x.shape)  # noqa: NPY002
        return x * self.gain.data

    def backward(self, dy):
        if "backward" in self.mistakes:
            return dy.nothing
        if "set" in self.mistakes:
            self.gain.grad[...] = (dy * self.cache).sum(axis=0)
        else:
            self.gain.grad += (dy * self.cache).sum(axis=0) * (-1 if "gain" in self.mistakes else 1)
        if "dy" in self.mistakes:
            dy *= 1
        dx = dy * self.gain.data
        return dx[:, :2] if "shape" in self.mistakes else dx * (2 if "x" in self.mistakes else 1)


def names(*mistakes):
    return [finding.check for finding in findings(Scale(*mistakes), X)]


def test_a_right_layer_has_none():
    found = findings(Scale(), X)
    assert found == []
    arrays = ["gradient of x", "gradient of gain"]
    every = [name for check in CHECKS for name in (arrays if check == "gradient" else [check])]
    assert list(found.checks) == every
    assert all(found.checks.values())
    assert repr(found) == f"no findings: {len(CHECKS) + 1} checks passed"


@pytest.mark.parametrize(
    ("mistake", "check"),
    [
        ("set", "adds up"),
        ("gain", "gradient of gain"),
        ("x", "gradient of x"),
        ("dy", "arguments stay"),
        ("shape", "shape of dx"),
        ("backward", "backward"),
        ("forward", "forward"),
        ("random", "repeatable"),
    ],
)
def test_each_mistake_is_one_finding(mistake, check):
    assert names(mistake)[0] == check


def test_all_mistakes_are_found_at_once():
    assert names("x", "gain", "set", "dy") == ["arguments stay", "gradient of x", "adds up"]
    assert names("x", "gain") == ["gradient of x", "gradient of gain"]


def test_what_could_not_be_asked_is_neither_passed_nor_failed():
    checks = findings(Scale("backward"), X).checks
    assert checks["forward"] is True
    assert checks["backward"] is False
    assert checks["gradient of gain"] is checks["adds up"] is checks["containers"] is None
    assert checks["Parameters"] is checks["eval mode"] is True
    checks = findings(Scale("forward"), X).checks
    assert [check for check, passed in checks.items() if passed] == ["Parameters"]
    assert [check for check, passed in checks.items() if passed is False] == ["forward"]
    assert findings(Scale("shape"), X).checks["gradient of gain"] is True


def test_the_findings_are_those_of_the_layers_inside():
    model = mn.Sequential(Scale(), mn.Residual(Scale("x")), mn.Tanh(), Scale("set", "dy"))
    found = findings(model, X)
    assert {(finding.check, finding.where) for finding in found} == {
        ("gradient of x", "layers[1].layers[0]"),
        ("arguments stay", "layers[3]"),
        ("adds up", "layers[3]"),
    }
    assert found[0].message.startswith("in layers[1].layers[0] = Scale('x'): dL/dx")
    assert found.checks["adds up"] is False
    assert found.checks["repeatable"] is True


def test_a_list_shows_a_finding_a_line():
    found = findings(Scale("x", "set"), X)
    first, second = repr(found).splitlines()
    assert first == f"1. gradient of x: {found[0].message}"
    assert second.startswith("2. adds up: Scale('x', 'set'): backward overwrites gain.grad")
    assert str(found[1]) == found[1].message
    assert isinstance(found[0], Finding)


def test_nothing_is_printed_and_the_layer_is_left_as_it_was(capsys):
    layer = Scale("x", "set", "dy")
    layer.gain.grad += 3
    findings(layer, X)
    assert capsys.readouterr() == ("", "")
    assert (layer.gain.grad == 3).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((Scale, X), TypeError, r"findings expected a layer, got the class Scale: pass Scale\(\.\.\.\)"),
        ((object(), X), TypeError, "findings expected a Layer, got object"),
        ((Scale(),), ValueError, "findings got no input"),
    ],
)
def test_wrong_use_is_an_error(arguments, error, message):
    with pytest.raises(error, match=message):
        findings(*arguments)


class Square(mn.Layer):
    def forward(self, x):
        self.cache = x
        return x * x

    def backward(self, dy):
        return 2 * self.cache * dy


def odd(name, method, **more):
    return type("Odd", (Square,), {name: method, **more})()


def fails(*_):
    raise ZeroDivisionError("not today")


def leaves(*_):
    raise SystemExit(3)


def locked():
    layer = Square()
    layer.lock = threading.Lock()
    return layer


def twice():
    layer = Square()
    layer.a = layer.b = mn.Tanh()
    return layer


@pytest.mark.parametrize(
    ("make", "check", "words"),
    [
        (locked, "forward", "it cannot be copied"),
        (twice, "forward", "the same Tanh() object stands at a and at b"),
        (lambda: odd("__deepcopy__", fails), "forward", "it cannot be copied (ZeroDivisionError"),
        (lambda: odd("named_layers", fails), "forward", "not today"),
        (lambda: odd("parameters", fails), "forward", "not today"),
        (lambda: odd("astype", lambda self, dtype: None), "forward", "astype must return the layer itself"),
        (lambda: odd("eval", lambda self: None), "forward", "eval must return the layer itself"),
        (lambda: odd("forward", leaves), "forward", "SystemExit"),
        (lambda: odd("backward", leaves), "backward", "SystemExit"),
        (lambda: odd("forward", lambda self, x: np.array(["a"])), "forward", "an array of <U1"),
        (lambda: odd("forward", lambda self, x: x * np.nan), "forward", "NaN or infinity"),
        (lambda: odd("forward", lambda self, x: np.ma.masked_array(x)), "forward", "MaskedArray"),
        (lambda: odd("backward", lambda self, dy: dy * np.nan), "gradient of x", "NaN or infinity"),
        (lambda: odd("backward", lambda self, dy: ()), "backward", "it must return dL/dx"),
        (lambda: odd("backward", lambda self, dy: "dx"), "shape of dx", "a str for dL/dx"),
        (lambda: odd("backward", lambda self, dy: dy.astype(object)), "shape of dx", "an array of floats"),
    ],
)
def test_whatever_a_layer_does_is_a_finding(make, check, words):
    found = findings(make(), X)
    assert found[0].check == check
    assert words in found[0].message
    assert [finding for finding in found if "Error" in finding.message and "Error" not in found[0].message] == []


def test_a_layer_that_cannot_describe_itself_is_checked_all_the_same():
    assert findings(odd("describe", fails), X) == []
    (found,) = findings(odd("describe", fails, backward=lambda self, dy: -2 * self.cache * dy), X)
    assert found.message.startswith("Odd(...): dL/dx")


class Noise(mn.Layer):
    """y = x * mask, of NumPy's shared generator, or of a new one each time."""

    def __init__(self, shared=True, factor=1):
        self.shared, self.factor = shared, factor

    def forward(self, x):
        if not self.training:
            self.cache = 1
            return x
        drawn = np.random.random(x.shape) if self.shared else np.random.default_rng().random(x.shape)  # noqa: NPY002
        mask = (drawn > 0.5).astype(x.dtype)
        self.cache = mask
        return x * mask

    def backward(self, dy):
        return dy * self.cache * self.factor


def test_shared_random_numbers_are_one_finding_and_the_gradients_are_checked_all_the_same():
    found = findings(Noise(), X)
    assert [finding.check for finding in found] == ["repeatable"]
    assert found.checks["gradient of x"] is found.checks["containers"] is True
    assert [finding.check for finding in findings(Noise(factor=2), X)] == ["repeatable", "gradient of x"]
    with pytest.raises(mn.gradcheck.LayerError, match="draw random numbers from a Generator that the layer owns"):
        mn.gradcheck.check_layer(Noise(), X)


def test_a_generator_made_anew_each_time_leaves_the_gradients_unchecked():
    found = findings(Noise(shared=False), X)
    assert [finding.check for finding in found] == ["repeatable"]
    assert found.checks["gradient of x"] is None


def test_a_loss_of_each_sample_has_a_gradient_of_its_prediction_only():
    found = findings(mn.MSELoss(reduction="none"), X, 2 * X)
    assert found == []
    assert [check for check in found.checks if check.startswith("gradient of")] == ["gradient of input0"]


class Prints(mn.Layer):
    def forward(self, x):
        print("forward", x)
        return x * 1

    def backward(self, dy):
        print("backward")
        return dy


def test_nothing_is_printed_in_any_thread(capsys):
    threads = [threading.Thread(target=findings, args=(Prints(), X)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("after")
    assert capsys.readouterr().out == "after\n"


class InPlace(mn.Layer):
    def forward(self, x):
        x[x < 0] = 0
        return x

    def backward(self, dy):
        return dy


def test_the_inputs_stay_though_the_layer_writes_into_them():
    x = X.copy()
    assert findings(InPlace(), x)[0].check == "arguments stay"
    assert np.array_equal(x, X)


def test_they_are_the_same_each_time_and_without_a_source():
    names = {"mn": mn}
    exec("class E(mn.Layer):\n  def forward(self, x): return x @ x\n  def backward(self, dy): return dy", names)
    one, two = (findings(names["E"](), X) for _ in range(2))
    assert one == two
    assert one[0].check == "forward"
    assert "(4, 3)" in one[0].message or "sizes do not fit" in one[0].message


def test_an_error_of_minnet_itself_keeps_its_words():
    message = findings(mn.MarginRankingLoss(), X, X)[0].message
    assert "MarginRankingLoss expected" in message
    assert "self.cache" not in message
