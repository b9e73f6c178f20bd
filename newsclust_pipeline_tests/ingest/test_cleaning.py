"""Cells become clean text or None."""

import pytest

from newsclust_pipeline.ingest.cleaning import clean_text, clean_url


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  Ferry \t runs\r\naground\u2003", "Ferry runs aground"),
        ("Fish &amp; chips &#8211; &quot;fresh&quot;", 'Fish & chips – "fresh"'),
        ("Fish &amp;amp;amp; chips", "Fish & chips"),
        ("AT&T buys R&D lab", "AT&T buys R&D lab"),
        ("Cafe\u0301", "Café"),
        ("a\0b\x07c", "a b c"),
        ("nan", None),
        (" NaN ", None),
        ("NULL", None),
        ("N/A", None),
        (float("nan"), None),
        (None, None),
        ("", None),
        ("&nbsp;", None),
        ("\u200b\u200d\ufeff", None),
        ("Nan bread wins prize", "Nan bread wins prize"),
        ("None of the above", "None of the above"),
        (451, "451"),
        ({"id": "post", "name": " The Post "}, "The Post"),
        ({"id": None, "name": None}, None),
        (b"Caf\xc3\xa9 opens", "Café opens"),  # Parquet without the mark that says text
    ],
)
def test_clean_text_returns_readable_text_or_none(raw, cleaned):
    assert clean_text(raw) == cleaned


@pytest.mark.parametrize(
    "raw",
    [
        "  Ferry&nbsp;runs \n aground ",
        "Fish &amp;amp; chips",
        "Cafe\u0301 opens",
        "Emoji 🐝 and \ud83d alone",
        "&amp;lt;&#38;gt;",
        "&am&#112;;",
        "&hellip\u037e",  # normalising makes this Greek question mark a semicolon
    ],
)
def test_cleaning_twice_changes_nothing(raw):
    assert clean_text(clean_text(raw)) == clean_text(raw)


@pytest.mark.parametrize("value", ["half a \ud83d pair", "\udfff", b"\xff cut"])
def test_clean_text_can_be_encoded_as_utf8(value):
    assert clean_text(value).encode()


@pytest.mark.parametrize(
    "url",
    [
        "https://herald.example/a?id=1&region=north&section=2&timestamp=3&copy=1",
        "https://herald.example/a?x=%20y&lt=5#part",
    ],
)
def test_clean_url_keeps_parameters_that_look_like_entities(url):
    # html.unescape reads "&region" as "®ion" and "&section" as "§ion": entities without semicolon.
    assert clean_url(url) == url
    assert clean_url(f" {url.replace('&', '&amp;')}\n") == url


def test_clean_url_has_neither_white_space_nor_control_characters():
    assert (
        clean_url("https://a.example/\x80one\x07\x1b\n two\x0b\x9f") == "https://a.example/onetwo"
    )


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("<p>Crews <b>dig</b>.</p><p>Boats wait.</p>", "Crews dig. Boats wait."),
        ("&lt;p&gt;Crews dig.&lt;/p&gt;", "Crews dig."),
        ("&amp;lt;p&amp;gt;Crews dig.&amp;lt;/p&amp;gt;", "Crews dig."),
        ("<p>&nbsp;</p>", None),
        ('<img src="a.jpg" alt="A pier">', None),
        ("Profits < costs & debts", "Profits < costs & debts"),
    ],
)
def test_markup_is_removed(raw, cleaned):
    assert clean_text(raw) == cleaned
    assert clean_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("MÃ¼ller wins in KÃ¶ln", "Müller wins in Köln"),
        ("<p>They donâ€™t know</p>", "They don’t know"),
        ("M&Atilde;&frac14;ller", "Müller"),
        ("Müller – don’t", "Müller – don’t"),
        ("naïve café in São Paulo", "naïve café in São Paulo"),
    ],
)
def test_double_encoding_is_undone(raw, cleaned):
    assert clean_text(raw) == cleaned
    assert clean_text(cleaned) == cleaned


@pytest.mark.parametrize("layer", ["amp;", "#38;", "#x26;", "#038;"])
def test_nested_entities_are_decoded_at_once(layer):
    # One layer at a time, these take minutes.
    assert clean_text(f"&{layer * 100_000}lt;") == "<"


def test_only_the_first_million_characters_of_a_cell_are_cleaned():
    assert len(clean_text("x" * 3_000_000)) == 1_000_000
