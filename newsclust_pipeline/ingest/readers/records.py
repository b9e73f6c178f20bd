"""Find the articles in a decoded JSON value, whatever wraps them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from newsclust_pipeline.ingest.headers import is_header
from newsclust_pipeline.ingest.names import LATER, field_of, plain_name

# Keys under which feeds and answers of an API keep their articles, beside a title of their own.
_CONTAINERS = {
    "items", "item", "entries", "entry", "articles", "article", "stories", "posts", "results",
    "docs", "hits", "news", "records", "value", "graph",
}  # fmt: skip
_LOOKED_AT = 20  # entries of a list from which its kind is known
_MAX_DEPTH = 8

Record = dict[str, Any]


def find_records(value: Record, title: str | None = None) -> list[Record]:
    """Return the articles in an object: itself, those of a list within it, or rows of a table.

    Args:
        value: one object of a dump, or a whole document.
        title: the column or path of headlines, if the user named it.

    >>> find_records({"status": "ok", "articles": [{"title": "Fog"}]})
    [{'title': 'Fog'}]
    """
    return list(_search(value, title, _MAX_DEPTH)) or [value]


def has_title(value: Mapping[str, Any], title: str | None = None) -> bool:
    """Return True if an object has a headline, by the names of its keys."""
    if title is not None and title in value:
        return True
    if any(_names_title((key,)) for key in value):
        return True
    return any(
        _names_title(path) or ".".join(path) == title for path in _object_paths(value, _MAX_DEPTH)
    )


def _object_paths(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, ...]]:
    """Yield the paths of nested values, but not of those in lists."""
    for key, inner in value.items():
        if isinstance(inner, dict) and depth:
            yield from ((str(key), *path) for path in _object_paths(inner, depth - 1))
        else:
            yield (str(key),)


def is_list_of_articles(values: Any, title: str | None = None) -> bool:
    """Return True if one of the first entries is an object with a headline."""
    return isinstance(values, list) and any(
        isinstance(entry, dict) and has_title(entry, title) for entry in values[:_LOOKED_AT]
    )


def _names_title(path: tuple[str, ...]) -> bool:
    named = field_of(path)
    return named is not None and named[0] == "title" and named[1] < LATER


def _search(value: Record, title: str | None, depth: int) -> Iterator[Record]:
    table = _table_rows(value)
    if table is not None:
        yield from table
    elif has_title(value, title) and not _is_numbered(value, title):
        yield from _channel_entries(value, title) or [value]
    elif depth:
        for inner in value.values():
            entries = inner if isinstance(inner, list) else [inner]
            articles = is_list_of_articles(inner, title)
            for entry in entries:
                if isinstance(entry, dict):  # an article without a headline is a rejected row
                    yield from _search(entry, title, depth - 1) if not articles else [entry]


def _is_numbered(value: Record, title: str | None) -> bool:
    """Return True for articles by number or id, such as {"0": {"title": …}, "1": …}."""
    return len(value) > 1 and all(
        isinstance(entry, dict) and has_title(entry, title) for entry in value.values()
    )


def _channel_entries(value: Record, title: str | None) -> list[Record]:
    """Return the articles in an object that has a title of its own, such as a JSON Feed."""
    channel = {"channel": {"title": value.get("title")}}
    return [
        channel | entry
        for name, entries in value.items()
        if plain_name(name) in _CONTAINERS and is_list_of_articles(entries, title)
        for entry in entries
        if isinstance(entry, dict)
    ]


def _table_rows(value: Record) -> list[Record] | None:
    """Return the rows of a table that pandas wrote by columns; None for any other object.

    Its layouts are "columns" and "dict" ({"title": {"0": …}}), "list" ({"title": […]}) and "split"
    ({"columns": […], "data": [[…]]}).
    """
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        return table_rows([columns, *data]) if all(isinstance(c, str) for c in columns) else None
    parts = list(value.values())
    if not parts or not any(_names_title((key,)) for key in value):
        return None
    if len(parts) > 1 and all(
        isinstance(part, dict) and part.keys() == parts[0].keys() for part in parts
    ):
        return [{name: part[key] for name, part in value.items()} for key in parts[0]]
    if all(isinstance(part, list) and len(part) == len(parts[0]) for part in parts):
        rows = zip(*parts, strict=True)
        return [dict(zip(value, row, strict=True)) for row in rows] if len(parts[0]) > 1 else None
    return None


def table_rows(lists: Sequence[Sequence[Any]]) -> list[Record]:
    """Return the rows of a table whose first list names the columns."""
    names, *rows = lists
    return [dict(zip(map(str, names), row, strict=False)) for row in rows]


def is_table(lists: Sequence[Any]) -> bool:
    """Return True for lists of which the first is a header."""
    return (
        len(lists) > 1
        and all(isinstance(row, list) for row in lists)
        and all(isinstance(name, str) for name in lists[0])
        and is_header(lists[0], {}, first=True)
    )
