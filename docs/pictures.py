"""Draw the pictures of the tutorial, by running it: ``python docs/pictures.py``, with minnet importable."""

import doctest
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def main() -> None:
    """Run the blocks of tutorial.md; where it shows an image, save what `picture` is at that moment."""
    names: dict[str, Any] = {}
    page = (HERE / "tutorial.md").read_text(encoding="utf-8")
    for block, path in re.findall(r"^```python\n(.*?)^```|^!\[.*?\]\((.*?)\)", page, re.MULTILINE | re.DOTALL):
        if path:
            names["picture"].savefig(HERE / path)
            print(path)
        else:
            exec(doctest.script_from_examples(block) if block.startswith(">>>") else block, names)


if __name__ == "__main__":
    main()
