"""The file in which a title model's answers are kept, so that no story is paid for twice."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.stories.title_model import PROMPT

_MAX_ANSWERS = 20_000


def answer_key(model: str, message: str) -> str:
    """Return the key under which a model's answer to a message is kept."""
    content = json.dumps([model, PROMPT, message])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def read_answers(path: Path) -> dict[str, str]:
    """Return the answers of earlier runs by key; none if the file can't be read.

    A damaged file loses little: the stories are sent to the model again.
    """
    try:
        answers = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(answers, dict):
        return {}
    return {key: text for key, text in answers.items() if isinstance(text, str)}


def write_answers(path: Path, answers: dict[str, str], used: Sequence[str]) -> None:
    """Write the answers, those of this run last. The oldest are dropped beyond 20,000."""
    in_use = {key: answers[key] for key in used if key in answers}
    content = {key: text for key, text in answers.items() if key not in in_use} | in_use
    content = dict(list(content.items())[-_MAX_ANSWERS:])
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
