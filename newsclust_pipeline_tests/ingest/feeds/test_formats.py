"""Every format of feeds, whole and broken."""

import json

import pytest

from newsclust_pipeline.ingest.dates import read_date
from newsclust_pipeline.ingest.feeds.formats import FormatError, parse_feed
from newsclust_pipeline_tests.feed_server import numbered, rss

EIGHT_FIFTEEN = 1_709_626_500_000_000  # 5 March 2024, in microseconds
ATOM = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Delta Wire</title>
<entry><title type="html">A &lt;b&gt;ferry&lt;/b&gt; strands</title><id>tag:1</id>
<link rel="alternate" href="/ferry"/><updated>2024-03-05T09:15:00+01:00</updated>
<summary>short</summary><content type="html">&lt;p&gt;The whole text.&lt;/p&gt;</content>
</entry></feed>"""
RDF = b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="x"><title>Kestel Times</title></channel>
<item rdf:about="https://k.example/1"><title>Budget passed</title><link>https://k.example/1</link>
<description>By one vote.</description><dc:date>2024-03-05T08:15:00Z</dc:date></item></rdf:RDF>"""
RSS_091 = b"""<rss version="0.91"><channel><title>Old Post</title><item><title>Chip plant</title>
<link>https://o.example/1</link><description>It opens.</description></item></channel></rss>"""
SITEMAP = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://m.example/1</loc>
<news:news><news:publication><news:name>Morning Ledger</news:name></news:publication>
<news:publication_date>2024-03-05T08:15:00Z</news:publication_date>
<news:title>Ferry afloat</news:title></news:news></url>
<url><loc>https://m.example/about</loc></url></urlset>"""
JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Json Gazette",
        "items": [
            {
                "id": 7,
                "url": "https://j.example/7",
                "title": "Bridge reopens",
                "content_html": "<p>After a year.</p>",
                "date_published": "2024-03-05T08:15:00Z",
            }
        ],
    }
).encode()


@pytest.mark.parametrize(
    ("body", "form", "venue", "title", "url", "published"),
    [
        (ATOM, "atom10", "Delta Wire", "A <b>ferry</b> strands", "https://f.example/ferry",
         EIGHT_FIFTEEN),
        (RDF, "rss10", "Kestel Times", "Budget passed", "https://k.example/1",
         EIGHT_FIFTEEN),
        (RSS_091, "rss091u", "Old Post", "Chip plant", "https://o.example/1", None),
        (rss(numbered(1, 1)), "rss20", "Harbour Post", "Headline 1", "https://news.example/1",
         EIGHT_FIFTEEN),
        (SITEMAP, "news sitemap", "Morning Ledger", "Ferry afloat", "https://m.example/1",
         EIGHT_FIFTEEN),
        (JSON_FEED, "json feed", "Json Gazette", "Bridge reopens", "https://j.example/7",
         EIGHT_FIFTEEN),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalnum() else "",
)  # fmt: skip
def test_every_format_gives_the_same_fields(body, form, venue, title, url, published):
    feed = parse_feed(body, {}, "https://f.example/feed")
    assert (feed.format, feed.problem) == (form, "")
    (item,) = feed.items
    assert (item.venue, item.title, item.url) == (venue, title, url)
    reading = read_date(item.published_at)
    assert (reading and reading.time) == published


def test_atom_takes_the_longest_text_and_rss_a_source_of_its_own():
    assert "The whole text." in parse_feed(ATOM, {}, "https://f.example/").items[0].description
    item = "<item><title>t</title><source url='https://s.example'>Sister Paper</source></item>"
    body = f"<rss version='2.0'><channel><title>G</title>{item}</channel></rss>".encode()
    assert parse_feed(body, {}, "https://f.example/").items[0].venue == "Sister Paper"


def test_the_declared_encoding_wins_over_a_wrong_header():
    body = rss([("Zürich über alles", "é", "u", "g")], encoding="iso-8859-1")
    headers = {"content-type": "application/rss+xml"}
    assert parse_feed(body, headers, "https://f.example/").items[0].title == "Zürich über alles"
    utf8 = rss([("Zürich", "é", "u", "g")])
    wrong = {"content-type": "text/xml; charset=us-ascii"}
    assert parse_feed(utf8, wrong, "https://f.example/").items[0].title == "Zürich"


def test_a_truncated_feed_gives_what_is_whole_and_says_so():
    body = rss(numbered(1, 30))[:3000]
    feed = parse_feed(body, {}, "https://f.example/")
    assert len(feed.items) >= 10
    assert feed.problem


@pytest.mark.parametrize(
    "body",
    [
        b"<html><head><title>Log in</title></head><body>Please log in</body></html>",
        b"",
        b"\x00\x01\x02",
        b'{"articles": []}',
        b"{",
        b"[" * 200_000,
        b'<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"/>',
    ],
    ids=["html", "empty", "binary", "json", "half", "deep", "index"],
)
def test_what_is_no_feed_is_refused(body):
    with pytest.raises(FormatError):
        parse_feed(body, {}, "https://f.example/")


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{("&" + a + ";") * 10}">'
        for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]>"
)


@pytest.mark.parametrize("root", ["rss", "sitemap"])
def test_an_entity_bomb_does_nothing(root):
    item = "<item><title>&j;</title><link>l</link></item>"
    rss_body = f"{BOMB}<rss version='2.0'><channel>{item}</channel></rss>"
    site = f"{BOMB}<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>&j;</urlset>"
    body = (rss_body if root == "rss" else site).encode()
    try:
        feed = parse_feed(body, {}, "https://f.example/")
    except FormatError:
        return
    assert all(len(item.title) < 1000 for item in feed.items)


def test_an_external_entity_is_not_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    body = (
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
        "<rss version='2.0'><channel><title>c</title><item><title>t &x;</title></item></channel>"
        "</rss>"
    ).encode()
    feed = parse_feed(body, {}, "https://f.example/")
    assert "SECRET" not in "".join(item.title for item in feed.items)


def test_ttl_is_read_and_nonsense_in_its_place_is_not():
    assert parse_feed(rss([], head="<ttl>90</ttl>"), {}, "u").ttl_minutes == 90
    assert parse_feed(rss([], head="<ttl>soon</ttl>"), {}, "u").ttl_minutes == 0


def test_a_named_zone_counts_and_an_ambiguous_one_stays_as_it_is_written():
    body = rss(numbered(1, 1)).decode()
    start, end = body.index("<pubDate>"), body.index("</pubDate>")
    published = {}
    for zone in ("CEST", "IST"):
        date = f"<pubDate>Tue, 05 Mar 2024 10:15:00 {zone}"
        feed = parse_feed((body[:start] + date + body[end:]).encode(), {}, "")
        published[zone] = feed.items[0].published_at
    assert read_date(published["CEST"]).time == EIGHT_FIFTEEN
    assert read_date(published["IST"]).doubt == "ist"


def test_a_long_entity_is_refused():
    body = b'<!DOCTYPE rss [<!ENTITY a "' + b"x" * 10_000 + b'">]>' + rss(numbered(1, 1))
    with pytest.raises(FormatError, match="declares a long entity"):
        parse_feed(body, {}, "")


@pytest.mark.parametrize("date", ["0000-00-00", "0000-00-00 00:00:00", "Tue, 05 Mar -0001"])
def test_a_year_that_does_not_exist_is_no_date(date):
    item = f"<item><title>Fog</title><pubDate>{date}</pubDate></item>"
    body = f"<rss version='2.0'><channel>{item}</channel></rss>".encode()
    feed = parse_feed(body, {}, "https://a.example/")
    assert feed.items[0].published_at == ""


SITEMAP = b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"/>'
UNKNOWN = b'<?xml version="1.0" encoding="no-such"?>' + SITEMAP


@pytest.mark.parametrize("body", [b"<channel><item><link></item></link>", UNKNOWN])
def test_whatever_a_parser_raises_the_body_is_no_feed(body):
    with pytest.raises(FormatError):
        parse_feed(body, {}, "https://a.example/")
