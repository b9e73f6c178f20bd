"""Detect the language of articles with py3langid: a naive Bayes classifier on byte n-grams.

Lui and Baldwin, langid.py: An Off-the-shelf Language Identification Tool (2012). The package
contains its model, so nothing is downloaded.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.tables import embedded_texts
from newsclust_pipeline.schemas import RAW_NEWS

# Languages in which news is published, out of those that the model knows. With all of its 140
# labels, headlines are too often taken for a small relative of their language: 5 % of short English
# ones for Nigerian Pidgin, and most Chinese ones for Wu.
LANGUAGES = (  # noqa: SIM905 (a list would take 84 lines)
    "af am ar as az be bg bn bs ca cs cy da de el en es et eu fa fi fr gl gu ha he hi hr hu hy id "
    "is it ja ka kk km kn ko ku ky lo lt lv mk ml mn mr ms my ne nl no or pa pl ps pt ro ru si sk "
    "sl so sq sr sv sw ta te th tl tr ug uk ur uz vi zh"
).split()
# A less probable language counts as unknown. At 0.5, 93 % of headlines of 60 characters get one,
# and 1 % of those a wrong one.
MIN_PROBABILITY = 0.5
_MAX_CHARACTERS = 400  # of a text that are read; more doesn't change the result
_BATCH_SIZE = 2_000  # articles that are Python strings at the same time


def add_languages(articles: pa.Table) -> pa.Table:
    """Return articles with the column `language` set: BCP 47, null if uncertain.

    Args:
        articles: columns text, embedded_text and language, see `RAW_NEWS`. Boilerplate doesn't
            count: an outlet's cookie notice may be in another language.
    """
    texts = embedded_texts(articles)
    chunks = [
        pa.array(
            [detect_language(t) for t in texts.slice(start, _BATCH_SIZE).to_pylist()], pa.string()
        )
        for start in range(0, len(texts), _BATCH_SIZE)
    ]
    place = articles.schema.get_field_index("language")
    field = RAW_NEWS.schema.field("language")
    return articles.set_column(place, field, pa.chunked_array(chunks, pa.string()))


def detect_language(text: str) -> str | None:
    """Return the language of a text (BCP 47); None if no language is probable enough."""
    language, probability = _classifier()(" ".join(text[:_MAX_CHARACTERS].split()))
    return language if probability >= MIN_PROBABILITY else None


def count_languages(articles: pa.Table) -> dict[str, int]:
    """Return the number of articles by language, the most frequent first, without unknown ones."""
    return dict(Counter(articles["language"].drop_null().to_pylist()).most_common())


def foreign_share(articles: pa.Table, language: str = "en") -> float:
    """Return the share of articles in other languages, among those whose language is known."""
    known = articles["language"].drop_null()
    return pc.sum(pc.not_equal(known, language)).as_py() / len(known) if len(known) else 0.0


@cache
def _classifier() -> Callable[[str], tuple[str, float]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    classify: Callable[[str], tuple[str, float]] = identifier.classify
    return classify
