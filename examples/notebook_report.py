"""The printing and drawing for `mnist_logreg.py`: minnet's figures beside the class notebook's, and the pictures."""

import argparse
import sys
import time
from pathlib import Path

import minnet as mn

# The figures that the notebook prints. It sets no random seed, so minnet's should be near them, not equal.
ONLINE = [0.0, 87.490, 89.497, 90.022, 90.377, 90.599, 91.002, 91.298, 91.551, 91.613]
ONLINE += [91.678, 91.785, 91.792, 91.889, 91.918, 91.946, 91.885, 91.955, 91.954, 92.044]
TEST = [90.50, 91.17, 91.72, 91.86, 92.03, 92.14, 92.34, 92.29, 92.18, 92.06]
TRAIN = [90.47, 91.56, 92.03, 92.25, 92.52, 92.88, 92.81, 92.99, 93.13, 93.12]
ONLINE_STEPS = 1_000_000
SECONDS = 68
FIRST_TEN = "7/7 2/2 1/1 0/0 4/4 1/1 4/4 9/9 6/5 9/9"
MISTAKES = "6/5 6/4 3/2 2/3 7/6"
FILES = [f"{stem}.png" for stem in ("digits", "mistakes", "learned", "confusion", "online", "curves")]
FILES += ["online.csv", "minibatch.csv"]


def options(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="The class notebook, rebuilt: softmax regression on MNIST, one 784 x 10 matrix. It takes half a "
        "minute; --full, with all of the notebook's online steps, takes a minute or two.",
        epilog="The digits: --data PATH, else $MINNET_DATA, else the user's cache folder, else a download (11 MB); "
        "where none of these works, synthetic digits.",
    )
    parser.add_argument("--method", choices=["online", "minibatch", "both"], default="both", help="what to train with")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--full", action="store_true", help=f"all {ONLINE_STEPS:,} online steps of the notebook")
    length.add_argument("--steps", type=_positive(int), metavar="N", help="of each method (200,000 and 20,000)")
    parser.add_argument("--batch-size", type=_positive(int), default=128, metavar="N", help="of mini-batches (128)")
    parser.add_argument("--lr", type=_positive(float), help="learning rate of each method (0.01 and 0.5)")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and of the batches (0)")
    parser.add_argument("--compiled", action="store_true", help="train by compiled code, ten times as fast online")
    parser.add_argument("--data", metavar="PATH", help="the folder or file that holds MNIST")
    parser.add_argument("--out", type=Path, default=Path("mnist_logreg_output"), metavar="FOLDER", help="for pictures")
    parser.add_argument("--no-pictures", action="store_true", help="print only")
    chosen = parser.parse_args(arguments)
    for package in ("numba", "scipy") if chosen.compiled else ():
        mn.extras.require(package, "compiled")  # now, and not after the digits were made
    if chosen.seed < 0:
        parser.error(f"argument --seed: {chosen.seed} is negative")
    chosen.online_steps = chosen.steps or (ONLINE_STEPS if chosen.full else 200_000)
    chosen.online_lr = chosen.lr or 0.01
    chosen.steps, chosen.lr = chosen.steps or 20_000, chosen.lr or 0.5
    if not chosen.no_pictures:
        chosen.no_pictures = not _can_draw(chosen.out, parser)
    return chosen


def load(options: argparse.Namespace) -> mn.data.Mnist:
    """Load the digits, and print which they are."""
    data, which = mn.data.load_digits(options.data)
    print(which)
    print(
        f"{len(data.train.X):,} training, {len(data.validation.X):,} validation and {len(data.test.X):,} test digits."
    )
    print("In [brackets]: the class notebook's figures, on MNIST with other random numbers.")
    if options.batch_size > len(data.train.X):
        raise ValueError(f"--batch-size {options.batch_size} is more than the {len(data.train.X)} training digits")
    return data


def one_step(y, before, loss_before, gradient, after, loss_after) -> None:
    """Print part 1."""
    _title("1. One sample, one step (learning rate 0.1)")
    print(f"The first digit is a {y} [5].", "Pr, the probabilities of 0 to 9:", sep="\n")
    _numbers(before)
    print(f"The most probable is {before.argmax()} [4]. Loss -log Pr[{y}] = {loss_before:.4f} [7.8663]")
    print(f"Gradient of the loss by b: Pr, with 1 less at {y}:")
    _numbers(gradient)
    print(f"After one step the most probable is {after.argmax()} [5], the loss {loss_after:.4f} [0.0026]")


def online(trainer: mn.Trainer) -> None:
    """Print part 2."""
    _title(f"2. Online: one sample a step (learning rate {trainer.optimizer.lr:g})")
    print("   samples   running accuracy")
    notebook = {50_000 * i: score for i, score in enumerate(ONLINE)}
    for row in trainer.history:
        beside = f"   [{notebook[row['step']]:6.3f}%]" if row["step"] in notebook else ""
        print(f"{row['step']:10,}   {100 * row['running_accuracy']:6.3f}%{beside}")
    seconds = trainer.history[-1]["seconds"]
    print(f"{trainer.step:,} steps in {seconds:.1f} s, {1e3 * seconds / trainer.step:.3f} ms each")
    if trainer.step < ONLINE_STEPS:
        print(f"The notebook does {ONLINE_STEPS:,}, and its figures in part 4 are of that: see --full.")


def minibatch(trainer: mn.Trainer) -> None:
    """Print part 3."""
    _title(f"3. Mini-batches (learning rate {trainer.optimizer.lr:g})")
    print("      step   test     train    validation")
    notebook = {2000 * (i + 1): pair for i, pair in enumerate(zip(TEST, TRAIN, strict=True))}
    for row in trainer.history:
        cells = [f"{100 * row[f'{name}_accuracy']:.2f}%" for name in ("test", "train", "validation") if len(row) > 5]
        beside = "   [{:.2f}% {:.2f}%]".format(*notebook[row["step"]]) if row["step"] in notebook else ""
        print(f"{row['step']:10,}   " + "   ".join(cells) + beside)
    whole = f" [{SECONDS} s]" if trainer.step == 20_000 else f" [{SECONDS} s for 20,000 steps]"
    seconds = trainer.history[-1]["seconds"]
    print(f"{trainer.step:,} steps and {len(trainer.history)} evaluations in {seconds:.1f} s{whole}")


def interrupted(runs: dict[str, mn.Trainer]) -> bool:
    """Whether Ctrl-C ended one of the runs; then no other run begins."""
    return any(trainer.interrupted for trainer in runs.values())


def predictions(test: mn.data.Split, runs: dict[str, mn.Trainer]) -> None:
    """Print part 4."""
    name, trainer = _shown(runs)
    _title(f"4. Test digits, predicted/true ({name} model)")
    predicted = trainer.predict(test.X[:100]).argmax(axis=1)
    pairs = [f"{p}/{t}" for p, t in zip(predicted, test.y, strict=False)]
    wrong = [pair for pair, p, t in zip(pairs, predicted, test.y, strict=False) if p != t]
    print("the first ten:             ", *pairs[:10])
    print(f"                            [{FIRST_TEN}]")
    more = f"and {len(wrong) - 9} more" if len(wrong) > 9 else ""
    print("mistakes in the first 100: ", *(wrong[:9] or ["none"]), more)
    print(f"                            [{MISTAKES}]")
    for name, trainer in runs.items():
        print(f"accuracy on all {len(test.y):,} test digits, {name}: {100 * trainer.evaluate(test)['accuracy']:.2f}%")


def pictures(data: mn.data.Mnist, runs: dict[str, mn.Trainer], start: mn.Sequential, options) -> None:
    """Draw part 5, and print the names of the files."""
    if options.no_pictures:
        return
    _, trainer = _shown(runs)
    test_p = trainer.predict(data.test.X)
    figures = {
        "digits": mn.plots.images(data.train.X[:20], data.train.y[:20]),
        "mistakes": mn.plots.mistakes(data.test.X, test_p, data.test.y),
        "learned": mn.plots.weights(trainer.model, start=start, title="What one matrix learned of each digit"),
        "confusion": mn.plots.confusion(test_p, data.test.y),
    }
    if "online" in runs:
        notebook = {"class notebook": [(50_000 * i, score) for i, score in enumerate(ONLINE)]}
        title = "Running accuracy, each sample counted before it is learned"
        rows = runs["online"].history
        figures["online"] = mn.plots.curves(rows, ["running_accuracy"], reference=notebook, title=title)
    if "minibatch" in runs:
        notebook = {"notebook, test": TEST, "notebook, train": TRAIN}
        points = {name: [(2000 * (i + 1), s) for i, s in enumerate(values)] for name, values in notebook.items()}
        figures["curves"] = mn.plots.curves(runs["minibatch"].history, reference=points)
    _title("5. Pictures and figures")
    for stem, figure in figures.items():
        figure.savefig(options.out / f"{stem}.png")
        _show_inline(figure)
        print(f"wrote {options.out / stem}.png")
    for method, run in runs.items():
        run.history.to_csv(options.out / f"{method}.csv")
        print(f"wrote {options.out / method}.csv")


def run(main) -> None:
    """Run `main`; print errors that the user can correct in one line."""
    begin = time.perf_counter()
    try:
        main()
    except (mn.errors.DataError, mn.errors.DataNotFoundError, mn.errors.MissingExtraError, ValueError) as error:
        sys.exit(f"mnist_logreg.py: {error}")
    except KeyboardInterrupt:
        sys.exit("\nmnist_logreg.py: interrupted")
    print(f"\nAll of it took {time.perf_counter() - begin:.0f} s.")


def _shown(runs: dict[str, mn.Trainer]) -> tuple[str, mn.Trainer]:
    """Return the model to show: the online one, as in the notebook, whose %%timeit cell loses the other."""
    return next(iter(runs.items()))


def _numbers(values) -> None:
    """Print ten numbers as the notebook does, five a line."""
    for half in (values[:5], values[5:]):
        print("  ", *(f"{value:14.7e}" for value in half))


def _title(title: str) -> None:
    print(f"\n{title}\n{'-' * len(title)}")


def _positive(kind):
    def parse(text: str):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    parse.__name__ = kind.__name__  # argparse says: invalid int value
    return parse


def _can_draw(folder: Path, parser: argparse.ArgumentParser) -> bool:
    """Whether pictures can be drawn and written; if not, say why before training begins."""
    try:
        mn.extras.require("matplotlib", "plots")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
        for file in FILES:
            if (folder / file).exists():
                (folder / file).open("ab").close()
    except (mn.errors.MissingExtraError, OSError) as error:
        if isinstance(error, OSError) and folder != parser.get_default("out"):
            parser.error(f"argument --out: {error}")
        print(f"No pictures: {error}")
        return False
    return True


def _show_inline(figure) -> None:
    """Show a picture in a Jupyter notebook; elsewhere do nothing."""
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        sys.modules["IPython"].display.display(figure)
