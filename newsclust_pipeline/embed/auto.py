"""Choose between the embedder for English and the one for many languages.

MiniLM is faster, and better for English. For articles in other languages it groups by language. A
changed embedder embeds all articles again and moves all positions on the map, so the choice is
stable: it changes only after the articles have asked for it in several runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ENGLISH, MULTILINGUAL = "minilm", "e5"
MAX_FOREIGN_SHARE = 0.1
RUNS_TO_CHANGE = 3


@dataclass(frozen=True)
class Choice:
    """An embedder and why it was chosen.

    Attributes:
        embedder: `ENGLISH` or `MULTILINGUAL`.
        reason: why, for the log and the map.
        opposed: number of runs in a row, up to this one, whose articles asked for the other one.
        is_substitute: whether the other one was needed but is not installed.
    """

    embedder: str
    reason: str
    opposed: int = 0
    is_substitute: bool = False

    @property
    def metadata(self) -> dict[str, str]:
        """The choice as metadata of a table, for `read_choice` in the next run."""
        return {
            "embedder_setting": "auto",
            "embedder_reason": self.reason,
            "embedder_opposed": str(self.opposed),
            "embedder_is_substitute": str(int(self.is_substitute)),
        }


def read_choice(metadata: Mapping[bytes, bytes] | None) -> Choice | None:
    """Return the choice of the last run from the metadata of its table; None if it made none."""
    values = {key.decode(): value.decode() for key, value in (metadata or {}).items()}
    opposed, is_substitute = (
        values.get(f"embedder_{n}", "0") for n in ("opposed", "is_substitute")
    )
    chosen = values.get("embedder_setting") == "auto" and values.get("embedder")
    if chosen not in {ENGLISH, MULTILINGUAL} or not (opposed + is_substitute).isdecimal():
        return None
    reason = values.get("embedder_reason", "")
    return Choice(chosen, reason, int(opposed), is_substitute != "0")


def choose(
    foreign_share: float, last: Choice | None, *, is_new: bool = True, installed: bool = True
) -> Choice:
    """Return the embedder for a set of articles.

    Args:
        foreign_share: share of the articles that are not in English.
        last: the choice of the last run; None if there is none.
        is_new: whether the articles differ from those of the last run.
        installed: whether the multilingual embedder is installed.
    """
    needed = MULTILINGUAL if foreign_share > MAX_FOREIGN_SHARE else ENGLISH
    share = f"{foreign_share:.1%} of the articles are not in English"
    if needed == MULTILINGUAL and not installed:
        return Choice(ENGLISH, f"{share}, but the multilingual model is missing", 0, True)
    if last is None or last.is_substitute or last.embedder == needed:
        return Choice(needed, share)
    opposed = last.opposed + is_new
    if opposed >= RUNS_TO_CHANGE:
        return Choice(needed, share)
    return Choice(last.embedder, f"{share}; unchanged since the last run", opposed)
