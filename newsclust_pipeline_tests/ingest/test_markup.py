"""HTML loses its markup and keeps its text; other text stays as it is."""

import pytest

from newsclust_pipeline.ingest.markup import strip_markup


def words(text):
    return " ".join(strip_markup(text).split())


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Crews dig.</p><p>Boats wait.</p>", "Crews dig. Boats wait."),
        ("A rescue<br>in the bay", "A rescue in the bay"),
        ("The <em>quake</em>-hit coast", "The quake-hit coast"),
        ("water<sub>2</sub>", "water2"),
        ('<img src="a.jpg" alt="A pier">The pier burns.', "The pier burns."),
        ('Lead. <a href="https://post.example/1?a=1&b=2">Read on</a>', "Lead. Read on"),
        ("<script>track('<p>');</script><style>p {}</style><p>Lead.</p>", "Lead."),
        ("<table><tr><td>One</td><td>Two</td></tr></table>", "One Two"),
        ("<ul><li>One<li>Two</ul>", "One Two"),
        ("Lead.<!-- ad -->", "Lead."),
        ("<![CDATA[<p>Lead.</p>]]>", "Lead."),
        ('<p>Cut off in a <a href="https://post.exa', "Cut off in a"),
        ("<p>Profits < costs & AT&T > 5</p>", "Profits < costs & AT&T > 5"),
        ("<p>夜行<b>フェリー</b>火災</p>", "夜行フェリー火災"),
        ("<P CLASS=lead>Lead.</P>", "Lead."),
        ("<p>Lead.</p\n>", "Lead."),
        ("<noscript><img src=x></noscript><p>Lead.</p>", "Lead."),
    ],
)
def test_markup_is_removed_and_text_is_kept(html, text):
    assert words(html) == text


@pytest.mark.parametrize(
    "text",
    [
        "Profits < costs > debts",
        "I <3 AT&T & R&D",
        "if a<b and c>d",
        "How to write a <b> tag",
        "<BREAKING> Storm nears",
        "Mail <news@post.example> or <https://post.example>",
        "x <y",
        "5 <p 6",
    ],
)
def test_text_that_is_no_html_is_unchanged(text):
    assert strip_markup(text) == text


@pytest.mark.parametrize("nested", ["<div>", "<span>", "<b><i>", "<table><tr><td>", "<p", "<!--"])
def test_deeply_nested_markup_takes_linear_time(nested):
    # A tree builder takes minutes for the first of these.
    assert len(strip_markup(nested * 200_000 + "x")) <= len(nested) * 200_000 + 1
