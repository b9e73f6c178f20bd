"""The documentation is generated where it can be, and complete where it is not."""

import re
from pathlib import Path

import pytest

import newsclust_pipeline
from newsclust_pipeline.defs.settings import SETTINGS
from scripts import docs_tables

ROOT = Path(newsclust_pipeline.__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))


def test_generated_tables_are_up_to_date():
    outdated = [str(p) for p, text in docs_tables.generated().items() if p.read_text() != text]
    assert not outdated, "run `python -m scripts.docs_tables`"


def test_every_setting_in_the_code_is_in_the_table():
    names = {setting.name for setting in SETTINGS}
    code = "".join(path.read_text() for path in (ROOT / "newsclust_pipeline").rglob("*.py"))
    used = set(re.findall(r"\b(?:NEWSCLUST|MILVUS|OPENAI)_[A-Z_]*[A-Z]\b", code))
    assert {name for name in used if name in names} == names


def test_readme_is_short_and_links_to_every_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150
    linked = set(re.findall(r"\]\(docs/(\w+\.md)", readme))
    assert linked == {page.name for page in PAGES} - {"index.md"}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda p: p.name)
def test_relative_links_lead_to_files(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_markers_without_a_page_are_an_error():
    with pytest.raises(ValueError, match="no markers for 'settings'"):
        docs_tables.replaced("a page", "settings", "| table |")
