from minnet.saving.load_report import LoadReport

NOTHING = {"missing": (), "mismatched": {}, "unexpected": (), "left_out": ()}


def test_all_was_loaded():
    report = LoadReport("m.safetensors", ("a", "b"), **NOTHING)
    assert report.complete
    assert repr(report) == "m.safetensors: 2 of the model's 2 arrays were loaded"


def test_each_reason_has_its_list():
    report = LoadReport("m", ("a",), ("b",), {"c": "c: (1,) in the model, (2,) in the file"}, ("d", "e"), ("f",))
    assert not report.complete
    assert repr(report).splitlines() == [
        "m: 1 of the model's 3 arrays were loaded",
        "  another shape or dtype in the file, not loaded (1):",
        "    c: (1,) in the model, (2,) in the file",
        "  in the model, not in the file (1):",
        "    b",
        "  in the file, not in the model (2):",
        "    d",
        "    e",
        "  in the file, left out by prefix or rename (1):",
        "    f",
    ]


def test_names_of_a_hostile_file_are_shown_in_short_and_not_obeyed():
    names = tuple("\x1b[31m\u202e\n" * 100 + str(i) for i in range(10_000))
    text = repr(LoadReport("m\n", ("a",), (), {}, names, names))
    assert len(text) < 3000
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert "in the file, not in the model (10,000):" in text
