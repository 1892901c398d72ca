"""A plot shows what a network was given, learned or got wrong, or how its training went; each function returns one.

It is returned as a matplotlib Figure. A notebook shows it if it is the last value of a cell; a script calls
``figure.savefig(path)``. Every function takes a `title`, has a default for it, and raises ValueError, with the cure,
for what it cannot draw. matplotlib comes with the extra "plots" and is imported when the first figure is drawn. pyplot
is not used, so there is no figure to close and no backend to choose.
"""

from minnet.plots.curves import confusion, learning_curves, running_accuracy
from minnet.plots.images import digits, learned, mistakes

__all__ = ["confusion", "digits", "learned", "learning_curves", "mistakes", "running_accuracy"]
