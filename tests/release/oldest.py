"""Print the oldest releases that setup.cfg admits, as constraints for pip: ``python oldest.py > oldest.txt``."""

import configparser
import re
from pathlib import Path

SETUP = Path(__file__).parents[2] / "setup.cfg"


def requirements():
    """Return the requirements of the core, then those of the extras: "numpy>=2.0", ..."""
    setup = configparser.ConfigParser()
    setup.read(SETUP, encoding="utf-8")
    lists = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    return list(dict.fromkeys(line for text in lists for line in text.split("\n") if line))


def constraints():
    """Return "numpy==2.0", ... for each requirement with a lower bound."""
    return [re.sub(">=", "==", requirement.partition(";")[0]) for requirement in requirements() if ">=" in requirement]


if __name__ == "__main__":
    print("\n".join(constraints()))
