"""Text from outside can't act on the program that shows a log."""

import logging

import dagster as dg
import pytest

from newsclust_pipeline.defs import terminal
from newsclust_pipeline.defs.console import make_logs_safe, safe_lines

HOSTILE = {
    "file name": "dump\n::warning file=a::pwned.csv",
    "headline": "Fog\r\n  ::error::pwned",
    "service error": "refused \x1b[31mred\x1b[0m \x1b]0;title\x07\x9b2J",
    "feed title": "Harbour\u2028::add-mask::x\u202egpj.exe\u2066",
    "azure": "x\n##vso[task.setvariable]y\n##[error]z",
    "group": "x\n::group::\x00\x08\x7f",
}


def is_safe(text):
    lines = text.replace("\x1b[0m", "").splitlines()
    return not any(
        line.lstrip().startswith("::") or "##[" in line or "##vso[" in line for line in lines
    ) and not set(text) & set("\x00\x07\x08\x1b\x7f\x9b\r\u2028\u202e\u2066")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_line_is_a_command_and_no_character_controls_a_terminal(text):
    assert is_safe(safe_lines(text))
    make = logging.getLogRecordFactory()
    for name in ("dagster", "newsclust_pipeline.embed.openai"):
        record = make(name, logging.WARNING, "", 0, "%s refused", (text,), None)
        assert is_safe(record.getMessage())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_last_lines_of_a_run_are_safe(text, capsys, monkeypatch):
    lines = []
    monkeypatch.setattr(terminal, "_last_lines", lines)
    terminal.print_at_end("figures", text)
    assert is_safe("\n".join(lines))


def test_plain_text_of_several_lines_stays():
    text = "Traceback:\n  File x\n\nValueError: a :: b [#1]\tc"
    assert safe_lines(text) == text.replace("\t", " ")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_run_logs_hostile_text_as_text(text, capsys):
    @dg.op
    def hostile(context):
        context.log.warning(text)
        raise ValueError(text)

    @dg.job
    def job():
        hostile()

    assert not job.execute_in_process(raise_on_error=False).success
    shown = capsys.readouterr().err
    assert "pwned" in shown or len(shown) > 100
    for line in shown.splitlines():
        plain = line.strip()
        assert not plain.startswith("::"), line
        assert "##[" not in line
        assert "\u202e" not in line


def test_records_of_others_stay_as_they_are_and_the_factory_is_set_once():
    make_logs_safe()
    factory = logging.getLogRecordFactory()
    make_logs_safe()
    assert logging.getLogRecordFactory() is factory
    record = factory("other", logging.INFO, "", 0, "x\n::y %s", ("z",), None)
    assert record.getMessage() == "x\n::y z"
    assert factory("dagster", logging.INFO, "", 0, "100 % of", ("z",), None).msg == "100 % of"
