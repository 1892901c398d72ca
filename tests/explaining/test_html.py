"""An explanation's HTML is well-formed, complete, and holds nothing that runs or that comes from elsewhere."""

import itertools
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from every_layer import OPTIONS
from explanations import Doubled, images, notebook, of_layer

import minnet as mn
from minnet.explaining import labels

HOSTILE = '<script>alert("$x$")</script>'


def parsed(explanation):
    return ElementTree.fromstring(explanation._repr_html_().replace("&#8289;", ""))


def words(element):
    return " ".join("".join(element.itertext()).replace("\xa0", " ").split())


def figures(card):
    """Return {caption: the rows of its table}."""
    found = {}
    for figure in card.iter("figure"):
        table = figure.find(".//table")
        rows = [] if table is None else [[words(cell) for cell in row.iter("td")] for row in table.iter("tr")]
        found[words(figure.find("figcaption"))] = rows
    return found


def test_a_card_a_layer_with_formula_shapes_numbers_and_gradients():
    root = parsed(notebook())
    why, linear, softmax, loss = root.findall("section")
    assert [words(card.find("h4")) for card in (linear, softmax, loss)] == [
        "1. Linear(3, 2) layers[0]",
        "2. Softmax() layers[1]",
        "3. CrossEntropyLoss()",
    ]
    assert words(linear.find(".//annotation")) == r"y = x\,W + b"
    shown = figures(linear)
    assert shown["x (N, I) = (2, 3)"][1:] == [["0", "0.5", "1"], ["1", "0.25", "0"]]
    assert "→ y (N, O) = (2, 2)" in shown
    gradient = shown["dL/dweight (I, O) = (3, 2) is added"]
    assert gradient[1:] == shown["dL/dweight (I, O) = (3, 2) finite differences"][1:]
    assert gradient[3][1] == words(why.findall(".//tr")[1].findall("td")[-1])
    assert "→ dL/dx (N, I) = (2, 3) leaves" in shown
    assert "L = 0." in words(loss)


def test_the_number_that_was_asked_about_has_a_frame():
    root = parsed(notebook())
    framed = [words(cell) for cell in root.iter("td") if cell.get("class") == "mn-asked"]
    why = notebook().why
    assert framed == [f"{why.value:.4g}", f"{why.gradient:.4g}".replace("-", "−")]
    assert not [cell for cell in parsed(notebook(None)).iter("td") if cell.get("class")]


def test_the_terms_of_why_and_their_sum():
    model = mn.Linear(2, 1, rng=0)
    x = np.arange(40.0).reshape(20, 2)
    explanation = mn.explain(model, mn.MSELoss(), x, np.zeros((20, 1)), "weight[1, 0]")
    rows = [[words(cell) for cell in row] for row in parsed(explanation).find("section").iter("tr")]
    assert len(rows) == 1 + 12 + 1 + 3
    assert rows[13][0] == "8 more terms, each smaller"
    assert rows[14][-1] == rows[15][-1] == f"{explanation.why.gradient:.4g}".replace("-", "−")


def test_layers_inside_a_layer_are_indented_and_its_own_arrays_are_folded():
    root = parsed(images())
    indented = [words(card.find("h4")) for card in root.findall("section") if card.get("style")]
    assert [title.partition(" ")[2][:7] for title in indented] == ["Conv2d("]
    assert [words(details.find("summary")) for details in root.iter("details")] == [labels.ARRAYS]


def test_what_a_user_wrote_is_text():
    explanation = images()
    hostile = replace(explanation.loss, path=HOSTILE, description=HOSTILE, notes=(HOSTILE,))
    source = replace(explanation, model=HOSTILE, loss=hostile)._repr_html_()
    assert "<script" not in source
    assert "<b>w</b>" not in source
    assert source.count("&lt;script&gt;alert(&quot;$x$&quot;)&lt;/script&gt;") == 5
    assert "where <code>w</code> is one number" in source


@pytest.mark.parametrize("make", [notebook, images])
def test_nothing_runs_and_nothing_comes_from_elsewhere(make):
    source = make()._repr_html_()
    assert not re.search(r"<(script|link|img|iframe|object|form)|\son\w+=|url\(|@import|https?:|javascript:", source)
    assert "mathjax_ignore" in source


def test_tables_can_be_read_without_colours_and_reached_with_the_keyboard():
    root = parsed(notebook())
    levels = [int(element.tag[1]) for element in root.iter() if re.fullmatch("h[1-6]", element.tag)]
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    for region in root.iter("div"):
        if region.get("role") == "region":
            assert region.get("tabindex") == "0"
            assert region.get("aria-label")
            assert region.find(".//th[@scope='col']") is not None
    negative = [words(cell) for cell in root.iter("td") if "0, 114, 178" in cell.get("style", "")]
    assert negative
    assert all(text.startswith("−") for text in negative)


def test_text_keeps_the_colour_of_the_page():
    source = notebook()._repr_html_()
    assert not re.search(r"(?<!-)color: (?!inherit)", source.replace("background-color", ""))
    assert max(float(alpha) for alpha in re.findall(r"rgba\([^)]*, ([\d.]+)\) !", source)) <= 0.5


def test_a_layer_without_a_docstring_is_told_how_to_get_a_formula():
    class Double(mn.Layer):
        def forward(self, x):
            return 2 * x

        def backward(self, dy):
            return 2 * dy

    explanation = mn.explain(Double(), mn.MSELoss(), np.ones((1, 2)), np.zeros((1, 2)))
    assert labels.NO_FORMULA in words(parsed(explanation))


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_layer(name):
    root = parsed(of_layer(name))
    assert len(root.findall("section")) >= 2
    assert root.find(".//math") is not None


def test_a_wrong_backward_is_said_in_words():
    model = mn.Sequential(mn.Linear(3, 2, rng=0), Doubled())
    root = parsed(mn.explain(model, mn.MSELoss(), np.ones((1, 3)), np.zeros((1, 2))))
    said = [words(p) for p in root.iter("p") if p.get("class") == "mn-wrong"]
    assert any(text.startswith("They differ in 2 of 2 entries, such as x[0, 0]: ") for text in said)
    assert not [p for p in parsed(notebook()).iter("p") if p.get("class") == "mn-wrong"]


def test_a_corner_is_said_in_words():
    root = parsed(mn.explain(mn.ReLU(), mn.MSELoss(), np.array([[0.0, 1.0]]), np.ones((1, 2))))
    assert labels.CORNER.format(n=1) in [words(p) for p in root.iter("p")]


def test_large_arrays_are_abridged():
    model = mn.Sequential(mn.Linear(784, 10, rng=0), mn.Softmax())
    x = np.random.default_rng(0).random((20, 784))
    explanation = mn.explain(model, mn.CrossEntropyLoss(), x, np.arange(20) % 10)
    assert len(explanation._repr_html_()) < 100_000
    assert max(len(list(row)) for row in parsed(explanation).iter("tr")) <= 12
