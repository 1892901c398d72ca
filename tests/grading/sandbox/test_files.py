"""The sandbox's disk: which paths are needed, and that none of them is the folder of the class."""

import os
import sys

from minnet.grading.sandbox import files


def test_python_and_minnet_are_needed():
    needed = files.needed()
    for path in (
        os.path.realpath(sys.executable),
        os.path.dirname(os.__file__),
        os.path.dirname(files.minnet.__file__),
    ):
        assert any(files.is_inside(path, folder) for folder in needed), path
    assert "/" not in needed


def test_the_outermost():
    assert files.outermost(["/a/b", "/a", "/ab", "/a/b/c"]) == ["/a", "/ab"]


def test_inside():
    assert files.is_inside("/a/b", "/a")
    assert files.is_inside("/a", "/a")
    assert not files.is_inside("/ab", "/a")
