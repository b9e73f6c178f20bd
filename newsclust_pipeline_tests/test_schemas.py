"""Every column has one description."""

from newsclust_pipeline.schemas import COLUMNS


def test_descriptions_are_sentences():
    assert all(text.endswith(".") for text in COLUMNS.values())
