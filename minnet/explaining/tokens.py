"""The signs and words of a formula in plain text, one after another."""

import re
import unicodedata
from typing import NamedTuple

OPENING = {"(": ")", "[": "]", "{": "}"}
FUNCTIONS = {"arccos", "arcsin", "arctan", "cos", "cosh", "det", "exp", "ln", "log", "max", "min", "sin", "sinh", "tan"}
FUNCTIONS |= {"tanh", "softmax", "softplus", "erf", "relu", "sigmoid", "sign"}
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
ABBREVIATED = {"eps": "ε", "inf": "∞"}
SIGNS = {"**": "^", "<=": "≤", ">=": "≥", "!=": "≠", "==": "=", "->": "→", "<-": "←", "...": "…"}
SIGNS |= {"-": "−", "*": "·", "@": " ", "⋅": "·", "∑": "Σ"}
TIMES = "·∘×⊙ "
OPERATORS = set("=+−-±<>≤≥≠≈∈→←,;:") | {"+=", "−="}
SHORT = {
    "an",
    "as",
    "at",
    "be",
    "by",
    "do",
    "if",
    "in",
    "is",
    "it",
    "no",
    "of",
    "on",
    "or",
    "so",
    "to",
    "up",
    "us",
    "we",
}
CONTINUING = {"and", "or", "else", "elsewhere", "otherwise", "if"}  # after a comma, the formula goes on with these

_RAISED = "".join(
    mark
    for mark in map(chr, (0xB2, 0xB3, 0xB9, *range(0x2B0, 0x2E5), *range(0x1D2C, 0x1D6B), *range(0x2070, 0x209D)))
    if unicodedata.decomposition(mark).startswith("<super>")
)
_LOWERED = "".join(
    mark
    for mark in map(chr, (*range(0x1D62, 0x1D6B), *range(0x2080, 0x209D), 0x2C7C))
    if unicodedata.decomposition(mark).startswith("<sub>")
)
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<half>[½⅓¼⅔¾])
    |(?P<raised>[{_RAISED}]+)
    |(?P<lowered>[{_LOWERED}]+)
    |(?P<number>\d+(?:\.\d+)?(?:e[-−+]?\d+)?)
    |(?P<greek>[\u0370-\u03ff])
    |(?P<word>[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0400-\u052f\u3040-\u30ff\u4e00-\u9fff]+(?:'[a-z]+)?)
    |(?P<sign>\*\*|\+=|<=|>=|!=|==|->|<-|\.\.\.|.)""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """One of them: `kind` says what the reader of formulas does with it, `spaced` whether a space stands before it."""

    kind: str  # such as symbol, number, function, word, operator, open, close, sub and sup
    text: str
    spaced: bool
    start: int = 0
    end: int = 0


def split_remark(line: str) -> tuple[str, str]:
    """Return the formula at a line's beginning, and what is said about it behind; "" if there is no formula."""
    level = 0
    for i, mark in enumerate(line):
        level += (mark in "([{") - (mark in ")]}")
        if level == 0 and "=" in line[:i] and _ends_formula(line, i):
            return line[:i], line[i + 1 :].strip()
    line = line.rstrip(".") if not line.endswith("...") else line
    plain = re.sub(r"[(\[{].*?[)\]}]", "", line)
    is_formula = re.search(r"=|←|≈|→", plain) or not re.search(r"[^\W\d_]{2,}\s+[^\W\d_]{2,}", plain)
    return (line, "") if is_formula else ("", line)


def _ends_formula(line: str, i: int) -> bool:
    """Whether the sign at i, outside of brackets, ends the formula: behind it are words."""
    behind = line[i + 1 :]
    if line[i] in "，。；：！":  # behind the formula, in Chinese or Japanese
        return True
    if line[i] in ".!" and re.match(r"\s+[A-Z]", behind):
        return True
    if line[i] == ":" and behind.startswith(" "):
        return True
    if line[i] == ";":
        return not re.match(r"\s+\S+\s+=", behind)
    if line[i] in "—–" and behind.startswith(" "):
        return True
    word = re.match(r",\s+(?:a\s+)?([^\W\d_]{2,})(?![\w(])(?!\s*[=+·/])(?!\s[−-]\s)", line[i:])
    only_words = re.fullmatch(r"[^=]*=\s*[^\W\d_]{2,}(\s+[^\W\d_]+)*", line[:i])
    return word is not None and not only_words and word[1] not in CONTINUING | FUNCTIONS | set(GREEK)


def tokens(text: str) -> list[Token]:
    """Return the signs and words of a formula; words that belong together are one token."""
    text = re.sub(r"(?<=[A-Z′]) x (?=[A-Z])", " × ", text.replace("||", "‖"))
    text = re.sub(r"`{1,2}([^`]*)`{1,2}", r"\1", re.sub(r"\b(?:np|numpy|math|self)\.(?=\w)", "", text))
    found: list[Token] = []
    place, spaced = 0, False
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match, "the last alternative is any sign"
        if match.lastgroup != "space":
            token = _token(str(match.lastgroup), match[0], text, match.end())._replace(spaced=spaced, start=place)
            found.append(token)
            place = token.end
        else:
            place = match.end()
        spaced = match.lastgroup == "space"
    return _joined(_with_articles(found), text)


def _token(kind: str, mark: str, text: str, end: int) -> Token:
    """Say what a match of the regular expression is; an index or exponent takes what follows it along."""
    mark = SIGNS.get(mark, mark)
    if kind in ("raised", "lowered"):
        plain = unicodedata.normalize("NFKC", mark)
        return Token("sup" if kind == "raised" else "sub", "⊤" if plain == "T" else plain, False, end=end)
    if kind == "half":
        return Token("half", unicodedata.normalize("NFKC", mark), False, end=end)
    if kind in ("number", "greek") and mark != "Σ":
        return Token("number" if kind == "number" else "symbol", mark, False, end=end)
    if kind == "word":
        return _word(mark, text, end)
    if mark in "_^" and (inside := _attached(text, end)):
        return Token("sub" if mark == "_" else "sup", inside[0], False, end=inside[1])
    if mark in "′'":
        return Token("sup" if len(text) > 1 else "symbol", "′", False, end=end)
    if mark == "−" and re.search(r"(^|[\s(\[{|,=<>])$", text[: end - 1]) and text[end : end + 1].strip():
        return Token("operator", "-", False, end=end)  # the sign of what follows
    if mark == "." and re.match(r"T\b", text[end:]):
        return Token("sup", "⊤", False, end=end + 1)
    if mark in OPENING:
        return Token("open", mark, False, end=end)
    if mark in OPENING.values():
        return Token("close", mark, False, end=end)
    kinds = {"/": "slash", "|": "bar", "‖": "bar", "√": "root", "Σ": "sum", "∏": "sum"}
    kind = "times" if mark in TIMES else "operator" if mark in OPERATORS else "symbol" if mark in "…∞⊤∂∇" else "other"
    return Token(kinds.get(mark, kind), mark, False, end=end)


def _word(word: str, text: str, end: int) -> Token:
    """A word is the name of a function or a Greek letter, one letter, two letters side by side, or a word."""
    if len(word) > 1 and (call := re.match(r"(_\w+)?\(", text[end:])) and word not in SHORT:
        tail = call[1] or ""
        return Token("function", word + tail, False, end=end + len(tail))
    if word in FUNCTIONS:
        return Token("function", word, False, end=end)
    if word == "sum" and text[end : end + 1] == "_":
        return Token("sum", "Σ", False, end=end)
    if word in ABBREVIATED or word in GREEK:
        return Token("symbol", ABBREVIATED.get(word) or GREEK[word], False, end=end)
    if len(word) == 1 or (len(word) == 2 and word not in SHORT and word.isascii()):
        return Token("symbol", word, False, end=end)
    return Token("word", word, False, end=end)


def _attached(text: str, end: int) -> tuple[str, int] | None:
    """Return what is raised or lowered by a sign that ends here, and where that ends."""
    if text[end : end + 1] in ("{", "("):
        level = 0
        for i in range(end, len(text)):
            level += (text[i] in "({") - (text[i] in ")}")
            if not level:
                return text[end + 1 : i], i + 1
        return None
    match = re.compile(rf"\s?[-−]?(?:\d+(?:\.\d+)?|[^\W_{_RAISED}{_LOWERED}]+)").match(text, end)
    return (match[0].strip(), match.end()) if match else None


def _with_articles(found: list[Token]) -> list[Token]:
    """Make a word of the "a" between two words."""
    for i in range(1, len(found) - 1):
        if found[i].text in ("a", "A", "I") and found[i - 1].kind == found[i + 1].kind == "word" and found[i].spaced:
            found[i] = found[i]._replace(kind="word")
    return found


def _joined(found: list[Token], text: str) -> list[Token]:
    """Make one token of words that follow each other."""
    joined: list[Token] = []
    for token in found:
        last = joined[-1] if joined else None
        if token.kind == "word" and last is not None and last.kind == "word":
            joined[-1] = last._replace(text=text[last.start : token.end], end=token.end)
        else:
            joined.append(token)
    return joined
