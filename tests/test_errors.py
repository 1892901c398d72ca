import pytest

import minnet as mn


@pytest.mark.parametrize(
    ("error", "usual"),
    [
        (mn.errors.DataError, ValueError),
        (mn.errors.DataNotFoundError, FileNotFoundError),
        (mn.errors.MissingExtraError, ImportError),
    ],
)
def test_who_catches_pythons_own_errors_catches_ours(error, usual):
    with pytest.raises(usual, match="what happened"):
        raise error("what happened")
