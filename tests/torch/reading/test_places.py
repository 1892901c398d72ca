import io
import pickle
import zlib
from pathlib import Path

import pytest

from minnet.errors import CheckpointError
from minnet.torch.reading.places import Piece, Place, read_place

PATH = Path("model.pt")


def test_a_piece_has_an_end():
    piece = Piece(io.BytesIO(b"abcde\nfg\nhij"), 9)
    assert (piece.read(3), piece.read_line(5), piece.read(0), piece.left) == (b"abc", b"de", b"", 3)
    with pytest.raises(pickle.UnpicklingError, match="3 bytes where there should be 4 more"):
        piece.read(4)
    assert piece.read_line(5) == b"fg"
    with pytest.raises(pickle.UnpicklingError, match="a line of more than 0 bytes"):
        piece.read_line(5)


def test_a_line_has_a_longest():
    with pytest.raises(pickle.UnpicklingError, match="a line of more than 4 bytes"):
        Piece(io.BytesIO(b"abcdefgh\n"), 9).read_line(4)


def test_a_file_that_is_shorter_than_it_was():
    with pytest.raises(pickle.UnpicklingError, match="should be 5 more"):
        Piece(io.BytesIO(b"abc"), 9).read(5)


def test_a_place():
    file = io.BytesIO(b"abcdef")
    assert read_place(file, PATH, "it", Place(2, 3)) == b"cde"
    assert read_place(file, PATH, "it", Place(2, 3, zlib.crc32(b"cde"))) == b"cde"
    assert read_place(file, PATH, "it", Place(0, 0)) == b""
    with pytest.raises(CheckpointError, match=r"model.pt: .* found it with a wrong CRC-32"):
        read_place(file, PATH, "it", Place(2, 3, 1))
    with pytest.raises(CheckpointError, match="found 1 of the 3 bytes of it"):
        read_place(file, PATH, "it", Place(5, 3))
