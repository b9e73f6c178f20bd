"""Progress as lines, and as bars on a terminal."""

import io

from rich.console import Console

from newsclust_pipeline.defs import display, terminal


def test_lines_name_each_stage_that_has_ended(capsys):
    with display.Lines() as lines, terminal.listening(lines):
        with terminal.stage("raw_news"):
            terminal.advance("texts embedded", 1, 2)
            assert capsys.readouterr().err == ""
        assert capsys.readouterr().err.startswith("raw_news ")


def test_bars_show_the_stage_and_how_far_it_is(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(
        display, "Console", lambda stderr: Console(file=written, force_terminal=True, width=120)
    )
    with display.Bars() as bars, terminal.listening(bars), terminal.stage("embeddings"):
        terminal.advance("texts embedded", 1_000, 2_000)
    assert "embeddings" in written.getvalue()
    assert "1,000 of 2,000 texts embedded" in written.getvalue()
