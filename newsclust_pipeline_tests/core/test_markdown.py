"""Headlines cannot break the Markdown that quotes them, and tables keep their columns."""

import pytest
from markdown_it import MarkdownIt

from newsclust_pipeline.core.markdown import escape_markdown, markdown_table

HOSTILE = [
    "*bold* _italic_ ~~gone~~ `code`",
    "[link](http://evil.example) ![image](http://evil.example/x.png)",
    "<script>alert(1)</script> &lt;b&gt;",
    "one | two | three",
    "back\\slash",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_renders_as_itself(text):
    tokens = MarkdownIt().parseInline(escape_markdown(text))[0].children
    assert {token.type for token in tokens} <= {"text", "text_special"}
    assert "".join(token.content for token in tokens) == text


def test_a_table_has_a_header_alignment_and_one_line_per_row():
    table = markdown_table({"articles": "right", "story": "left"}, [[3, "Storm"], [2, None]])
    assert table == "| articles | story |\n|---:|---|\n| 3 | Storm |\n| 2 |  |"


def test_cells_cannot_add_columns():
    html = MarkdownIt().enable("table").render(markdown_table({"a": "left"}, [["x | y *z*"]]))
    assert html.count("<td>") == 1
    assert "x | y *z*" in html
