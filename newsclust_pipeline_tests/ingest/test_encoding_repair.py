"""Double encoding is undone, and intact text stays."""

import pytest

from newsclust_pipeline.ingest.cleaning import clean_text
from newsclust_pipeline.ingest.encoding_repair import repair_encoding

INTACT = [
    "Müller – don’t",
    "“Été” à Paris…",
    "L’ÉTÉ À PARIS",
    "IRMÃ DE SÃO PAULO",
    "Привет, мир: «США»",
    "中文新闻 10 °C",
    "Ångström café",
    "Ferry docks",
]


@pytest.mark.parametrize("text", INTACT)
def test_intact_text_stays(text):
    assert repair_encoding(text) == text


TWICE = [
    *((text, "latin-1") for text in INTACT[:-1]),
    ("Müller – don’t", "cp1252"),
    ("Привет, мир", "cp1251"),
]


@pytest.mark.parametrize(("text", "encoding"), TWICE)
def test_text_that_was_encoded_twice_is_repaired(text, encoding):
    damaged = text.encode().decode(encoding)
    assert damaged != text
    assert repair_encoding(damaged) == text
    assert clean_text(damaged) == clean_text(text)


def test_text_that_was_encoded_three_times_is_repaired():
    assert repair_encoding("café".encode().decode("cp1252").encode().decode("cp1252")) == "café"


def test_repairing_twice_changes_nothing():
    repaired = repair_encoding("Ã©tÃ© â€” Ã Paris")
    assert repair_encoding(repaired) == repaired == "été — à Paris"


def test_a_long_text_is_repaired_in_pieces():
    assert repair_encoding("Ã¼ " * 30_000) == "ü " * 30_000
