"""Choose the document that stands for each story.

A story's exemplar is its medoid: the document with the least sum of squared Euclidean distances to
the others (Kaufman, Rousseeuw 1987). Headlines that name a story badly are passed over in favour of
the next most central document, if there is a better one: those with none of the story's first
keywords ("Live updates"), those much longer than the others, those in another language than most
articles of the story, and those that are no plain statements; see `headlines.is_plain`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from newsclust_pipeline.core.engine import IN_PROCESS, Engine, Rows
from newsclust_pipeline.stories.headlines import is_plain
from newsclust_pipeline.stories.tokens import tokenize

_TOPICAL = 3  # first keywords of a story; its exemplar's headline must contain one
_MAX_LENGTH = 1.5  # times the median length of a story's headlines: longer ones are paragraphs
_BLOCK = 1024  # stories whose exemplars are chosen at a time


@dataclass(frozen=True)
class _Story:
    """A story of m documents.

    Attributes:
        rows: (m,) its documents.
        titles: their headlines.
        in_main: (m,) whether they are in the story's main language or an unknown one.
        keywords: its first keywords.
    """

    rows: np.ndarray
    titles: list[str]
    in_main: np.ndarray
    keywords: list[str]


def exemplars(
    titles: Sequence[str],
    labels: np.ndarray,
    vectors: np.ndarray,
    keyword_lists: list[list[str]],
    in_main: np.ndarray,
    engine: Engine = IN_PROCESS,
) -> list[int]:
    """Return the row of every story's exemplar.

    Args:
        titles: n headlines.
        labels: (n,) the story of each document, from 0; −1 for none.
        vectors: (n, d), unit length.
        keyword_lists: the keywords of every story.
        in_main: (n,) whether a document is in its story's main language or an unknown one.
        engine: chooses the exemplars of many stories, in parts.
    """
    count = len(keyword_lists)
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(count + 1))

    def story(label: int) -> _Story:
        rows = order[starts[label] : starts[label + 1]]
        own = [titles[row] for row in rows.tolist()]
        return _Story(rows, own, in_main[rows], keyword_lists[label][:_TOPICAL])

    blocks = [range(first, min(first + _BLOCK, count)) for first in range(0, count, _BLOCK)]
    tasks = ([story(label) for label in block] for block in blocks)
    engine = engine if len(blocks) > 1 else IN_PROCESS
    return [row for found in engine.map(_choose, tasks, engine.share(vectors)) for row in found]


def _choose(stories: list[_Story], vectors: Rows) -> list[int]:
    """Return the exemplars of some stories.

    Between unit vectors, the squared distances from v to all m members add up to 2·m − 2·v·Σv: the
    medoid has the largest product with their sum. So the distances of all pairs are not needed.
    """
    found, start = list[int](), 0
    members = vectors[np.concatenate([story.rows for story in stories])]
    for story in stories:
        own = members[start : start + len(story.rows)]
        start += len(story.rows)
        centrality = own @ own.sum(axis=0, dtype=np.float64)
        # Differences in float32's last digits don't count; the first published wins a tie.
        found.append(int(story.rows[_best(np.argsort(-centrality.round(5), kind="stable"), story)]))
    return found


def _best(ranked: np.ndarray, story: _Story) -> int:
    """Return the first of a story's documents whose headlines have the fewest defects.

    Most stories have one without any among the first, so few headlines are looked at.

    Args:
        ranked: (m,) the story's documents, the most central one first.
        story: the story.
    """
    topical = {token.text for word in story.keywords for token in tokenize(word)}
    max_length = _MAX_LENGTH * np.median([len(title) for title in story.titles])
    best, fewest = -1, np.inf
    for document in ranked.tolist():
        title = story.titles[document]
        defects = (
            (not _is_suitable(title, topical, max_length))
            + (not story.in_main[document])
            + 0.5 * (not is_plain(title))
        )
        if defects < fewest:
            best, fewest = document, defects
        if defects <= (not topical):  # without keywords every headline has one defect
            break
    return best


def _is_suitable(title: str, topical: set[str], max_length: float) -> bool:
    """Return True if a headline can name a story: it is topical and not a whole paragraph."""
    return len(title) <= max_length and any(token.text in topical for token in tokenize(title))
