"""Articles as `collect_articles` returns them, written down in short."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from newsclust_pipeline.ingest.articles import doc_id
from newsclust_pipeline.schemas import RAW_NEWS

NOON = datetime(2024, 6, 3, 12, tzinfo=UTC)


def article(title, description=None, *, venue=None, hours=0, url=None, copies=1, venues=None):
    """Return one row; `hours` after noon, None for an undated one."""
    text = title if description is None else f"{title}\n{description}"
    return {
        "doc_id": doc_id(text),
        "title": title,
        "description": description,
        "text": text,
        "published_at": None if hours is None else NOON + timedelta(hours=hours),
        "url": url,
        "venue": venue,
        "dump": "news.csv",
        "copies": copies,
        "venues": venues or ([venue] if venue else []),
        "language": None,
        "versions": 1,
        "date_suspect": False,
        "embedded_text": None,
    }


def articles_table(*rows):
    """Return the table of these rows, which must be in order of publication."""
    return pa.Table.from_pylist(list(rows), RAW_NEWS.schema)
