"""Headlines of a story → a title for it by a language model. Optional, with a time limit.

Headlines come from feeds and may contain instructions to the model. They are sent as data, but a
model may follow them all the same. Therefore an answer is only accepted if articles of several
outlets support every word of it; see `title_rules`.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.locations import Location, StoreError, address_of
from newsclust_pipeline.core.tables import embedded_texts
from newsclust_pipeline.stories.series import host_of
from newsclust_pipeline.stories.short_titles import short_titles
from newsclust_pipeline.stories.title_answers import answer_key, read_answers, write_answers
from newsclust_pipeline.stories.title_model import TitleModel
from newsclust_pipeline.stories.title_rules import Source, accept_title

HEADLINES = 8  # of a story that are sent to the model
_HEADLINE_LENGTH = 160  # characters of each


@dataclass(frozen=True)
class TitleResult:
    """Stories with their titles.

    Attributes:
        table: the stories; `title_source` is "model" where the model wrote the title.
        requests: number of stories sent to the model in this run. Other answers were kept before.
        rejected: number of stories whose answer is not acceptable: they keep their headline.
        warning: why some stories could not be sent to the model, or were sent again; may be empty.
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
    answers_path: Location,
    max_stories: int = 100,
    seconds: float = 60,
) -> TitleResult:
    """Replace headlines by a model's titles, for the largest stories first.

    Args:
        stories: schema `STORIES`, in its order.
        documents: their documents: label, probability, text, venues, url; language, if known.
        model: receives only stories whose headlines were not sent to it before.
        answers_path: the file in which its answers are kept.
        max_stories: maximum number of stories sent to the model.
        seconds: time limit for all of them. Stories without an answer keep their headline.
    """
    sources = _sources(documents, stories["label"].to_pylist())
    languages = [_main_language(found) for found in stories["languages"].to_pylist()]
    messages = [
        _message(k, s) for k, s in zip(stories["keywords"].to_pylist(), sources, strict=True)
    ]
    keys = [answer_key(model.model, message) for message in messages]
    answers, damage = read_answers(answers_path)
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
        except (OSError, StoreError) as fault:
            file = address_of(answers_path)
            warning = f"{file}: can't be written ({fault}): the model will be asked again."
    own = [answers.get(key) for key in keys]
    titles = [
        accept_title(answer, story_sources, language) if answer else None
        for answer, story_sources, language in zip(own, sources, languages, strict=True)
    ]
    rejected = sum(a is not None and t is None for a, t in zip(own, titles, strict=True))
    warning = " ".join(filter(None, [damage, warning]))
    return TitleResult(_with_titles(stories, titles), requests, rejected, warning)


def _sources(documents: pa.Table, stories: Sequence[int]) -> list[list[Source]]:
    """Return the articles of these stories, the most probable members first.

    An article without an outlet is attributed to the host of its address.
    """
    order = pc.sort_indices(documents, [("label", "ascending"), ("probability", "descending")])
    embedded = documents.append_column("embedded", embedded_texts(documents))
    columns = embedded.select(["label", "embedded", "venues", "url"]).take(order)
    sources: dict[int, list[Source]] = {story: [] for story in stories}
    for label, text, venues, url in zip(*(c.to_pylist() for c in columns.columns), strict=True):
        if label in sources:
            sources[label].append(Source(text, frozenset(venues or [host_of(url)])))
    return [sources[story] for story in stories]


def _main_language(languages: Sequence[dict[str, Any]]) -> str:
    """Return the most frequent language of a story; English if none is known."""
    return str(languages[0]["language"]) if languages else "en"


def _message(keywords: Sequence[str], sources: Sequence[Source]) -> str:
    """Return the message about a story. JSON marks where the data ends."""
    headlines = [s.text.partition("\n")[0][:_HEADLINE_LENGTH] for s in sources[:HEADLINES]]
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
