"""The sample with what real feeds add to news: nothing is lost, and the same is embedded.

Every test disturbs the bundled sample in one way and compares it with the sample itself.
"""

from collections import Counter
from datetime import UTC, datetime

import pytest

from newsclust_pipeline.core.tables import embedded_texts
from newsclust_pipeline.ingest.articles import collect_articles
from newsclust_pipeline.ingest.discover import find_dumps
from newsclust_pipeline.ingest.prepare import prepare_articles
from newsclust_pipeline_tests.dumps import lines

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PAYWALL = "This story is for subscribers only. Log in or subscribe to go on reading."
CONSENT = (
    "We care about your privacy. We and our 611 partners keep and read data on your device, such "
    "as cookies, for personalised ads and content. You may accept or refuse at any time by a click "
    "on the button at the bottom of the page. Vi og våre partnere bruker informasjonskapsler."
)
NOTICES = [
    PAYWALL,
    CONSENT,
    "Subscribe now to read the whole story. A subscriber already? Log in. Only one crown a week.",
    "Wir verwenden Cookies, um Inhalte und Anzeigen zu personalisieren. Mehr erfahren Sie hier.",
    "この記事は会員限定です。会員登録すると続きをお読みいただけます。",
    "Suscríbase a nuestro boletín para recibir las noticias cada mañana.",
    "اشترك في نشرتنا البريدية لتصلك آخر الأخبار كل صباح.",
    "Подпишитесь на нашу рассылку, чтобы не пропустить главные новости дня.",
]
TEMPLATES = [
    '<div class="post"><img src="https://cdn.example/1.jpg" alt="{alt}"/></div><p>{text}</p>',
    "<table><tr><td><font size='-1'>{text}</font></td></tr></table><script>a('{alt}')</script>",
    '<p style="margin:0">{text}</p><!-- {alt} -->',
]


@pytest.fixture(scope="module")
def news(sample_rows):
    """The rows of outlets with enough articles, each headline once."""
    outlets = Counter(row["venue"] for row in sample_rows)
    rows = {row["title"]: row for row in sample_rows if outlets[row["venue"]] >= 12}
    return list(rows.values())


@pytest.fixture
def prepared(tmp_path):
    """Return a function that prepares rows which are read from a dump."""

    def prepare(rows):
        (tmp_path / "news.jsonl").write_bytes(lines(rows))
        articles = collect_articles(find_dumps(tmp_path / "news.jsonl").rows()).table
        return prepare_articles(articles, days=None, similarity=0.8, now=NOW)

    return prepare


def embedded(done):
    return sorted(embedded_texts(done.table).to_pylist())


def notice_of(row):
    return NOTICES[sum(map(ord, row["venue"])) % len(NOTICES)]


def with_description(rows, describe):
    return [row | {"description": describe(row)} for row in rows]


def test_undisturbed_news_is_embedded_as_it_is(news, prepared):
    done = prepared(news)
    assert done.duplicates.num_rows == 0
    assert done.table["embedded_text"].null_count == done.table.num_rows == len(news)


@pytest.mark.parametrize("notice", [PAYWALL, CONSENT], ids=["paywall", "consent"])
@pytest.mark.parametrize("outlet", [True, False], ids=["outlets", "no outlets"])
def test_one_notice_as_description_merges_nothing(news, prepared, notice, outlet):
    rows = with_description(news, lambda _: notice)
    if not outlet:
        rows = [{k: v for k, v in row.items() if k != "venue"} for row in rows]
    done = prepared(rows)
    assert done.duplicates.num_rows == 0
    assert embedded(done) == sorted(row["title"] for row in news)


def test_a_notice_of_each_outlet_as_description_merges_nothing(news, prepared):
    done = prepared(with_description(news, notice_of))
    assert done.duplicates.num_rows == 0
    assert embedded(done) == sorted(row["title"] for row in news)


def test_a_paywall_line_on_a_third_of_all_articles_merges_nothing(news, prepared):
    rows = [
        row | {"description": PAYWALL} if number % 3 == 0 else row
        for number, row in enumerate(news)
    ]
    done = prepared(rows)
    assert done.duplicates.num_rows == 0
    assert set(done.figures["boilerplate"]) == {
        "This story is for subscribers only.",
        "Log in or subscribe to go on reading.",
    }


@pytest.mark.parametrize("form", ["{text} {notice}", "{notice} {text}", "{notice} {notice} {text}"])
def test_a_notice_beside_every_lead_changes_nothing_that_is_embedded(news, prepared, form):
    described = [row for row in news if row["description"].endswith(".")]
    rows = with_description(
        described, lambda row: form.format(text=row["description"], notice=notice_of(row))
    )
    assert embedded(prepared(rows)) == embedded(prepared(described))


@pytest.mark.parametrize("template", TEMPLATES)
def test_markup_changes_nothing(news, prepared, template):
    rows = with_description(
        news, lambda row: template.format(text=row["description"], alt=row["title"])
    )
    done, plain = prepared(rows), prepared(news)
    assert done.duplicates.num_rows == 0
    assert done.table["text"].equals(plain.table["text"])


def test_one_article_at_many_addresses_is_one(news, prepared):
    first = [row | {"description": ""} for row in news[:40]]
    variants = [
        ("?utm_source=rss&utm_medium=feed", "{title}"),
        ("/amp", "{title} | {venue}"),
        ("?print=1#top", "{title} - {venue}"),
        ("#video", "WATCH: {title}"),
    ]
    again = [
        row | {"url": row["url"] + end, "title": form.format(**row)}
        for row in first
        for end, form in variants
    ]
    done = prepared(first + again)
    assert sorted(done.table["title"].to_pylist()) == sorted(row["title"] for row in first)
    assert set(done.table["versions"].to_pylist()) == {4}
    versions = sum(done.duplicates["copies"].to_pylist())
    assert sum(done.table["copies"].to_pylist()) + versions == len(first + again)


def test_one_address_for_all_articles_merges_nothing(news, prepared):
    for url in ("https://lantern.example/", "https://lantern.example/feed/5172", ""):
        assert prepared([row | {"url": url} for row in news]).duplicates.num_rows == 0


def test_two_wrong_dates_are_flagged(news, prepared):
    wrong = ("2099-12-31T00:00:00Z", "1970-01-01T00:00:00Z")
    rows = [row | {"published_at": date} for row, date in zip(news, wrong, strict=False)]
    flags = prepared(rows + news[2:]).table
    flagged = flags.filter(flags["date_suspect"])["title"].to_pylist()
    assert sorted(flagged) == sorted(row["title"] for row in news[:2])
