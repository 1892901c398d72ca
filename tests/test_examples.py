"""Every example runs, offline and in seconds, and says what it should. With MINNET_DATA set, on the real MNIST too."""

import ast
import csv
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ranks import Job

import minnet as mn

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
real_mnist = pytest.mark.skipif("MINNET_DATA" not in os.environ, reason="needs the real MNIST: set MINNET_DATA")


@pytest.fixture(scope="module")
def small_mnist(tmp_path_factory):
    """Write synthetic digits as MNIST's four files, so that no example looks for a network."""
    folder = tmp_path_factory.mktemp("digits")
    for name, n, seed in [("train", 3000, 0), ("t10k", 500, 1)]:
        X, y = mn.data.synthetic_digits(n, rng=seed)
        header = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (n, 28, 28))
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + X.tobytes())
        header = bytes([0, 0, 8, 1]) + n.to_bytes(4, "big")
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(header + y.astype(np.uint8).tobytes())
    return folder


def run(*arguments, folder=None, cwd=None, ok=True, **environment):
    """Run an example as a user would, and return what it printed."""
    variables = {name: value for name, value in os.environ.items() if name != "MINNET_DATA"}
    if folder is not None:
        variables["MINNET_DATA"] = str(folder)
    # No example may reach for the network here.
    variables |= {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", **environment}
    script, *rest = arguments
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *rest], capture_output=True, text=True, cwd=cwd, env=variables, check=False
    )
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_mnist_logreg_from_top_to_bottom(small_mnist, tmp_path):
    said = run("mnist_logreg.py", "--steps", "600", "--out", tmp_path / "out", folder=small_mnist, cwd=tmp_path)
    assert f"digits from {small_mnist}" in said.replace("\n", " ") or "not the published MNIST" in said
    for title in ("1. One sample", "2. Online", "3. Mini-batches", "4. Test digits", "5. Pictures"):
        assert f"\n{title}" in said
    assert "The notebook does 1,000,000, and its figures in part 4 are of that: see --full." in said
    assert "[68 s for 20,000 steps]" in said
    assert re.search(r"the first ten: +(\d/\d ){9}\d/\d\n", said)
    assert max(len(line) for line in said.splitlines() if str(tmp_path) not in line) <= 80
    pictures = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert pictures == {"digits.png", "mistakes.png", "learned.png", "confusion.png", "online.png", "curves.png"}
    assert all(f"wrote {tmp_path / 'out' / name}" in said for name in pictures)
    with (tmp_path / "out" / "minibatch.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(60, 601, 60))
    assert float(rows[-1]["test_accuracy"]) > 0.6


@pytest.mark.parametrize(("method", "parts"), [("online", "1245"), ("minibatch", "1345")])
def test_mnist_logreg_one_method(method, parts, small_mnist, tmp_path):
    said = run("mnist_logreg.py", "--method", method, "--steps", "50", folder=small_mnist, cwd=tmp_path)
    assert "".join(re.findall(r"^(\d)\. ", said, re.MULTILINE)) == parts
    assert (tmp_path / "mnist_logreg_output" / "learned.png").stat().st_size > 10_000


def test_mnist_logreg_without_pictures_writes_nothing(small_mnist, tmp_path):
    said = run("mnist_logreg.py", "--steps", "20", "--no-pictures", folder=small_mnist, cwd=tmp_path)
    assert "4. Test digits" in said
    assert "5. Pictures" not in said
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_prints_the_same(small_mnist, tmp_path):
    def accuracies(seed):
        arguments = ["mnist_logreg.py", "--steps", "50", "--no-pictures", "--seed", str(seed)]
        return re.findall(r"[\d.]+%", run(*arguments, folder=small_mnist, cwd=tmp_path))

    assert accuracies(1) == accuracies(1) != accuracies(2)


def test_mnist_logreg_compiled(small_mnist, tmp_path):
    arguments = ["mnist_logreg.py", "--steps", "400", "--no-pictures"]
    there = find_spec("numba") is not None and find_spec("scipy") is not None
    said = run(*arguments, "--compiled", folder=small_mnist, cwd=tmp_path, ok=there)
    if not there:
        assert re.search(r"^mnist_logreg.py: \w+ is not installed: pip install", said, re.MULTILINE)
        return
    ordinary = run(*arguments, folder=small_mnist, cwd=tmp_path)
    found, expected = (
        [float(number) for number in re.findall(r"accuracy on all 500 test digits.*: ([\d.]+)%", text)]
        for text in (said, ordinary)
    )
    assert len(found) == 2
    assert found == pytest.approx(expected, abs=1)  # the last digits of the weights differ


def test_without_file_and_network_it_says_so_and_runs(tmp_path):
    said = run("mnist_logreg.py", "--steps", "20", "--no-pictures", cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "c"))
    assert said.startswith("SYNTHETIC digits, not MNIST")
    assert "MINNET_DATA" in "\n".join(said.splitlines()[:4])
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], r"^mnist_logreg.py: .*nowhere"),
        (["--full", "--steps", "5"], "argument --steps: not allowed with argument --full"),
        (["--steps", "0"], "argument --steps: 0 is not above 0"),
        (["--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["--lr", "-1"], "argument --lr: -1 is not above 0"),
        (["--method", "magic"], "invalid choice: 'magic'"),
        (["--batch-size", "100000"], "--batch-size 100000 is more than the 2500 training digits"),
        (["--seed", "-1"], "argument --seed: -1 is negative"),
    ],
)
def test_mnist_logreg_bad_input_is_one_clear_line(arguments, message, small_mnist, tmp_path):
    said = run("mnist_logreg.py", *arguments, "--no-pictures", folder=small_mnist, cwd=tmp_path, ok=False)
    assert re.search(message, said, re.MULTILINE)
    assert "Traceback" not in said


def test_mnist_logreg_where_nothing_can_be_written(small_mnist, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = run("mnist_logreg.py", "--steps", "5", "--out", "file/out", folder=small_mnist, cwd=tmp_path, ok=False)
    assert re.search("error: argument --out: .*Not a directory: 'file/out'", said)
    (tmp_path / "out" / "curves.png").mkdir(parents=True)
    said = run("mnist_logreg.py", "--steps", "5", "--out", "out", folder=small_mnist, cwd=tmp_path, ok=False)
    assert re.search("error: argument --out: .*Is a directory: 'out/curves.png'", said)
    assert "1. One sample" not in said  # before training
    (tmp_path / "mnist_logreg_output").write_text("in the way")  # which the user did not choose
    said = run("mnist_logreg.py", "--steps", "5", folder=small_mnist, cwd=tmp_path)
    assert said.startswith("No pictures: ")
    assert "4. Test digits" in said


def test_mnist_logreg_help_names_every_option():
    said = run("mnist_logreg.py", "--help")
    for option in ("method", "full", "steps", "batch-size", "lr", "seed", "data", "out", "no-pictures"):
        assert f"--{option}" in said


def test_mnist_logreg_is_under_sixty_lines_of_code():
    source = (EXAMPLES / "mnist_logreg.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    documented = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]
    prose = {line for node in documented for line in range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    lines = [line for i, line in enumerate(source.splitlines(), 1) if i not in prose and line.strip()]
    assert len([line for line in lines if not line.strip().startswith("#")]) < 60


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_what_an_example_says_can_be_printed_anywhere(script):
    """A terminal without UTF-8 must not end a run: each text that is not a docstring is ASCII."""
    tree = ast.parse((EXAMPLES / script).read_text(encoding="utf-8"))
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docstrings:
            assert node.value.isascii(), node.value


def test_training_loop_by_hand(small_mnist):
    said = run("training_loop_by_hand.py", folder=small_mnist)
    accuracy = [float(value) for value in re.findall(r"test accuracy ([\d.]+)%", said)]
    assert len(accuracy) == 3
    assert accuracy[-1] > 80


def test_custom_layer(small_mnist):
    said = run("custom_layer.py", folder=small_mnist)
    assert "right: PReLU(3): gradients right to" in said
    assert "wrong: ForgetfulPReLU(3): backward overwrites slope.grad" in said
    assert float(re.findall(r"test accuracy ([\d.]+)%", said)[0]) > 70


@pytest.mark.parametrize("script", ["mlp.py", "cnn.py"])
def test_networks(script, small_mnist, tmp_path):
    said = run(script, "--epochs", "2", "--out", "curves.png", folder=small_mnist, cwd=tmp_path)
    assert float(re.findall(r"test accuracy ([\d.]+)%", said)[0]) > 60
    assert "published: 9" in said
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_mnist_mpi(small_mnist, tmp_path):
    script, places = EXAMPLES / "mnist_mpi.py", {"MINNET_DATA": str(small_mnist)}
    single = run("mnist_mpi.py", "--help")  # needs no mpiexec, and no MPI
    assert "--batch-size" in single
    accuracies = []
    for ranks in (1, 3):
        with Job(script, ranks, "--epochs", 2, **places) as job:
            assert job.wait() == 0, job.said()
            assert f"128 digits a step, shared by {ranks} rank(s)\n" in job.stdout(0)
            accuracies.append(float(re.search(r"epoch  2: loss .*\ntest accuracy ([\d.]+)% after", job.stdout(0))[1]))
            assert not any(job.stdout(rank) + job.stderr(rank) for rank in range(1, ranks))
    assert min(accuracies) > 60
    assert abs(accuracies[0] - accuracies[1]) < 10  # Dropout differs
    folder = tmp_path / "run"
    for started_again in (False, True):
        with Job(script, 3, "--epochs", 2, "--checkpoint", folder, **places) as job:
            assert job.wait() == 0, job.said()
            assert [path.name for path in folder.glob("step-*")] == ["step-000000040.safetensors"]
            assert (" is complete: nothing is left to do" in job.stderr(0)) == started_again, job.said()
            assert f"\ntest accuracy {accuracies[1]:.2f}% after" in job.stdout(0)  # as without checkpoints
            assert not any(job.stdout(rank) + job.stderr(rank) for rank in (1, 2))
    with Job(script, 2, "--data", "nowhere") as job:
        assert job.wait() != 0
        assert all(f"mnist_mpi.py, rank {rank}: nowhere: there is no" in job.stderr(rank) for rank in (0, 1))
        assert "Traceback" not in job.said()


def test_autoencoder(small_mnist, tmp_path):
    said = run("autoencoder.py", "--epochs", "2", "--out", "drawn.png", folder=small_mnist, cwd=tmp_path)
    error, noise = map(float, re.findall(r"autoencoder ([\d.]+)   .the noisy picture itself ([\d.]+)", said)[0])
    assert error < 0.6 * noise  # after 40 steps
    assert (tmp_path / "drawn.png").stat().st_size > 10_000


def test_tabular(tmp_path):
    said = run("tabular.py", "--seeds", "2", "--epochs", "20", "--out", "curves.png", cwd=tmp_path)
    network, linear = map(float, re.findall(r"network ([\d.]+) \+- [\d.]+ over 2 seeds   .linear ([\d.]+)", said)[0])
    assert 1 < network < linear / 2
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_char_rnn(tmp_path):
    said = run("char_rnn.py", "--steps", "30", "--out", "curves.png", cwd=tmp_path, OPENBLAS_NUM_THREADS="1")
    bits, frequency = map(float, re.findall(r"GRU ([\d.]+) bits   .letter frequencies ([\d.]+)", said)[0])
    assert bits < frequency
    assert len(said.partition("What it writes:")[2]) > 400


def test_two_heads(small_mnist, tmp_path):
    said = run("two_heads.py", "--epochs", "2", "--out", "drawn.png", folder=small_mnist, cwd=tmp_path)
    assert re.search(r"^  epoch 2 loss [\d.]+ digit_loss [\d.]+ angle_loss [\d.]+ test_loss", said, re.MULTILINE)
    (right, off), (alone, _, guess) = (
        map(float, re.search(pattern, said).groups())
        for pattern in (
            r"two heads: +([\d.]+)% of the digits right, angles ([\d.]+) degrees off",
            r"two networks: ([\d.]+)%, ([\d.]+) degrees   .the angle 0 for all: ([\d.]+)",
        )
    )
    assert min(right, alone) > 60
    assert off < 0.8 * guess
    both, *single = (int(number.replace(",", "")) for number in re.findall(r"([\d,]+) weights:", said))
    assert both < 0.51 * sum(single)
    assert (tmp_path / "drawn.png").stat().st_size > 10_000


def test_text_classification(tmp_path):
    said = run("text_classification.py", "--epochs", "3", "--out", "c.png", cwd=tmp_path, OPENBLAS_NUM_THREADS="1")
    buckets, plain = map(int, re.findall(r"padding (\d+)% of a batch, (\d+)% without buckets", said)[0])
    assert buckets < 15 < 40 < plain
    gru, pairs = map(float, re.findall(r"GRU ([\d.]+)%   .logistic regression on pairs of letters ([\d.]+)%", said)[0])
    assert 60 < pairs < 90
    assert gru > 65
    assert said.count("'") >= 6  # three suspicious phrases
    assert (tmp_path / "c.png").stat().st_size > 10_000


def test_adding_problem(tmp_path):
    said = run("adding_problem.py", "--steps", "20", "--out", "curves.png", cwd=tmp_path, OPENBLAS_NUM_THREADS="1")
    assert "0.167" in said
    assert (tmp_path / "curves.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mlp.py", "--epochs", "0"), "--epochs must be at least 1, got 0"),
        (("cnn.py", "--epochs", "-1"), "--epochs must be at least 1, got -1"),
        (("autoencoder.py", "--epochs", "0"), "--epochs must be at least 1, got 0"),
        (("two_heads.py", "--epochs", "0"), "--epochs must be at least 1, got 0"),
        (("tabular.py", "--seeds", "0"), "--epochs and --seeds must be at least 1, got 100 and 0"),
        (("char_rnn.py", "--steps", "0"), "--steps must be at least 1, got 0"),
        (("text_classification.py", "--epochs", "0"), "--epochs must be at least 1, got 0"),
        (("mnist_mpi.py", "--epochs", "0"), "--epochs and --batch-size must be at least 1, got 0 and 128"),
        (("adding_problem.py", "--steps", "-1"), "--steps must be at least 1, got -1"),
        (("mlp.py", "--data", __file__), "expected a pickle"),
        (("cnn.py", "--data", __file__), "expected a pickle"),
        (("autoencoder.py", "--data", __file__), "expected a pickle"),
        (("mlp.py", "--checkpoint", __file__), "Checkpoints cannot be written to"),
        (("cnn.py", "--checkpoint", __file__), "Checkpoints cannot be written to"),
    ],
)
def test_what_the_user_can_mend_is_no_traceback(small_mnist, tmp_path, arguments, message):
    said = run(*arguments, folder=small_mnist, cwd=tmp_path, ok=False)
    assert f"{arguments[0]}: error: " in said
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mlp.py", "--epochs", "1", "--out", "nowhere/curves.png"), "No such file"),
        (("cnn.py", "--epochs", "1", "--out", "curves.nothing"), "not supported"),
        (("autoencoder.py", "--epochs", "1", "--out", "nowhere/digits.png"), "No such file"),
        (("tabular.py", "--seeds", "1", "--epochs", "1", "--out", "nowhere/curves.png"), "No such file"),
        (("char_rnn.py", "--steps", "2", "--out", "nowhere/curves.png"), "No such file"),
        (("text_classification.py", "--epochs", "1", "--out", "nowhere/curves.png"), "No such file"),
        (("adding_problem.py", "--steps", "2", "--out", "curves.nothing"), "not supported"),
    ],
)
def test_a_picture_that_cannot_be_written_is_found_out_before_training(small_mnist, tmp_path, arguments, message):
    said = run(*arguments, folder=small_mnist, cwd=tmp_path, ok=False)
    assert re.search(rf"{arguments[0]}: error: argument --out: {arguments[-1]}: .*{message}", said)
    assert "Traceback" not in said
    assert not {"loss", "mean squared error", "seed 0"} & set(re.findall("loss|mean squared error|seed 0", said))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["", ".", "missing/picture.png"])
def test_a_place_where_no_picture_can_be_written_is_an_error_before_training(tmp_path, out):
    said = run("adding_problem.py", "--steps", "2", "--out", out, cwd=tmp_path, ok=False)
    assert re.search("error: argument --out: .*: (it cannot be written|No such file or directory)", said)


def test_where_no_picture_can_be_written_by_default_the_example_runs_without(tmp_path):
    (tmp_path / "adding_problem.png").mkdir()
    said = run("adding_problem.py", "--steps", "2", cwd=tmp_path)
    assert said.startswith("No picture: ")
    assert "always answering 1" in said


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_every_example_is_short(script):
    source = (EXAMPLES / script).read_text(encoding="utf-8")
    assert script == "notebook_report.py" or len(source.splitlines()) < 85


@real_mnist
def test_the_mini_batch_run_on_real_mnist_is_in_the_bands_of_the_docs():
    """The bands of docs/notebook-figures.md, for a seed that is not among its ten."""
    train, _, test = mn.data.load_mnist(download=False)
    uniform = mn.initializers.uniform(-1, 1)
    model = mn.Sequential(mn.Linear(784, 10, weight_init=uniform, bias_init=uniform, rng=99), mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.5))
    trainer.fit(mn.DataLoader(*train, 128, shuffle="resampled", rng=99), steps=20_000, every=20_000)
    page = (ROOT / "docs" / "notebook-figures.md").read_text(encoding="utf-8")
    for name, split in (("test", test), ("training", train)):
        low, high = re.search(rf"mini-batch: {name} accuracy .*\| ([\d.]+) … ([\d.]+) \|", page).groups()
        assert float(low) <= 100 * trainer.evaluate(split)["accuracy"] <= float(high)
