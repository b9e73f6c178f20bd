"""One setting: an environment variable with what the documentation says of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """One environment variable.

    Attributes:
        name: of the variable.
        parameter: what a message of a package below `defs/` calls it, `component.parameter`.
        meaning: one sentence, in Markdown.
        default: the value in force where the variable is unset or empty.
        shown: what the documentation shows as the default, where that is not `default` itself.
        is_secret: whether the value must never be shown or stored.
    """

    name: str
    parameter: str
    meaning: str
    default: str = ""
    shown: str = ""
    is_secret: bool = False
