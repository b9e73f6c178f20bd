"""Text from a feed can't act as Markdown or HTML."""

from newsclust_pipeline.core.markdown import escape_markdown


def test_markdown_is_shown_as_it_was_written():
    from markdown_it import MarkdownIt

    text = "*a* _b_ `c` [d](http://e) <script> ~f~ |g| &amp; ![h](i) \\ j"
    html = MarkdownIt("commonmark").render(escape_markdown(text))
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert html == f"<p>{plain}</p>\n"
