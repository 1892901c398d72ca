"""The page is one file that loads nothing else, and whose policy lets the browser load nothing else."""

import base64
import hashlib
import json
import re

import pytest

import minnet as mn
from minnet.demo.page import Page, _part
from minnet.demo.reader import Reader


def make(name="model.safetensors", model=None, start=None):
    reader = Reader(model or mn.Sequential(mn.Linear(784, 10), mn.Softmax()), start)
    return Page(reader, {"source": "file", "name": name})


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


@pytest.mark.parametrize("lang", ["en", "zh-TW"])
def test_one_file_that_loads_nothing(lang):
    html = make().html(lang, 3).decode()
    assert html.startswith("<!DOCTYPE html>")
    assert f'<html lang="{lang}">' in html
    assert "{{" not in html
    assert re.findall(r"""(?:src|href)=["']?([^"'> ]*)""", html) == ["data:,"]
    assert not re.search(r"https?://|url\(|@import|import[ (]", html)
    assert data_of(html)["facts"]["steps"] == 3


def test_the_policy_is_of_these_very_scripts_and_styles():
    page = make()
    html = page.html("en", 0).decode()
    for kind, text in (
        ("script-src", re.search(r'<script type="module">(.*?)</script>', html, re.DOTALL)[1]),
        ("style-src", re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'; ")
    assert "unsafe" not in page.policy
    assert not re.search(r"""\son\w+=["']|style=["']""", html)


def test_a_hostile_name_of_a_file_stays_text():
    name = "</script><script>alert(1)</script>{{data}}<!--.safetensors"
    html = make(name).html("en", 0).decode()
    assert html.count("<script") == 2
    assert html.count("</script>") == 2
    assert data_of(html)["facts"]["name"] == name


def test_what_it_says_of_the_model():
    def facts(page):
        return data_of(page.html("en", 0).decode())["facts"]

    assert facts(make())["numbers"] == 7850
    assert facts(make())["speaks"] == "weight"
    model = mn.Sequential(mn.Linear(784, 10), mn.Softmax())
    assert facts(make(model=model, start=model[0].weight.data.copy()))["speaks"] == "learned"
    assert facts(make(model=mn.Sequential(mn.Linear(784, 4), mn.Linear(4, 10))))["speaks"] == "slope"


def contrast(colour, other):
    """Return the contrast ratio of WCAG 2.1 of two colours such as "#0b5f96"."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_stand_out_on_light_and_on_dark():
    blocks = re.findall(r":root \{(.*?)\}", _part("page.css"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
        for paper in ("paper", "card"):
            for text in ("text", "quiet", "accent", "for", "against", "error"):
                assert contrast(colours[text], colours[paper]) >= 4.5, (text, paper)
            assert contrast(colours["best"], colours[paper]) >= 3
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
        assert contrast(colours["ink"], colours["card"]) >= 7
