"""Names and paths under which fields are known."""

import pytest

from newsclust_pipeline.ingest.names import LATER, field_of, plain_name


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("title", ["title", "Headline", "article_title", "og:title", "title_en"]),
        ("title", ["Titel", "titre", "título", "заголовок", "标题", "العنوان", "başlık", "제목"]),
        ("description", ["description", "Summary", "abstract", "short-description", "maintext"]),
        ("description", ["Beschreibung", "résumé", "descripción", "описание", "摘要", "内容"]),
        ("published_at", ["published_at", "publishedAt", "pubDate", "date_publish", "seendate"]),
        ("published_at", ["Datum", "date de publication", "fecha", "дата", "发布时间", "日付"]),
        ("url", ["url", "URL", "link", "article_url", "DocumentURL", "lien", "ссылка", "链接"]),
        ("venue", ["venue", "Outlet", "outletName", "pubtitle", "source_domain"]),
        ("venue", ["Quelle", "fuente", "источник", "来源", "kaynak", "المصدر", "언론사"]),
    ],
)  # fmt: skip
def test_a_field_is_known_by_its_names_in_any_spelling_and_many_languages(field, names):
    for name in names:
        assert field_of((name,))[0] == field, name


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (("headline", "main"), "title"),
        (("title", "rendered"), "title"),
        (("_source", "title"), "title"),
        (("data", "attributes", "title"), "title"),
        (("fields", "trailText"), "description"),
        (("content", "rendered"), "description"),
        (("source", "title"), "venue"),
        (("source", "name"), "venue"),
        (("publisher", "name"), "venue"),
        (("feed", "title"), "venue"),
        (("origin", "title"), "venue"),
        (("thread", "site"), "venue"),
        (("published_at", "$date"), "published_at"),
        (("published_at", "$date", "$numberLong"), "published_at"),
        (("mainEntityOfPage", "@id"), "url"),
        (("alternate", "href"), "url"),
    ],
)
def test_a_nested_value_is_known_by_its_path(path, field):
    assert field_of(path)[0] == field


@pytest.mark.parametrize(
    "path",
    [
        ("subtitles",), ("title_length",), ("untitled",), ("",), ("lang",), (None,), ("doc_id2",),
        ("author", "name"), ("image", "url"), ("source", "url"), ("category", "title"),
        ("related", "title"), ("urlToImage",),
    ],
)  # fmt: skip
def test_other_names_are_no_field(path):
    assert field_of(path) is None


@pytest.mark.parametrize("name", ["guid", "id", "doc_id", "name", "crawled_at"])
def test_a_name_with_other_uses_is_weak(name):
    found = field_of((name,))
    assert found is None or found[1] >= LATER


def test_better_names_have_lower_ranks():
    ranks = [field_of((name,))[1] for name in ("description", "summary", "content", "text")]
    assert ranks == sorted(ranks)


def test_a_plain_name_has_no_case_accents_or_punctuation():
    assert plain_name("\ufeffPublié_Le ") == "publiele"
