"""The labels are plain text, and each is used."""

from pathlib import Path

import minnet.explaining
from minnet.explaining import labels


def test_each_label_is_used_and_needs_no_escaping():
    room = Path(minnet.explaining.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in room.glob("*.py"))
    for name, text in vars(labels).items():
        if name.isupper():
            assert f"labels.{name}" in source, name
            assert not set(text) & set('<>&"'), name
