"""Draw the pictures of these pages, by running their code: ``python docs/pictures.py``, with minnet importable.

The README's picture is the one that `make mnist` draws, so it needs MNIST: see `minnet.data.load_mnist`.
"""

import doctest
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import minnet as mn

HERE = Path(__file__).parent
PAGES = ("plots.md", "explaining.md")
README = HERE / "images" / "learned.png"


def draw_page(name: str) -> None:
    """Run the blocks of a page; where it shows an image, save what `picture` is at that moment."""
    names: dict[str, Any] = {}
    page = (HERE / name).read_text(encoding="utf-8")
    for block, path in re.findall(r"^```python\n(.*?)^```|^!\[.*?\]\((.*?)\)", page, re.MULTILINE | re.DOTALL):
        if path:
            (HERE / path).parent.mkdir(exist_ok=True)
            names["picture"].savefig(HERE / path)
            print(path)
        else:
            exec(doctest.script_from_examples(block) if block.startswith(">>>") else block, names)


def draw_readme() -> None:
    """Run the example that `make mnist` runs, and keep its picture of what was learned."""
    mn.data.load_mnist()  # an error without MNIST, where the example would take synthetic digits
    sys.path.insert(0, str(HERE.parent / "examples"))
    import mnist_logreg

    with tempfile.TemporaryDirectory() as folder:
        mnist_logreg.main(["--out", folder])
        shutil.copyfile(Path(folder) / README.name, README)
    print(README.relative_to(HERE))


def main() -> None:
    """Draw the pages' pictures, and the README's."""
    for name in PAGES:
        draw_page(name)
    draw_readme()


if __name__ == "__main__":
    main()
