"""Write the generated tables: settings, run config and outputs in `docs/`, and `.env.example`.

`python -m scripts.docs_tables` writes the files; with `--check` it only reports which are outdated.
A generated part of a page stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
"""

import re
import sys
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import dagster as dg

from newsclust_pipeline.core.columns import Column
from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs.settings import SETTINGS, Setting
from newsclust_pipeline.schemas import TABLES

ROOT = Path(__file__).parents[1]


def settings_table() -> str:
    """Return the table of settings as Markdown."""
    rows = [f"| `{s.name}` | {shown_default(s)} | {s.meaning} |" for s in SETTINGS]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows])


def shown_default(setting: Setting) -> str:
    """Return a setting's default as the documentation shows it."""
    return setting.shown or f"`{setting.default}`"


def run_config_tables() -> str:
    """Return one table of parameters for every asset and check that has run config."""
    return "\n\n".join(
        "\n".join([f"### `{op}`", "", "| parameter | default | meaning |", "|---|---|---|", *rows])
        for op, rows in sorted(_parameters())
    )


def _parameters() -> Iterator[tuple[str, list[str]]]:
    job = build_defs().resolve_job_def("news_to_stories")
    for node in job.graph.nodes:
        schema: Any = node.definition.config_schema.config_type
        fields = getattr(schema, "fields", {})
        if fields:
            yield node.name, [_parameter(name, field) for name, field in fields.items()]


def _parameter(name: str, field: dg.Field) -> str:
    default = field.default_value if field.default_provided else None
    default = default.value if isinstance(default, Enum) else default
    shown = "unset" if default is None else f"`{str(default) if default != '' else chr(34) * 2}`"
    return f"| `{name}` | {shown} | {field.description or ''} |"


def column_tables() -> str:
    """Return one table of columns for every persisted table."""
    return "\n\n".join(
        "\n".join(
            [
                f"### `{name}.parquet`",
                "",
                table.description,
                "",
                "| column | type | meaning |",
                "|---|---|---|",
                *(f"| `{c.name}` | {_type(c)} | {c.description} |" for c in table.columns),
            ]
        )
        for name, table in TABLES.items()
    )


def _type(column: Column) -> str:
    kind = re.sub(r"fixed_size_list<[^>]*>\[\d+\]", "vector of float", str(column.type))
    kind = kind.replace("timestamp[us, tz=UTC]", "timestamp, UTC").replace(" not null", "")
    return f"{kind}{', or null' if column.nullable else ''}".replace("element: ", "")


def env_example() -> str:
    """Return the text of `.env.example`."""
    head = (
        "# Copy this file to .env and uncomment what you change. The value shown is the default.\n"
        "# The commands `newsclust …`, `dg …` and `dagster …` read .env from the folder in which\n"
        "# they are started. Generated from newsclust_pipeline/defs/settings.py.\n"
    )
    return head + "".join(f"\n{_commented(s)}#{s.name}={s.default}\n" for s in SETTINGS)


def _commented(setting: Setting) -> str:
    plain = re.sub(r" ?See \[[^]]*\]\([^)]*\)\.", "", setting.meaning).replace("`", "")
    if not setting.default:
        plain += f" Default: {setting.shown.replace('`', '')}."
    lines = textwrap.wrap(plain, 98, break_on_hyphens=False, break_long_words=False)
    return "".join(f"# {line}\n" for line in lines)


def replaced(page: str, name: str, content: str) -> str:
    """Return a page with the part between the markers of `name` replaced.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    head, found, rest = page.partition(begin)
    tail = rest.partition(end)
    if not found or not tail[1]:
        raise ValueError(f"no markers for {name!r}: add {begin} and {end} to the page")
    return f"{head}{begin}\n{content}\n{end}{tail[2]}"


def generated() -> dict[Path, str]:
    """Return every generated file with the text that it should have."""
    settings = ROOT / "docs" / "settings.md"
    page = replaced(settings.read_text(encoding="utf-8"), "settings", settings_table())
    outputs = ROOT / "docs" / "outputs.md"
    columns = replaced(outputs.read_text(encoding="utf-8"), "columns", column_tables())
    return {
        outputs: columns,
        settings: replaced(page, "run config", run_config_tables()),
        ROOT / ".env.example": env_example(),
    }


def main() -> int:
    """Write the outdated files; return 1 if `--check` found any."""
    outdated = {p: text for p, text in generated().items() if p.read_text("utf-8") != text}
    for path, text in outdated.items():
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {'outdated' if '--check' in sys.argv else 'written'}")
    return int(bool(outdated) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
