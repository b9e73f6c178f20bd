"""Headlines of a story → a title for it by a language model. Optional, with a time limit.

Headlines come from feeds and may contain instructions to the model. They are sent as data, but a
model may follow them all the same. Therefore an answer is only accepted if it consists of words
that several of the story's articles use: the instruction in one article can't achieve that.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.stories.short_titles import short_titles
from newsclust_pipeline.stories.title_answers import answer_key, read_answers, write_answers
from newsclust_pipeline.stories.title_model import TitleModel
from newsclust_pipeline.stories.tokens import LEAD, same_stem, tokenize

HEADLINES = 8  # of a story that are sent to the model
_HEADLINE_LENGTH = 160  # characters of each
MAX_LENGTH = 120  # characters of a title
_VOCABULARY_TEXTS = 50  # articles of a story whose words a title may use
_SUPPORTED = 0.75  # share of a title's words that at least two of them use
# A link, or what Markdown or HTML would act on.
_MARKUP = re.compile(r"://|www\.|[<>{}\[\]|`*#\\]|[^\W\d_]\.[^\W\d_]{2}")
_QUOTES = "\"'“”„«»‘’「」『』 "


@dataclass(frozen=True)
class TitleResult:
    """Stories with their titles.

    Attributes:
        table: the stories; `title_source` is "model" where the model wrote the title.
        requests: number of stories sent to the model in this run. Other answers were kept before.
        rejected: number of stories whose answer is not acceptable: they keep their headline.
        warning: why some stories could not be sent to the model; empty if all were.
    """

    table: pa.Table
    requests: int = 0
    rejected: int = 0
    warning: str = ""

    @property
    def by_model(self) -> int:
        """Number of titles that the model wrote."""
        return int(pc.sum(pc.equal(self.table["title_source"], "model")).as_py() or 0)


def retitle(
    stories: pa.Table,
    documents: pa.Table,
    model: TitleModel,
    answers_path: Path,
    max_stories: int = 100,
    seconds: float = 60,
) -> TitleResult:
    """Replace headlines by a model's titles, for the largest stories first.

    Args:
        stories: schema `STORIES`, in its order.
        documents: their documents: label, probability, title, text.
        model: receives only stories whose headlines were not sent to it before.
        answers_path: the file in which its answers are kept.
        max_stories: maximum number of stories sent to the model.
        seconds: time limit for all of them. Stories without an answer keep their headline.
    """
    texts = _texts(documents, stories["label"].to_pylist())
    messages = [_message(s["keywords"], t) for s, t in zip(stories.to_pylist(), texts, strict=True)]
    keys = [answer_key(model.model, message) for message in messages]
    answers = read_answers(answers_path)
    new = [index for index, key in enumerate(keys) if key not in answers][:max_stories]
    requests, warning, deadline = 0, "", time.monotonic() + seconds
    try:
        for place, answer in model.answers([messages[index] for index in new], deadline):
            answers[keys[new[place]]] = answer
            requests += 1
    except NewsclustError as fault:
        warning = f"{fault}. {len(new) - requests} stories keep a headline as their title."
    if requests:
        try:
            write_answers(answers_path, answers, keys)
        except OSError as fault:
            warning = f"{answers_path}: can't be written ({fault}): the model will be asked again."
    own = [answers.get(key) for key in keys]
    titles = [acceptable(a, t) if a else None for a, t in zip(own, texts, strict=True)]
    rejected = sum(a is not None and t is None for a, t in zip(own, titles, strict=True))
    return TitleResult(_with_titles(stories, titles), requests, rejected, warning)


def acceptable(answer: str, texts: Sequence[str]) -> str | None:
    """Return the title that a model's answer contains, or None if it is not acceptable.

    A title is one line of readable characters, not too long, without links or markup. At least two
    of the articles use most of its words, or forms of them; short words don't count.
    """
    title = answer.strip().strip(_QUOTES)
    readable = all(c.isprintable() or c in "\u200c\u200d" for c in title)
    if not readable or not 3 <= len(title) <= MAX_LENGTH or _MARKUP.search(title):
        return None
    articles = Counter(
        token for text in texts[:_VOCABULARY_TEXTS] for token in {t.text for t in tokenize(text)}
    )
    shared = [token for token, count in articles.items() if count > 1]
    words = [token.text for token in tokenize(title) if len(token.text) > 3 or not token.spaced]
    supported = sum(any(same_stem(word, other) for other in shared) for word in words)
    return title if words and supported >= _SUPPORTED * len(words) else None


def _texts(documents: pa.Table, stories: Sequence[int]) -> list[list[str]]:
    """Return the leads of the articles of these stories, the most probable members first."""
    order = pc.sort_indices(documents, [("label", "ascending"), ("probability", "descending")])
    ordered = documents.select(["label", "text"]).take(order)
    texts: dict[int, list[str]] = {story: [] for story in stories}
    for label, text in zip(*(c.to_pylist() for c in ordered.columns), strict=True):
        if label in texts:
            texts[label].append(text[:LEAD])
    return [texts[story] for story in stories]


def _message(keywords: Sequence[str], texts: Sequence[str]) -> str:
    """Return the message about a story. JSON marks where the data ends."""
    headlines = [text.partition("\n")[0][:_HEADLINE_LENGTH] for text in texts[:HEADLINES]]
    return json.dumps({"keywords": list(keywords), "headlines": headlines}, ensure_ascii=False)


def _with_titles(stories: pa.Table, titles: Sequence[str | None]) -> pa.Table:
    """Replace headlines by titles, where there are any."""
    new = pa.array(titles, pa.string())
    title = pc.coalesce(new, stories["title"])
    short = short_titles(title.to_pylist(), stories["keywords"].to_pylist())
    for name, column in (
        ("title", title),
        ("title_source", pc.if_else(pc.is_valid(new), "model", stories["title_source"])),
        ("short_title", pa.array(short, pa.string())),
    ):
        place = stories.schema.get_field_index(name)
        stories = stories.set_column(place, stories.schema.field(name), column)
    return stories
