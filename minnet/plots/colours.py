"""Colours that colour-blind people can tell apart, on a light and on a dark page.

They are those of M. Okabe and K. Ito, "Color universal design", 2008. On white, only the four are used that stand out
from it; on black, the lighter ones of the same hues. Text, frames and paper are matplotlib's, as its style sets them.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Colour = tuple[float, float, float]  # red, green and blue, from 0 to 1

ON_WHITE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
ON_BLACK = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7")
STYLES = ("-", "--", "-.", ":")
FIRST = (
    0,
    0,
    1,
    2,
)  # the style of a colour's first line: green and purple are alike for some, and need one of their own
MARKERS = "os^D"


class Theme(NamedTuple):
    """The colours of one plot."""

    text: Colour
    paper: Colour
    grey: Colour  # of what is beside the point: helping lines, classes that are not named
    faint: Colour  # of areas behind text
    series: tuple[str, ...]

    def line(self, i: int) -> dict[str, Any]:
        """Return the colour and style of the i-th line: sixteen can be told apart."""
        again, k = divmod(i, len(self.series))
        return {"color": self.series[k], "linestyle": STYLES[(FIRST[k] + again) % len(STYLES)]}

    def dots(self, i: int) -> dict[str, Any]:
        """Return the colour and shape of the i-th kind of dots."""
        return {"color": self.series[i % len(self.series)], "marker": MARKERS[i % len(MARKERS)]}

    @property
    def dark(self) -> bool:
        """Whether the text is lighter than the paper."""
        return luminance(self.text) > luminance(self.paper)

    @property
    def diverging(self) -> "Colormap":
        """From the first colour, by the paper's at 0, to the second; both ends stand out most from the paper."""
        ends = ("#C6E7FF", "#FFE2A8") if self.dark else ("#002F4F", "#5A2500")
        return _colormap(ends[0], self.series[0], self.paper, self.series[1], ends[1])

    @property
    def rising(self) -> "Colormap":
        """From a tint of the second colour, that stands out from the paper, to its strongest."""
        end = "#FFF3DC" if self.dark else "#4A1E00"
        return _colormap(mixed(self.series[1], self.paper, 0.25), self.series[1], end)


def theme(part: "Axes | Figure") -> Theme:
    """Return the colours that suit axes or a figure, by those of its text and its paper."""
    import matplotlib as mpl
    from matplotlib.axes import Axes

    text = rgb(part.title.get_color() if isinstance(part, Axes) else mpl.rcParams["text.color"])
    papers = [part.get_facecolor(), part.figure.get_facecolor()]
    opaque = (rgb(paper) for paper in papers if _alpha(paper) > 0.5)
    paper = next(opaque, (1.0, 1.0, 1.0) if luminance(text) < 0.4 else (0.0, 0.0, 0.0))
    dark = luminance(text) > luminance(paper)
    return Theme(text, paper, mixed(text, paper, 0.6), mixed(text, paper, 0.15), ON_BLACK if dark else ON_WHITE)


def rgb(colour: Any) -> Colour:
    """Return any colour that matplotlib knows as red, green and blue."""
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def mixed(colour: Any, other: Any, share: float) -> Colour:
    """Return so large a share of a colour, and the rest of the other."""
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(rgb(colour), rgb(other), strict=True))
    return red, green, blue


def luminance(colour: Any) -> float:
    """Return how light a colour is, from 0 to 1: the relative luminance of WCAG 2.1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: Any, other: Any) -> float:
    """Return how well two colours stand out from each other, from 1 to 21: the contrast ratio of WCAG 2.1."""
    low, high = sorted((luminance(colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(background: Any) -> str:
    """Return black or white, whichever stands out more from a background."""
    return max("black", "white", key=lambda colour: contrast(colour, background))


def _alpha(colour: Any) -> float:
    from matplotlib.colors import to_rgba

    return to_rgba(colour)[3]


def _colormap(*colours: Any) -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("minnet", [rgb(colour) for colour in colours], N=257)  # with a middle
