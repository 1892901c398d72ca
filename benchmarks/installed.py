"""What it takes to install and to import minnet, its extras, and other libraries.

Each is installed into a new virtual environment, with everything that it needs. The megabytes are those of the files,
without pip's own and before Python has compiled them. The milliseconds are those of a fresh process that imports the
library, the median of several in turns, without the start of Python itself. It needs the package index::

    python benchmarks/installed.py --rounds 15
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from tqdm import tqdm

HERE = Path(__file__).parent.parent
TORCH = "torch==2.13.0"  # docs/compare.md has the CPU build; the build with CUDA is seven times as large
LIBRARIES = {  # name → what pip installs, and what is imported
    "NumPy": (["numpy"], "import numpy"),
    "minnet": ([str(HERE)], "import minnet"),
    "minnet[data]": ([f"{HERE}[data]"], "import minnet, pooch"),
    "minnet[threads]": ([f"{HERE}[threads]"], "import minnet, threadpoolctl"),
    "minnet[plots]": ([f"{HERE}[plots]"], "import minnet.plots.learning"),
    "minnet[tensorboard]": ([f"{HERE}[tensorboard]"], "import minnet, tensorboardX"),
    "minnet[jupyter]": ([f"{HERE}[jupyter]"], "import minnet, pandas, ipywidgets"),
    "minnet[sklearn]": ([f"{HERE}[sklearn]"], "import minnet.sklearn"),
    "minnet[compiled]": ([f"{HERE}[compiled]"], "import minnet, minnet.compiled.foundation.kernels"),
    "scikit-learn": (["scikit-learn"], "import sklearn.neural_network"),
    "PyTorch": ([TORCH, "numpy"], "import torch"),
    "Keras with JAX": (["keras", "jax"], "import keras"),
    "Keras with PyTorch": (["keras", TORCH], "import keras"),
    "Keras with TensorFlow": (["keras", "tensorflow"], "import keras"),
    "skorch": (["skorch", TORCH], "import skorch"),
    "thinc": (["thinc"], "import thinc.api"),
}


def megabytes(folder: Path) -> float:
    """Return the size of all files in a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def installed(folder: Path, packages: list[str]) -> tuple[float, int]:
    """Install packages into a new environment; return the megabytes and how many packages there are."""
    venv.create(folder, with_pip=True)
    before = megabytes(folder)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-compile", *packages], check=True)
    listed = subprocess.run([*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout
    names = {line.partition("==")[0].lower() for line in listed.split()} - {"pip", "setuptools"}
    return megabytes(folder) - before, len(names)


def seconds(folder: Path, statement: str, backend: str) -> float:
    """Return how long a fresh process takes, in a folder that has no package of its own."""
    begin = time.perf_counter()
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run([folder / "bin" / "python", "-c", statement], check=True, cwd=folder, env=environment)
    return time.perf_counter() - begin


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how often each is imported")
    parser.add_argument("--only", nargs="*", choices=LIBRARIES, default=list(LIBRARIES), metavar="NAME")
    parser.add_argument("--folder", type=Path, help="where to make the environments (default: one that is deleted)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        sizes = {
            name: installed(folder / name.replace(" ", "-"), LIBRARIES[name][0])
            for name in tqdm(options.only, "installing", disable=None)
        }
        taken: dict[str, list[float]] = {}
        for i in tqdm(range(options.rounds + 1), "importing", disable=None):
            for name in options.only:
                place = folder / name.replace(" ", "-")
                backend = name.rpartition(" ")[2].lower().replace("py", "") if "Keras" in name else ""
                pair = [seconds(place, statement, backend) for statement in ("pass", LIBRARIES[name][1])]
                if i:  # the first only fills caches
                    taken.setdefault(name, []).append(1000 * (pair[1] - pair[0]))
    print(f"Python {sys.version.split()[0]}\n\n| | MB | packages | import, ms |\n|---|---|---|---|")
    for name in options.only:
        size, packages = sizes[name]
        print(f"| {name} | {size:,.0f} | {packages} | {statistics.median(taken[name]):,.0f} |")


if __name__ == "__main__":
    main()
