"""The user's options about columns and dates."""

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.ingest.source import Options, parse_options


def test_options_are_parsed():
    assert parse_options("", "auto") == Options()
    assert parse_options('{"title": "headline.main"}', "dmy") == Options(
        {"title": "headline.main"}, "dmy"
    )


@pytest.mark.parametrize(
    ("columns", "order", "message"),
    [
        ("title=x", "auto", "`news.columns`: not JSON"),
        ("[]", "auto", "`news.columns`: must name one column"),
        ('{"title": 1}', "auto", "`news.columns`: must name one column"),
        ('{"titel": "x"}', "auto", "no such field: titel. Fields: title"),
        ("", "ymd", "`news.date_order`=ymd: must be one of auto, dmy, mdy"),
    ],
)
def test_other_options_are_refused(columns, order, message):
    with pytest.raises(SettingError, match=message):
        parse_options(columns, order)
