"""The checks of the exercises find the wrong answers that students write, and say what is wrong."""

import pytest
from notebooks import FOLDER, build, checks, code_cells, grade_id

from minnet.grading import WrongAnswer

pytestmark = pytest.mark.slow
BOOK = build.read(FOLDER / "softmax_regression_exercises.md")

WRONG = [  # the name of the answer, a body for its function, and words of the message
    ("probabilities", "return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)", "scores near 1000"),
    ("probabilities", "e = np.exp(scores - scores.max()); return e / e.sum()", "all samples together add up to 1"),
    ("predict", "return Pr.max(axis=-1)", "a digit is a whole number"),
    ("predict", "return Pr.argmax()", "must have the shape (6,), not ()"),
    ("predict", "return Pr.argmin(axis=-1)", "is not the digit of the largest"),
    ("predict", "print(Pr.argmax(axis=-1))", "is a `return` missing"),
    ("predict", "return np.array([row.argmax() for row in Pr])", "the answer must be one digit"),
    ("loss", "return np.log(Pr[y])", "a smaller probability of the true digit must give a larger loss"),
    ("loss", "return -np.log(Pr)", "the loss is one number"),
    ("loss", "return -np.log2(Pr[y])", "is it the natural logarithm"),
    ("loss", "return 1 - Pr[y]", "the losses of 0.2 and 0.3, added"),
    ("loss", "return ((Pr - np.eye(10)[y]) ** 2).sum()", "probability of the true digit only"),
    ("loss", "return -np.log(Pr[Pr.argmax()])", "probability of the true digit only"),
    ("gradients", "gradb = probabilities(x @ W + b); return np.outer(x, gradb), gradb", "of W, at ["),
    ("gradients", "p = probabilities(x @ W + b); p[y] -= 1; return np.outer(p, x), p", "its axes are exchanged"),
    ("gradients", "p = -probabilities(x @ W + b); p[y] += 1; return np.outer(x, p), p", "all have the wrong sign"),
    ("gradients", "p = probabilities(x @ W + b); p[y] -= 1; return p, np.outer(x, p)", "of W, expected the shape"),
    ("slope", "return (function() - function()) / (2 * eps)", "rises by 5"),
    ("slope", "a = function(); array[index] += eps; return (function() - a) / eps", "must be as before at the end"),
    (
        "slope",
        "a = function(); array[index] += eps; c = function(); array[index] -= eps; return (c - a) / eps",
        "are both sides used?",
    ),
    ("step", "w, c = gradients(x, y, W, b); W = W - lr * w; b -= lr * c", "W is the same array"),
    ("step", "w, c = gradients(x, y, W, b); W -= lr * w; b = b - lr * c", "b is the same array"),
    ("step", "w, c = gradients(x, y, W, b); W += lr * w; b += lr * c", "which direction is downhill"),
    ("step", "w, c = gradients(x, y, W, b); W -= lr * w; b += lr * c", "which direction is downhill"),
    ("step", "w, c = gradients(x, y, W, b); W -= lr * w; b -= 1e-9 * c", "b must move twice as far"),
    ("step", "w, c = gradients(x, y, W, b); W -= 1e-4 * w; b -= 1e-4 * c", "with twice the lr"),
    ("step", "w, c = gradients(x, y, W, b); W -= 2 * lr * w; b -= 2 * lr * c", "not the right length"),
    ("descend", "return []", "must give a list of five losses"),
    ("descend", "step(x, y, W, b, rate); return [1, 2, 3, 4, 5]", "before the first step"),
    ("descend", "return [loss(probabilities(x @ W + b), y)] * steps", "must fall in each step"),
    ("mean_gradients", "return gradients(X[0], Y[0], W, b)", "of W, at ["),
    (
        "mean_gradients",
        "p = [gradients(x, y, W, b) for x, y in zip(X, Y)]; return sum(q[0] for q in p), sum(q[1] for q in p)",
        "all are 5 times the slope",
    ),
    ("batch_gradients", "return mean_gradients(X, Y, W, b)", "there is still a loop"),
    (
        "batch_gradients",
        "e = probabilities(X @ W + b); e[np.arange(len(Y)), Y] -= 1; return X.T @ e, e.sum(axis=0)",
        "all are 5 times the slope",
    ),
    ("batch_gradients", "e = probabilities(X @ W + b); e[:, Y] -= 1; return X.T @ e / len(Y), e.mean(axis=0)", "of W, at"),
    ("train", "pass", "W is as before"),
    ("train", "w, c = batch_gradients(X, Y, W, b); W -= lr * w; b -= lr * c", "are the batches random"),
    (
        "train",
        "i = rng.choice(len(X), batch_size); w, c = batch_gradients(X[i], Y[i], W, b); W -= lr * w; b -= lr * c",
        "40 steps must move W about four times as far",
    ),
    (
        "train",
        """for _ in range(steps):
        i = np.random.choice(len(X), batch_size, replace=False)
        w, c = batch_gradients(X[i], Y[i], W, b)
        W -= lr * w
        b -= lr * c""",
        "take all random numbers from rng",
    ),
    (
        "train",
        """for _ in range(steps):
        i = rng.choice(len(X), batch_size, replace=False)
        w, c = batch_gradients(X[i], Y[i], W, b)
        W += lr * w
        b += lr * c""",
        "do the steps go downhill",
    ),
    ("picture", "return W[:, digit].reshape(28, 28)", "if nothing was learned"),
    ("picture", "return (W0 - W)[:, digit].reshape(28, 28)", "shows a negative number"),
    ("picture", "return (W - W0)[:, digit].reshape(28, 28).T", "is shown in row 20, column 5"),
    ("picture", "return (W - W0)[:, digit]", "must have the shape (28, 28)"),
    ("picture", "return (W - W0).sum(axis=1).reshape(28, 28)", "the picture of the 3 shows it"),
    ("mistakes", "return predict(Pr) != Y", "the places are whole numbers"),
    ("mistakes", "return np.flatnonzero(predict(Pr) == Y)", "where the prediction is right"),
    ("mistakes", "return np.flatnonzero(predict(Pr) != Y)[:3]", "but 3 were found"),
]


@pytest.fixture(scope="module")
def solved():
    """Return, for each answer, the names that there are when its check runs, with the solutions."""
    names, before = {}, {}
    for cell in code_cells(BOOK):
        if grade_id(cell).startswith("check-"):
            before[grade_id(cell).removeprefix("check-")] = dict(names)
        exec(compile(cell.source, grade_id(cell) or "cell", "exec"), names)
    return before


@pytest.mark.parametrize(("answer", "body", "words"), WRONG)
def test_a_wrong_answer_is_found(solved, answer, body, words):
    check, cell = (next(c for c in code_cells(BOOK) if grade_id(c) == name) for name in (f"check-{answer}", answer))
    signature = cell.source.partition("\n")[0]
    names = dict(solved[answer])
    exec(f"{signature}\n    {body}", names)
    with pytest.raises(WrongAnswer) as caught:
        exec(check.source, names)
    assert words in str(caught.value)


def test_every_check_is_tried():
    assert {grade_id(cell).removeprefix("check-") for cell in checks(BOOK)} == {answer for answer, _, _ in WRONG}
