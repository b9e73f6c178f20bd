"""Saved feeds: RSS, Atom, RDF, news sitemaps; long ones in pieces; bombs and damage."""

import pytest

from newsclust_pipeline.core.errors import DumpError
from newsclust_pipeline.ingest.readers import feed_files
from newsclust_pipeline_tests.dumps import read, rss, titles

ITEM = {
    "title": "Fog &amp; bees",
    "link": "https://post.example/1",
    "description": "Thick",
    "pubDate": "Tue, 05 Mar 2024 09:15:00 CET",
}
ATOM = b"""<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Harbour Post</title>
<entry><title>Fog &amp;amp; bees</title><link href="https://post.example/1"/>
<updated>2024-03-05T08:15:00Z</updated><summary>Thick</summary></entry></feed>"""
RDF = b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="x"><title>Harbour Post</title></channel><item rdf:about="y">
<title>Fog &amp;amp; bees</title><link>https://post.example/1</link>
<description>Thick</description><dc:date>2024-03-05T08:15:00Z</dc:date></item></rdf:RDF>"""
SITEMAP = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://post.example/1</loc>
<news:news><news:publication><news:name>Harbour Post</news:name></news:publication>
<news:publication_date>2024-03-05T08:15:00Z</news:publication_date>
<news:title>Fog &amp; bees</news:title></news:news></url></urlset>"""
FEEDS = {
    "news.rss": rss(ITEM),
    "news.xml": rss(ITEM),
    "utf16.xml": rss(ITEM).decode().encode("utf-16"),
    "news.atom": ATOM,
    "rdf.xml": RDF,
    "sitemap.xml": SITEMAP,
}


@pytest.mark.parametrize("name", FEEDS)
def test_every_kind_of_feed_gives_its_entries(tmp_path, name):
    (row,), warnings = read(tmp_path / name, FEEDS[name])
    found = row.fields
    assert (found.title, found.url, found.venue) == (
        "Fog & bees", "https://post.example/1", "Harbour Post",
    )  # fmt: skip
    assert found.date.time == 1_709_626_500_000_000
    assert found.description == (None if name == "sitemap.xml" else "Thick")
    assert warnings == []


def test_a_long_feed_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_files, "_PIECE", 2_000)
    items = [{**ITEM, "title": f"Fog {n}"} for n in range(200)]
    rows, warnings = read(tmp_path / "news.xml", rss(*items))
    assert titles(rows) == [f"Fog {n}" for n in range(200)]
    assert [row.number for row in rows] == list(range(1, 201))
    assert {row.fields.venue for row in rows} == {"Harbour Post"}
    assert warnings == []


def test_a_damaged_feed_is_read_as_far_as_possible_with_a_warning(tmp_path):
    rows, warnings = read(tmp_path / "news.xml", rss(ITEM, ITEM, ITEM)[:-90])
    assert len(rows) >= 2
    assert "not well-formed" in warnings[0]


def entities(*declared):
    return "<!DOCTYPE rss [" + "".join(f"<!ENTITY {name} {what}>" for name, what in declared) + "]>"


LAUGHS = [("e0", '"ha"'), *((f"e{n}", f'"{f"&e{n - 1};" * 10}"') for n in range(1, 10))]


def test_nested_entities_are_not_expanded(tmp_path):
    bomb = rss({**ITEM, "title": "Fog &e9;"}, head=entities(*LAUGHS))
    (row,), _ = read(tmp_path / "news.xml", bomb)
    assert len(row.fields.title) < 100


def test_a_long_entity_is_refused(tmp_path):
    bomb = rss({**ITEM, "title": "&a;" * 20_000}, head=entities(("a", f'"{"x" * 100_000}"')))
    with pytest.raises(DumpError, match="declares a long entity"):
        read(tmp_path / "news.xml", bomb)


def test_an_entity_from_a_file_is_not_read(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    head = entities(("a", f'SYSTEM "file://{tmp_path}/secret.txt"'))
    (row,), _ = read(tmp_path / "news.xml", rss({**ITEM, "title": "Fog &a;"}, head=head))
    assert "secret" not in row.fields.title


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<rss><channel>" + b"<a>" * 100_000, "nested 100,002 deep"),
        (rss(ITEM)[:60] + b"<item><title>" + b"x" * (17 << 20), "an entry of more than 16 MB"),
        (b"<!DOCTYPE html><p>404</p>", "can't be read as a feed"),
        (b"", "empty"),
    ],
    ids=["deep", "endless", "a web page", "empty"],
)
def test_what_is_no_feed_or_a_trap_is_refused(tmp_path, content, message):
    with pytest.raises(DumpError, match=message):
        read(tmp_path / "news.xml", content)
