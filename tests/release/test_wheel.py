"""The wheel and the source distribution, as they would be uploaded: their files, and what a type checker sees."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy
import pytest

pytest.importorskip("build", reason="the extra release is not installed")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
LEFT_OUT = (".ci/", ".gitignore", "MANIFEST.in", "setup.cfg")  # of git's files; the last two are found by other rules


def run(*command, **options):
    """Run a command; what it printed is in the error if it fails."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build both from a copy of the sources, without a network, and return their folder."""
    source, out = tmp_path_factory.mktemp("source") / "minnet", tmp_path_factory.mktemp("built")
    junk = shutil.ignore_patterns(".git", ".venv", "*.egg-info", "build", "dist", "_build", ".*_cache")
    shutil.copytree(ROOT, source, ignore=junk)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    return out


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Return a Python that has the wheel in its site-packages, and for all else the packages of this one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=os.name != "nt", with_pip=False)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    zipfile.ZipFile(next(built.glob("*.whl"))).extractall(packages)
    (packages / "others.pth").write_text(str(Path(numpy.__file__).parents[1]), encoding="utf-8")
    return python


def test_the_wheel_is_the_package_and_nothing_else(built):
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    package = {name for name in names if ".dist-info/" not in name}
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "minnet").rglob("*.py")}
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "minnet" / "demo" / "files").iterdir()}
    assert len(page) == 6
    assert package == files | page | {"minnet/py.typed"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_sdist_has_what_git_has(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert {"tests/release/test_wheel.py", "docs/conf.py", "examples/mlp.py", "LICENSE", "CITATION.cff"} <= names
    assert not [name for name in names if {"_build", "__pycache__", ".venv"} & {*name.split("/")}]
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git repository: its list of files is not known")
    known = set(run("git", "ls-files", cwd=ROOT).splitlines())
    missing = {name for name in known - names if not name.startswith(LEFT_OUT) and (ROOT / name).exists()}
    assert not missing
    untracked = set(run("git", "ls-files", "--others", cwd=ROOT).splitlines())  # someone's work, not junk of the build
    assert names - known - untracked <= {"PKG-INFO", *(name for name in names if ".egg-info/" in name)}


def test_a_wheel_can_be_built_from_the_sdist(built, tmp_path):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, *tmp_path.glob("minnet*"))
    first, second = (zipfile.ZipFile(next(folder.glob("*.whl"))) for folder in (built, tmp_path))
    assert sorted(first.namelist()) == sorted(second.namelist())


def test_a_users_typed_module_runs(installed, tmp_path):
    where = run(installed, "-I", "-c", "import minnet; print(minnet.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parents[1])
    run(installed, "-I", HERE / "user.py", cwd=tmp_path)


def test_a_users_typed_module_passes_mypy_strict(installed, tmp_path):
    pytest.importorskip("mypy")
    shutil.copy(HERE / "user.py", tmp_path)
    command = (sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", tmp_path / "cache")
    mypy = (*command, "--python-executable", installed, "user.py")
    assert "Success" in run(*mypy, cwd=tmp_path)
    wrong = (tmp_path / "user.py").read_text(encoding="utf-8").replace("counted.steps == 200", 'counted.steps + ""')
    wrong += "\nmn.Linear('784', 10)\nmn.Trainer(3)\n"
    (tmp_path / "user.py").write_text(wrong, encoding="utf-8")
    done = subprocess.run(mypy, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert 'has incompatible type "str"; expected "int"' in done.stdout  # so it did see the package's types
    assert "Missing positional arguments" in done.stdout
