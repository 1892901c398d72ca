"""The Chinese texts are written as in Taiwan, say what the English ones say, and their links lead somewhere."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from minnet.inspection.gradcheck import CHECKS

ROOT = Path(__file__).parents[1]
HAN = "\u3400-\u9fff"
WRITTEN = {".md", ".py", ".js", ".html", ".css", ".json", ".yaml"}
PLACES = [ROOT / "README.zh-TW.md", *sorted((ROOT / "docs").rglob("*")), *sorted((ROOT / "minnet").rglob("*"))]
# Notebooks (.ipynb) are built from texts, so they are not looked at.
TEXTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in PLACES
    if path.suffix in WRITTEN and not {"_build", "__pycache__"} & set(path.parts)
}
CHINESE = {name: text for name, text in TEXTS.items() if re.search(f"[{HAN}]", text)}
PAGES = [name for name in CHINESE if "zh-TW" in name and name.endswith(".md")]

# Big5, Taiwan's old encoding, has no Simplified characters, but for these: variants that were in use, too.
ALSO_SIMPLIFIED = "与么优体儿听圣坏复宁岭并庄异忏怀怜惊扑扰机构栖气洁洒痒离篱网虫触赶万于价党几厂后里据划确极胜适荐范"
# What is said on the mainland, and what is said in Taiwan.
MAINLAND = {
    r"數據(?=集|庫|結構|類型)|(?<=訓練|測試|驗證)數據": "資料",
    "程序": "程式、行程、步驟",
    "默認|缺省": "預設",
    "信息": "資訊、訊息",
    "代碼|源碼": "程式碼、原始碼",
    "內存": "記憶體",
    "網絡": "網路",
    "互聯網": "網際網路",
    "視頻": "影片",
    "(?<!演)算法": "演算法",
    "數組": "陣列",
    "矢量": "向量",
    "標量": "純量",
    "對象": "物件",
    "循環": "迴圈",
    "文件夾": "資料夾",
    "文檔": "文件",
    "鼠標": "滑鼠",
    "屏幕": "螢幕",
    "軟件": "軟體",
    "硬件": "硬體",
    "服務器": "伺服器",
    "字符": "字元、字串",
    "字節": "位元組",
    "變量": "變數",
    "常量": "常數",
    "線程": "執行緒",
    "進程": "行程",
    "緩存": "快取",
    "堆棧": "堆疊",
    "調用": "呼叫",
    "返回": "回傳",
    "運行": "執行",
    "概率": "機率",
    "回歸": "迴歸",
    "優化": "最佳化",
    "擬合": "配適",
    "批量": "批次",
    "界面|接口": "介面",
    "打印": "印出",
    "加載": "載入",
    "拷貝": "複製",
    "圖像": "影像、圖片",
    "分辨率": "解析度",
    "激活": "激勵",
    "噪聲": "雜訊",
    "模塊": "模組",
    "質量": "品質",
    "用戶": "使用者",
    "登錄": "登入",
    "註釋|注釋": "註解",
    "構造函數": "建構式",
    "遍歷": "走訪",
    "遞歸": "遞迴",
    "哈希": "雜湊",
    "指針": "指標",
    "掩碼": "遮罩",
    "單元格": "儲存格",
    "滾動": "捲動",
    "菜單": "選單",
    "鏈接": "連結",
    "鏈式法則": "連鎖律",
    "交互": "互動",
    "智能": "智慧",
    "計算機": "電腦",
    "編程": "程式設計",
    "命令行": "命令列",
    "創建": "建立",
    "搜索": "搜尋",
    "查找": "尋找",
    "獲取": "取得",
    "設置": "設定",
    "反饋": "回饋",
    "溢出": "溢位",
    "(?<!位)元組": "tuple",
    "布爾": "布林",
    "進制": "進位",
    "隨機數": "亂數",
    "着": "著",
}


def lines(text):
    """Yield each line with its number, as it is read: code, formulas and signs of Markdown are an x or nothing."""
    text = re.sub(r"\$\$.*?\$\$", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line)
        yield number, re.sub(r"\*\*", "", re.sub(r"`[^`]+`|\$[^$]+\$", "x", line))


def prose(text):
    """Return the text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def found(pattern, name):
    return [f"{name}:{number}: {line.strip()}" for number, line in lines(CHINESE[name]) if re.search(pattern, line)]


def simplified(character):
    try:
        character.encode("big5")
    except UnicodeEncodeError:
        return True
    return character in ALSO_SIMPLIFIED


def test_there_are_chinese_pages():
    assert {"README.zh-TW.md", "docs/zh-TW/writing-a-layer.md", "docs/zh-TW/glossary.md"} <= set(PAGES)


@pytest.mark.parametrize("name", CHINESE)
def test_no_character_is_simplified(name):
    assert not {character for character in re.findall(f"[{HAN}]", CHINESE[name]) if simplified(character)}


def test_simplified_characters_are_recognised():
    assert all(map(simplified, "数据这个简体与里确"))
    assert not any(map(simplified, "資料這個繁體與裡梯度損失函數啟動"))


@pytest.mark.parametrize("name", CHINESE)
def test_words_are_those_of_taiwan(name):
    wrong = {(word, cure) for word, cure in MAINLAND.items() if re.search(word, CHINESE[name])}
    assert not wrong


@pytest.mark.parametrize("name", CHINESE)
def test_punctuation_is_that_of_chinese(name):
    assert not found(rf"[{HAN}」）][,;:!?](?![A-Za-z0-9_/=])|[{HAN}]\.(\s|$)", name)
    assert not found(rf"[{HAN}][(“”‘’]|[)“”‘’][{HAN}]", name)
    for opening, closing in ("（）", "「」", "《》"):
        assert not [line for _, line in lines(CHINESE[name]) if line.count(opening) != line.count(closing)]


@pytest.mark.parametrize("name", CHINESE)
def test_a_space_stands_between_chinese_and_latin_words(name):
    assert not found(rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9%°][{HAN}]", name)
    assert not found(r"\d %(?! \d)", name)  # 92%, as the class notebook writes it
    assert not found(r"[，。；：！？、「」（）《》] (?!\|)|[^|\s>#] [，。；：！？、）」]", name)


@pytest.mark.parametrize("name", PAGES)
def test_no_paragraph_is_broken_into_lines(name):
    """A browser shows the end of a line as a space, which is wrong between Chinese characters."""
    text = re.sub(r"^> ?", "", prose(CHINESE[name]), flags=re.MULTILINE)
    assert not re.findall(rf"^[^|\n]*[{HAN}，。；：、]\n(?![-|#]|\d+\. |: )[^\n]+", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_what_is_bold_is_shown_bold(name):
    """Markdown takes ** for stars between a Chinese character and a punctuation mark."""
    markdown = pytest.importorskip("markdown_it", reason="neither the extra docs nor notebooks is installed")
    for token in markdown.MarkdownIt().enable("table").parse(prose(CHINESE[name])):
        shown = [part.content for part in token.children or [] if part.type == "text"]
        assert not [text for text in shown if "**" in text or "`" in text]


def anchors(page):
    """Return what a link may have after #: the headings, as MyST and the places that show Markdown name them."""
    heads = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.replace("`", "")).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    wrong = []
    for link, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", prose(CHINESE[name])):
        target = ROOT / Path(name).parent / link if link else ROOT / name
        if not target.exists() or (anchor and unquote(anchor) not in anchors(target)):
            wrong.append(f"{link}#{anchor}")
    assert not wrong


PAIRS = {"README.md": "README.zh-TW.md", "docs/writing-a-layer.md": "docs/zh-TW/writing-a-layer.md"}


def blocks(text):
    """Return the blocks of code, without their comments and what is in strings."""
    code = re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [(kind, re.sub(r'\s+# .*$|"[^"\n]+"', "", block, flags=re.MULTILINE)) for kind, block in code]


@pytest.mark.parametrize("english", PAIRS)
def test_the_code_is_that_of_the_english_page(english):
    assert blocks((ROOT / english).read_text("utf-8")) == blocks(CHINESE[PAIRS[english]])


@pytest.mark.parametrize("english", PAIRS)
def test_the_headings_are_those_of_the_english_page(english):
    """As many of each level, in the same order."""
    pages = (ROOT / english).read_text("utf-8"), CHINESE[PAIRS[english]]
    first, second = (re.findall(r"^#+(?= )", prose(page), re.MULTILINE) for page in pages)
    assert first == second


def first_cells(name):
    """Return what stands as code in the first cell of each row of the tables of messages and of checks."""
    tables = re.findall(r"^\| (英文訊息|檢查) \|.*\n\|[-|]+\n((?:\|.*\n)+)", CHINESE[name], re.MULTILINE)
    return [(kind, re.findall(r"`([^`]+)`", row.split("|")[1])) for kind, rows in tables for row in rows.splitlines()]


@cache
def strings():
    """Return the strings of what checks layers and answers, each on a line; those with values in them, in parts."""
    rooms = ("minnet/core/", "minnet/inspection/", "minnet/grading/")
    trees = [ast.parse(text) for path, text in TEXTS.items() if path.startswith(rooms) and path.endswith(".py")]
    values = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return "\n".join(value for value in values if isinstance(value, str))


@pytest.mark.parametrize("name", [name for name in PAGES if "| 英文訊息 |" in CHINESE[name]])
def test_messages_that_are_explained_are_in_the_program(name):
    """An ellipsis stands for what differs, such as a number."""
    messages = [message for kind, cell in first_cells(name) if kind == "英文訊息" for message in cell]
    assert len(messages) >= 5
    parts = [part.strip() for message in messages for part in message.split("…")]
    assert not [part for part in parts if part not in strings()]


def test_every_check_is_explained():
    cells = [cell for kind, cell in first_cells("docs/zh-TW/messages.md") if kind == "檢查"]
    assert cells == [[check] for check in CHECKS]


def test_the_tables_of_the_readme_have_the_figures_and_names_of_the_english_one():
    def rows(text):
        rows = re.findall(r"^\|.*\|$", text, re.MULTILINE)
        return [Counter(re.findall(r"`[^`]+`|[\d.,]*\d", row)) for row in rows]

    assert rows((ROOT / "README.md").read_text("utf-8")) == rows(CHINESE["README.zh-TW.md"])


def test_the_readme_leads_wherever_the_english_one_leads():
    """To the Chinese page, where there is one."""

    def links(name):
        return set(re.findall(r"\]\(([^):#]+)", prose((ROOT / name).read_text("utf-8"))))

    def chinese(link):
        path = Path(link)
        other = path.parent / "zh-TW" / path.name
        return other.as_posix() if path.suffix == ".md" and (ROOT / other).exists() else link

    missing = set(map(chinese, links("README.md"))) - links("README.zh-TW.md") - {"README.zh-TW.md"}
    assert not missing, "README.zh-TW.md lacks these links of README.md"
