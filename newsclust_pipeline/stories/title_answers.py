"""The file in which a title model's answers are kept, so that no story is paid for twice."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from newsclust_pipeline.core.checksums import add_checksum, verify_checksum
from newsclust_pipeline.core.files import read_text, write_text
from newsclust_pipeline.core.locations import Location, address_of
from newsclust_pipeline.stories.title_model import PROMPT

_MAX_ANSWERS = 20_000


def answer_key(model: str, message: str) -> str:
    """Return the key under which a model's answer to a message is kept."""
    content = json.dumps([model, PROMPT, message])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def read_answers(path: Location) -> tuple[dict[str, str], str]:
    """Return the answers of earlier runs by key, and what is wrong with the file; "" if nothing is.

    Answers that are damaged are left out: their stories are sent to the model again.
    """
    try:
        entries = json.loads(read_text(path))
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        return {}, f"{address_of(path)}: can't be read ({error}): the model is asked again."
    read = (
        {k: _answer(k, e) for k, e in entries.items()} if isinstance(entries, dict) else {"": None}
    )
    answers = {key: answer for key, answer in read.items() if answer is not None}
    lost = len(read) - len(answers)
    problem = (
        f"{address_of(path)}: {lost:,} answers are damaged: the model is asked again."
        if lost
        else ""
    )
    return answers, problem


def _answer(key: str, entry: Any) -> str | None:
    """Return the answer of an entry; None if it is damaged. Former versions kept no checksum."""
    try:
        answer = (
            entry if isinstance(entry, str) else verify_checksum(entry | {"key": key})["answer"]
        )
    except (ValueError, KeyError, TypeError):
        return None
    return answer if isinstance(answer, str) else None


def write_answers(path: Location, answers: dict[str, str], used: Sequence[str]) -> None:
    """Write the answers, those of this run last. The oldest are dropped beyond 20,000."""
    in_use = {key: answers[key] for key in used if key in answers}
    content = {key: text for key, text in answers.items() if key not in in_use} | in_use
    content = dict(list(content.items())[-_MAX_ANSWERS:])
    entries = {key: _entry(key, answer) for key, answer in content.items()}
    write_text(json.dumps(entries, ensure_ascii=False), path)


def _entry(key: str, answer: str) -> dict[str, Any]:
    """Return an answer with the checksum of the answer and its key."""
    entry = add_checksum({"key": key, "answer": answer})
    del entry["key"]
    return entry
