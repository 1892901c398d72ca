"""The MathML of every layer's formula is well-formed, says what the text says, and holds nothing but formulas."""

from xml.etree import ElementTree

import pytest
from formulas import HOSTILE, SHIPPED
from hypothesis import given
from hypothesis import strategies as st

from minnet.explaining.mathml import mathml
from minnet.explaining.tex import tex

ELEMENTS = {"math", "semantics", "annotation", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt"}
ELEMENTS |= {"msub", "msup", "msubsup", "munder", "mover", "munderover"}
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3, "semantics": 2}


def parsed(plain):
    root = ElementTree.fromstring(mathml(plain).replace("&#8289;", ""))
    for element in root.iter():
        assert element.tag in ELEMENTS
        assert not [name for name in element.attrib if name.startswith("on") or name in ("href", "style", "src")]
        assert len(element) == CHILDREN.get(element.tag, len(element))
    return root


@pytest.mark.parametrize("plain", [*SHIPPED.values(), *HOSTILE], ids=[*SHIPPED, *map(str, range(len(HOSTILE)))])
def test_every_formula_is_well_formed_and_comes_with_its_tex(plain):
    plain = plain.replace("\x00", "")  # no XML may hold it
    assert parsed(plain).find(".//annotation").text == (tex(plain) or None)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40))
def test_any_text_is_well_formed(plain):
    parsed("y = " + plain)


def test_what_is_shown():
    shown = "".join(parsed("y = (x + 1)/Σ_j e^{x_j} where x_12 >= 0, a remark").find("semantics")[0].itertext())
    assert shown.replace("\xa0", " ") == "y=x+1∑jexj where x12≥0"


def test_letters_side_by_side_are_one_thing():
    fraction = parsed("g = dL/dx").find(".//mfrac")
    assert ["".join(part.itertext()) for part in fraction] == ["dL", "dx"]
