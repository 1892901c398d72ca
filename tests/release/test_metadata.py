"""What the distribution says of itself is said once, or the same everywhere."""

import configparser
import re
from pathlib import Path

import pytest
from oldest import constraints, requirements

import minnet as mn

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [mn.__version__]
    assert re.search(r"^license: MIT$", citation, re.MULTILINE)


def test_the_citation_is_valid():
    """By the schema of the format, which cffconvert brings."""
    citation = pytest.importorskip("cffconvert").Citation((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    citation.validate()


def test_the_changelog_has_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(mn.__version__)}\b", changelog, re.MULTILINE)


def test_the_oldest_python_is_named_once_each(setup):
    oldest = setup["options"]["python_requires"].removeprefix(">=")
    classifiers = re.findall(r"Python :: (3\.\d+)$", setup["metadata"]["classifiers"], re.MULTILINE)
    assert classifiers[0] == oldest == setup["mypy"]["python_version"]
    assert classifiers == sorted(classifiers, key=lambda version: int(version[2:]))
    assert "Typing :: Typed" in setup["metadata"]["classifiers"]
    assert (ROOT / "minnet" / "py.typed").exists()


def test_the_core_needs_three_packages(setup):
    names = [re.match(r"[\w-]+", line)[0] for line in setup["options"]["install_requires"].split()]
    assert names == ["numpy", "tqdm", "safetensors"]


def test_the_oldest_versions_are_those_of_setup_cfg():
    assert "numpy==2.0" in constraints()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in constraints())
    packages = [line.partition("==")[0] for line in constraints()]
    assert len(packages) == len(set(packages)), "a package has two lower bounds"
    assert len(requirements()) > 10
