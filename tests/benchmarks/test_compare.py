import json

import pytest


def test_before_needs_a_checkout(script, tmp_path, capsys):
    """Else each of its contenders would be left out, as if that minnet could not do the work."""
    with pytest.raises(SystemExit):
        script("compare").options(["--before", str(tmp_path)])
    assert f"{tmp_path} has no folder minnet" in capsys.readouterr().err
    (tmp_path / "minnet").mkdir()
    assert script("compare").options(["--before", str(tmp_path)]).before == tmp_path


@pytest.mark.parametrize(("processor", "kept"), [("old", ["W1", "W2", "W3"]), ("new", ["W2", "W3"])])
def test_sections_of_another_processor_are_not_kept(script, tmp_path, processor, kept):
    def results(processor, *names, value):
        return {"environment": {"processor": processor}, "sections": dict.fromkeys(names, value)}

    path, store = tmp_path / "results.json", script("compare").store
    store(path, "AMD", results("other", "W1", value=0))
    store(path, "Intel", results("old", "W1", "W2", value=1))
    store(path, "Intel", results(processor, "W2", "W3", value=2))
    stored = json.loads(path.read_text())
    assert list(stored) == ["AMD", "Intel"]
    assert sorted(stored["Intel"]["sections"]) == kept
    assert stored["Intel"]["sections"]["W2"] == 2
