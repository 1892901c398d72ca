"""The check that all contenders do the same work: after the same steps, they must predict the same."""

import contextlib

import handwritten_conv
import networks
import numpy as np
from prediction import CASES, model_and_image, predictors
from rivals import Remark, ask, rival
from rounds import Learner
from works import WORKS, Work, data_of, digits

# Only the accuracy is compared for contenders that take the data in another order, or have another model, and for works
# that each library begins with weights of its own.
OWN_ORDER = ("NumPy, notebook", "PyTorch, DataLoader", "scikit-learn")
OWN_WEIGHTS = ("lstm", "transformer")
ALIKE = 0.02  # the largest difference between two probabilities, because hundreds of steps magnify rounding errors


def check(works: list[Work], remark: Remark) -> bool:
    """Check the contenders of these works, print the results, and return whether all are right."""
    answers = [_check_work(work, remark) for work in works]
    if any(work.model == "convolution" for work in works):
        answers.append(_check_gradients(remark))
    if any(work.model == "dense" for work in works):
        answers += [_check_predictions(title, remark) for title in CASES]
        answers += [_check_network(title, remark) for title in networks.TITLES]
    right = all(answers)
    print("all contenders do the same work" if right else "NOT all contenders do the same work: see above")
    return right


def _check_work(work: Work, remark: Remark) -> bool:
    """Train every contender for the same number of steps, and compare."""
    data, right, reference = data_of(work), True, None
    print(f"{work.key}: {work.title}, {work.check_steps} steps, on {data.name}")
    for contender in ask("contenders", work, data, remark=remark):
        loss, accuracy, p = learn(contender, work.check_steps, data.X_test, data.y_test)
        fine = accuracy >= work.least_accuracy
        text = f"  {contender.name:32} loss {loss:6.3f}, accuracy {accuracy:6.1%}"
        if reference is None:
            reference = p
        elif contender.name not in OWN_ORDER and (work.model not in OWN_WEIGHTS or contender.name.startswith("minnet")):
            difference = np.abs(p - reference).max()
            fine &= bool(difference < ALIKE)
            text += f", probabilities within {difference:.0e} of the first's"
        print(text if fine else text + "  WRONG", flush=True)
        right &= fine
    return right


def learn(contender: Learner, steps: int, X: np.ndarray, y: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Train, and return the loss, the accuracy and the probabilities of test data."""
    contender.run(steps)
    p = contender.scores(X).astype(np.float64)
    if np.abs(p.sum(axis=-1) - 1).max() > 1e-3 or p.min() < 0:  # they are scores
        p = np.exp(p - p.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
    of_truth = np.take_along_axis(p, y[..., None], axis=-1)
    loss = -np.log(np.maximum(of_truth, 1e-30)).mean()
    return float(loss), float((p.argmax(axis=-1) == y).mean()), p


def _check_gradients(remark: Remark) -> bool:
    """Compare the gradients of the hand-written convolutions with PyTorch's."""
    torch, right = rival("with_torch", remark), True
    if torch is None:
        return True
    work, data = WORKS["W5"], digits()
    x, y = data.X[: work.batch_size], data.y[: work.batch_size]
    theirs = torch.gradients_of_convolutions(work, x, y)
    for loop in handwritten_conv.contenders(work, data, remark):
        network = loop.network
        alone = isinstance(network, handwritten_conv.TwoThreads)
        with network.one_blas_thread() if alone else contextlib.nullcontext():
            network.learn(x, y, np.float32(1 / len(x)))
        worst = max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(network.gradients, theirs, strict=True))
        fine = bool(worst < 1e-4)
        print(f"  {loop.name:32} gradients within {worst:.0e} of PyTorch's" + ("" if fine else "  WRONG"))
        right &= fine
    return right


def _check_network(title: str, remark: Remark) -> bool:
    """Compare all predictions of a network with those of minnet's `forward`."""
    first, *others = networks.contenders(title, remark)
    expected, right = first.call(), True
    for call in others:
        answer = np.asarray(call.call())
        difference = np.abs(answer - expected).max() if answer.shape == expected.shape else np.inf
        fine = bool(difference < 1e-4)
        print(f"  {title}: {call.name:20} within {difference:.0e}" + ("" if fine else "  WRONG"))
        right &= fine
    return right


def _check_predictions(title: str, remark: Remark) -> bool:
    """Compare all predictions of a case with a formula in float64."""
    weights, x = model_and_image(title)
    h = x.astype(np.float64)
    for W, b in weights[:-1]:
        h = np.maximum(h @ W + b, 0)
    W, b = weights[-1]
    p = np.exp(h @ W + b)
    p, right = p / p.sum(), True
    for call in predictors(title, remark):
        answer = np.asarray(call.call())
        difference = np.abs(answer - p).max() if answer.shape == p.shape else np.inf
        fine = bool(difference < 1e-5)
        print(f"  {title}: {call.name:20} within {difference:.0e}" + ("" if fine else "  WRONG"))
        right &= fine
    return right
