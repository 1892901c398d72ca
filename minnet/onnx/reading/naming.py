"""Names of layers: those of the modules that were exported, as far as the file tells, as words."""

import re
from typing import Any

from minnet.layers import Graph
from minnet.onnx.reading.values import Node

LONGEST = 80
# Names that exporters make up; the last is minnet's for constants.
GENERATED = re.compile(r"onnx::|_?val_|const|Constant|/|_inlfunc|\d+$|.*\.constant(_\d+)?$")


def is_generated(name: str) -> bool:
    """Whether the name of an array is one that an exporter made up, and not that of a Parameter."""
    return not name or GENERATED.match(name) is not None


def word(text: str) -> str:
    """Return a text as a word of ASCII letters, digits and _ that can name a layer; or an empty string."""
    found = re.sub(r"[^0-9A-Za-z]+", "_", text[:400]).strip("_")[-LONGEST:].lstrip("_")
    if found[:1].isdigit():
        found = f"layer_{found}"
    return f"{found}_" if hasattr(Graph, found) or found == "layers" else found


def module_of(node_name: str) -> str:
    """Return the module that a node is from, by its name.

    PyTorch's older exporter writes ``/a/a.0/conv/Conv`` for a.0.conv, and minnet's ``layers["a"].layers[0].Conv``.
    """
    if node_name.startswith("layers["):
        return ".".join(a or b for a, b in re.findall(r'layers\[(?:"(\w+)"|(\d+))\]', node_name[:2000]))
    if not node_name.startswith("/"):
        return ""
    path: list[str] = []
    for part in node_name[:2000].split("/")[1:-1]:
        if path and part.startswith(f"{path[-1]}."):
            path.pop()
        path.append(part)
    return ".".join(path)


def scope_of(notes: dict[str, str]) -> str | None:
    """Return the module that a node of PyTorch's newer exporter is from, by its metadata; None if there are none."""
    scopes = re.findall(r"'([^']*)'", notes.get("pkg.torch.onnx.name_scopes", "")[:10_000])
    return scopes[-2] if len(scopes) > 1 else None


class Names:
    """The names that are taken."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.counts: dict[str, int] = {}

    def of_layer(self, node: Node, own_name: bool) -> str:
        """Return a new name for the layer of a node."""
        module = node.scope or module_of(node.name)
        op = node.op.rpartition(".")[2].lower()
        last = module.rpartition(".")[2]
        if own_name or (module and re.sub(r"\W|_|\d", "", last.lower()) == op):
            return self.unique(word(module) or op)
        return self.unique(word(f"{module}_{op}") if module else op)

    def of_constant(self, name: str) -> str:
        """Return a new name for a constant."""
        return self.unique("constant" if is_generated(name) else word(name) or "constant")

    def unique(self, wanted: str) -> str:
        """Return a name that is not taken, and take it."""
        name = wanted
        while name in self.taken:
            self.counts[wanted] = self.counts.get(wanted, 1) + 1
            name = f"{wanted}_{self.counts[wanted]}"
        self.taken.add(name)
        return name


def input_names(given: list[Any]) -> dict[str, str]:
    """Return the name of each input as a word, each once."""
    names = Names(set())
    return {name: names.unique(word(str(name)) or "x") for name in given}
