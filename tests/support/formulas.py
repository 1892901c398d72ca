"""The first sentence of every public layer and loss, and texts that are none."""

import inspect

import minnet as mn
from minnet.core.layer import Layer

SHIPPED = {
    cls.__name__: " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    for room in (mn.layers, mn.losses)
    for cls in vars(room).values()
    if inspect.isclass(cls) and issubclass(cls, Layer) and not cls.__name__.startswith("_")
}
HOSTILE = [
    "",
    "A layer that doubles its input.",
    "雙倍輸入",
    "y = x乘以w",
    "y = 100 % of $x$ \\ <script>alert(1)</script> & {x} # ~ ^ _",
    "y = $$\\href{javascript:alert(1)}{x}$$",
    "y = \\text{x} \\\\ } { \\begin{x}",
    "y = {",
    "y = }) ^ _ [",
    "y = x ^",
    "y = x^^2__3",
    "y = 'x' \"x\" `x` x'' 😀 ŷ ﬁ",
    "]]> --> </math></script>",
    "(" * 99 + "x = 1",
    "y = \x00 \u202e \u200b x",
]
