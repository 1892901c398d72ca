"""The page of figures says of each table on which processor it was measured."""

import pytest

FACTS = {"date": "2026-11-29", "processor": "Intel Xeon Processor", "AVX-512": True, "cores": 2, "system": "Linux",
         "Python": "3.11", "libraries": {}, "BLAS": "", "BLAS pools": [], "before": "", "variables unset": "",
         "variables": {}}  # fmt: skip


def variant(rows, **facts):
    """Return results as compare.py stores them, with so many rows a second of two threads."""
    section = {"title": "rows a second", "races": {}, "figures": {"W4, threads": {"2": rows}}, "remarks": []}
    return {"environment": FACTS | facts, "sections": {"workers": section | {"load": [0, 0]}}}


@pytest.mark.parametrize(
    ("name", "avx512", "words"),
    [
        ("Intel", True, "Intel Xeon Processor with AVX-512"),
        ("Intel", False, "Intel Xeon Processor"),
        ("Intel, AVX2", True, "Intel Xeon Processor limited to AVX2, as on processors without AVX-512"),
        ("Intel, busy", True, "Intel Xeon Processor with AVX-512, while another process burns one core"),
    ],
)
def test_a_heading_says_in_words_what_was_measured(script, name, avx512, words):
    assert script("page").heading(name, variant(1, **{"AVX-512": avx512})) == words


def test_what_was_measured_on_several_processors_is_shown_for_each(script, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(script("picture"), "draw", lambda figures, path: drawn.append(figures))
    amd = {"processor": "AMD EPYC"}
    for dates, last in ((("2026-11-30", "2026-11-29"), 111), (("2026-11-29", "2026-11-29"), 222)):
        first, second = variant(111, date=dates[0], **amd), variant(222, date=dates[1])
        script("page").write({"AMD": first, "Intel": second}, tmp_path)
        text = (tmp_path / "performance-figures.md").read_text("utf-8")
        assert text.index("## Threads and processes: AMD EPYC with AVX-512\n") < text.index("111")
        assert text.index("## Threads and processes: Intel Xeon Processor with AVX-512\n") < text.index("222")
        assert drawn.pop() == {"W4, threads": {"2": last}}
        picture = text.index("![")
        assert (picture < text.index("## Threads and processes: Intel")) == (last == 111)
    script("page").write({"AMD": first}, tmp_path)
    assert "\n## Threads and processes\n" in (tmp_path / "performance-figures.md").read_text("utf-8")
