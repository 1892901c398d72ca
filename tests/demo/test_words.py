"""The page has all its words in each of its languages, and appears in the one that its reader prefers."""

import re

import pytest

from minnet.demo.page import SCRIPTS, _part
from minnet.demo.words import LANGUAGES, WORDS, language


def test_both_languages_have_the_same_words():
    assert tuple(WORDS) == LANGUAGES
    english, chinese = WORDS.values()
    assert english.keys() == chinese.keys()
    for name in english:
        fields = [sorted(set(re.findall(r"\{(\w+)\}", words[name]))) for words in (english, chinese)]
        assert fields[0] == fields[1], name
    assert not [name for name in english if english[name] == chinese[name]]


def test_the_words_of_taiwan():
    text = "".join(WORDS["zh-TW"].values())
    assert not re.findall("数|矩阵|学|这|屏幕|鼠标|字符|默认|信息|模型的輸出入|損失函数|像元", text)
    assert "滑鼠" in text
    assert "學習率" in text
    assert "損失" in text


def test_every_word_that_the_page_uses_is_there_and_no_other():
    page = _part("page.html") + "".join(map(_part, SCRIPTS))
    known = set(WORDS["en"])
    used = {name for name in known if re.search(rf"\b{name}\b", page)}
    by_prefix = {name for name in known if name.startswith(("about_", "speaks_", "error_", "pen_"))}
    assert known - used - by_prefix == set()
    asked = set(re.findall(r'data-(?:word|label)="(\w+)"', page)) | set(re.findall(r'\bword\("(\w+)"', page))
    assert asked - known == {"about_", "speaks_"}  # and what the model is
    assert len(asked) > 25


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-TW"),
        ("zh-Hant-TW", "zh-TW"),
        ("zh-HK", "zh-TW"),
        ("ZH", "zh-TW"),
        ("en;q=0.5, zh-TW;q=0.8", "zh-TW"),
        ("en;q=0.8, zh-TW;q=0.5", "en"),
        ("de-DE,zh-TW;q=0.5,en;q=0.3", "zh-TW"),
        ("de, fr;q=0.9", "en"),
        ("zh-TW;q=0, en;q=0.1", "en"),
        ("zh-TW;q=0", "en"),
        ("*", "en"),
        ("zh-TW;q=abc;;,,;q=1", "zh-TW"),
        ("zhx, eng", "en"),
        ("," * 10_000 + "zh", "en"),
    ],
)
def test_the_browsers_language(accepted, expected):
    assert language("", None, accepted) == expected


def test_the_address_and_the_option_come_first():
    assert language("zh-TW", "en", "en") == "zh-TW"
    assert language("", "zh-TW", "en") == "zh-TW"
    assert language("en", "zh-TW", "zh-TW") == "en"
    assert language("<script>", None, "") == "en"
