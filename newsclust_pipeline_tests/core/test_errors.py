"""Every message of an error is one line."""

import pytest

from newsclust_pipeline.core.errors import DumpError, NewsclustError, SettingError


@pytest.mark.parametrize("kind", [NewsclustError, DumpError, SettingError])
def test_a_message_is_one_line_whatever_it_quotes(kind):
    error = kind("news\n::warning::.csv:\x1b[31m  refused\u202e (thrift: \x08).\n")
    assert str(error) == "news ::warning::.csv:  refused (thrift:  )."
    assert str(kind("/data/two  blanks.csv")) == "/data/two  blanks.csv"
