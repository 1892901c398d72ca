import re

import minnet
from minnet.version import __version__


def test_there_is_one_version():
    assert minnet.__version__ == __version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(rc\d+)?", __version__)
