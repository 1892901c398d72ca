"""The page is one file for the browser, put together of the parts in `files`: it loads nothing else."""

import base64
import hashlib
import json
from html import escape
from importlib.resources import files
from typing import Any

from minnet.demo.reader import RATE, Reader
from minnet.demo.words import WORDS

SCRIPTS = ("words.js", "pen.js", "pictures.js", "page.js")


class Page:
    """Make the page, in a language.

    Parameters
    ----------
    reader
        The Reader that answers.
    about
        What the page says of the model: ``{"source": "mnist", "synthetic" or "file", ...}``, by the words of that name.
    lang
        The language of the page; None is the browser's.
    """

    def __init__(self, reader: Reader, about: dict[str, Any], lang: str | None = None) -> None:
        parameters = sum(parameter.data.size for parameter in reader.model.parameters())
        speaks = "slope" if reader.matrix is None else "weight" if reader.start is None else "learned"
        self._facts = about | {"numbers": parameters, "speaks": speaks, "rate": RATE}
        self._html = _part("page.html")
        self._style, self._script = _part("page.css"), "\n".join(map(_part, SCRIPTS))
        self.lang = lang

    @property
    def policy(self) -> str:
        """The Content-Security-Policy: the page's own script and style, and questions to its own server."""
        return (
            f"default-src 'none'; script-src '{_hash(self._script)}'; style-src '{_hash(self._style)}'; "
            "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def html(self, lang: str, steps: int) -> bytes:
        """Return the page, in a language, with how many steps were learned from drawings so far."""
        data = {"words": WORDS, "facts": self._facts | {"steps": steps}}
        parts = {
            "lang": lang,
            "title": escape(WORDS[lang]["title"]),
            "noscript": escape(WORDS[lang]["noscript"]),
            "style": self._style,
            "data": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),  # nothing ends the element early
            "script": self._script,
        }
        pieces = self._html.split("{{")
        filled = [pieces[0]] + [parts[name] + rest for name, _, rest in (piece.partition("}}") for piece in pieces[1:])]
        return "".join(filled).encode()


def _part(name: str) -> str:
    return (files("minnet.demo") / "files" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
