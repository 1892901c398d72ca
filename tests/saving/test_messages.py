from minnet.saving.messages import MOST_CHARACTERS, MOST_LINES, MOST_OF_A_MODEL, brief, listed, shown_model

EVIL = "\x1b[31mred\x1b[0m\u202eleft\r\n\x00\u2066"


def test_what_a_terminal_would_obey_is_escaped():
    assert brief(EVIL) == "?[31mred?[0m?left????"
    assert brief("x" * 1000) == "x" * 200
    assert brief("Größe × 3") == "Größe × 3"


def test_a_list_is_as_it_is_or_says_how_much_more_there_is():
    assert listed(["one", "two"]) == ["one", "two"]
    assert listed(str(i) for i in range(200_000)) == [*map(str, range(MOST_LINES)), "... and 199,976 more"]
    assert listed([EVIL]) == [brief(EVIL)]


def test_a_list_of_long_lines_is_shorter():
    lines = listed(["x" * 10_000] * 50)
    assert sum(map(len, lines[:-1])) <= MOST_CHARACTERS
    assert lines[-1] == f"... and {50 - len(lines) + 1} more"


def test_a_model_is_shown_by_its_first_lines():
    assert shown_model("Sequential(\n  Linear(3, 2)\n)") == ["Sequential(", "  Linear(3, 2)", ")"]
    assert sum(map(len, shown_model(f"{EVIL}\n" * 100_000))) <= MOST_OF_A_MODEL + 30
    assert len(shown_model("x" * 10_000_000)[0]) == 200
