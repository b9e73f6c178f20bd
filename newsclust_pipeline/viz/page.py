"""The map: one self-contained HTML page with every document, every story and its parameters.

This module assembles the page. Its data come from page_data.py, its figure from figure.py; looks
and behaviour are the template, the style and the scripts in `web/`. Equal arguments give equal
bytes.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources
from string import Template

import pyarrow as pa

from newsclust_pipeline.search.graph import Neighbours
from newsclust_pipeline.viz import geometry, page_data
from newsclust_pipeline.viz.figure import figure_json
from newsclust_pipeline.viz.headline import headline
from newsclust_pipeline.viz.history import History, read_history
from newsclust_pipeline.viz.page_data import noise_count, visible_text
from newsclust_pipeline.viz.sampling import thin

LIMIT = 150_000  # documents that a browser draws well


def build_page(
    points: pa.Table,
    stories: pa.Table,
    facts: Mapping[str, str],
    limit: int = LIMIT,
    lineage: pa.Table | None = None,
    neighbours: Neighbours | None = None,
) -> str:
    """Return the page as HTML: offline, self-contained, byte-identical for equal arguments.

    Args:
        points: one row per document: `doc_id`, `title`, `description`, `venue`, `url` (strings,
            all but the first two may be null), `published_at` (timestamp, UTC, or null),
            `copies` (int), `label` (int, −1 = in no story), `x`, `y` (map units), and `z` for a
            map in space; `language` (string or null) and `date_suspect` (bool).
        stories: one row per story, the leading ones first: `story_id`, `label`, `title`,
            `short_title`, `kind`, `keywords` (list of strings), `size`, `copies`, `outlets`,
            `exemplar_doc_id`, `topic_id`, `topic`, `first_published`, `last_published`
            (timestamps or null).
        facts: name → value, listed in the footer in this order.
        limit: above this number of documents the map shows a sample that keeps every story, and
            the footer says so.
        lineage: the history of the stories, as `story_lineage` has it.
        neighbours: nearest documents of every document, for lists of similar articles.

    Returns:
        The page. Without documents a sentence takes the place of the map.

    Raises:
        KeyError: a column is missing; the message names it.
    """
    history = read_history(lineage)
    shown = page_data.noise_first(thin(points, stories, limit))
    positions = geometry.separate_coincident(page_data.coordinates(shown))
    bounds = geometry.map_bounds(positions)
    beyond = geometry.outside(positions, bounds)
    data = page_data.page_data(points, shown, stories, positions, history, neighbours)
    in_space = points.num_rows > 0 and positions.shape[1] == 3
    parts = {
        "headline": escape(headline(points, stories, data["storyShort"], history)),
        "summary": escape(_summary(points, stories)),
        "noise_share": _percent(_noise_share(points)),
        "noise_hidden": "" if noise_count(shown) else " hidden",
        "outside": f"+{beyond:,} outside",
        "outside_hidden": "" if beyond else " hidden",
        "map": _map_slot(points),
        "gone": _gone(history),
        "facts": _facts(_document_facts(points, shown) | dict(facts)),
        "figure": figure_json(bounds) if in_space else "null",
        "data": _packed(_json(data)),
    }
    return _assemble(parts, with_plotly=in_space)


def footer_facts(*schemas: pa.Schema) -> dict[str, str]:
    """Return the parameters for the page's footer from the metadata of the stages' schemas."""
    metadata = {key: value for schema in schemas for key, value in (schema.metadata or {}).items()}
    names = (name for name in _FOOTER if name.encode() in metadata)
    return {name: metadata[name.encode()].decode() for name in names}


def sign(html: str, facts: Mapping[str, str]) -> str:
    """Return the page with footer facts that differ between runs; empty facts remove them.

    They are followed by their CRC-32, so that `is_signed` notices damage.
    """
    text = _facts(facts)
    end = f"<!--/run {_crc(text)}-->" if facts else "<!--/run-->"
    return _RUN_FACTS.sub(lambda _: f"<!--run-->{text}{end}", html, count=1)


def is_signed(html: str) -> bool:
    """Return True if a page has facts of a run, and they are as they were written."""
    found = _RUN_FACTS.search(html)
    return found is not None and _crc(found[1]) == found[2]


def _crc(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


_FOOTER = (
    "embedder",
    "model",
    "embedder_reason",
    "k",
    "min_samples",
    "min_cluster_size",
    "cluster_selection_method",
    "n_neighbors",
    "min_dist",
    "random_state",
)
_RUN_FACTS = re.compile("<!--run-->(.*?)<!--/run ?([0-9a-f]*)-->", flags=re.DOTALL)


def _noise_share(points: pa.Table) -> float:
    """Return the share of documents that belong to no story, 0 to 1."""
    return noise_count(points) / points.num_rows if points.num_rows else 0.0


def _percent(share: float) -> str:
    """Return a share as in "41.5 %", with a no-break space."""
    return f"{share:.1%}".removesuffix("%").removesuffix(".0") + "\u00a0%"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,}\u00a0{one if number == 1 else many}"


def _summary(points: pa.Table, stories: pa.Table) -> str:
    counts = [
        _count(points.num_rows, "article", "articles"),
        _count(stories.num_rows, "story", "stories"),
    ]
    if points.num_rows:
        counts.append(f"{_percent(_noise_share(points))} in no story")
    return " · ".join(counts)


def _document_facts(points: pa.Table, shown: pa.Table) -> dict[str, str]:
    """Return the number of documents and, if the map shows a sample, how many of them."""
    total = {"articles": f"{points.num_rows:,}"}
    if shown.num_rows == points.num_rows:
        return total
    noise, all_noise = noise_count(shown), noise_count(points)
    return total | {
        "sample": f"the map shows {shown.num_rows:,} of them: every story, with "
        f"{shown.num_rows - noise:,} of {points.num_rows - all_noise:,} articles, and "
        f"{noise:,} of {all_noise:,} in no story"
    }


def _map_slot(points: pa.Table) -> str:
    if points.num_rows:
        return (
            f'<div id="map" tabindex="0" role="application" aria-label="Map of '
            f"{_count(points.num_rows, 'article', 'articles')}. Arrow keys move it, plus and minus "
            "zoom, 0 shows all, Enter opens the article in the middle. The lists beside it have "
            'the same articles."><canvas id="density" hidden></canvas><canvas id="dots"></canvas>'
            '<svg id="leaders" aria-hidden="true"></svg><div id="labels" aria-hidden="true"></div>'
            '<canvas id="marks"></canvas></div>'
        )
    return '<p class="empty">No articles yet.<br>The map appears with the first of them.</p>'


def _gone(history: History) -> str:
    """Return a paragraph on the stories that ended or merged in the newest run."""
    if not history.gone:
        return ""
    items = [
        f"<bdi>{escape(visible_text(str(story['title'])) or '')}</bdi>"
        + (" (merged)" if story["event"] == "merged" else "")
        for story in history.gone[:12]
    ]
    rest = len(history.gone) - len(items)
    more = f" and {rest} more" if rest > 0 else ""
    return f"<p>Ended since the previous run: {'; '.join(items)}{more}.</p>"


def _facts(facts: Mapping[str, str]) -> str:
    items = (
        f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(visible_text(value) or '')}</bdi></dd></div>"
        for name, value in facts.items()
    )
    return "".join(items)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _packed(text: str) -> str:
    """Return a text deflated, in base64: smaller, and without anything that HTML parsers act on."""
    return base64.b64encode(zlib.compress(text.encode())).decode("ascii")


def _assemble(parts: Mapping[str, str], *, with_plotly: bool) -> str:
    plotly, packed = _plotly() if with_plotly else ("", "")
    code = {"style": _file("page.css"), "script": _script()}
    plotly_style = _PLOTLY_STYLE.search(plotly)
    return Template(_file("template.html")).substitute(
        parts,
        policy=_policy(code | {"plotly": plotly}),
        plotly=packed,
        plotly_style=f'<style id="{plotly_style[1]}"></style>' if plotly_style else "",
        **code,
    )


@cache
def _plotly() -> tuple[str, str]:
    """Return the script of plotly.js, plain and packed."""
    from plotly.offline import get_plotlyjs

    script = get_plotlyjs()
    return script, _packed(script)


# plotly.js adds the style of a map library that this page doesn't use, unless an element with its
# id exists. The template has that element, so that the policy has nothing to refuse.
_PLOTLY_STYLE = re.compile(r'createElement\("style"\);\w+\.id="([0-9a-f]{64})"')

# In this order a script stands behind all that it imports.
SCRIPTS = (
    "text", "search", "filters", "address", "view", "grid", "timescale", "placing", "data",
    "state", "draw", "gestures", "surface", "palette", "labels", "camera", "density", "marks",
    "flat", "space", "card", "timeline", "story", "panel", "choices", "sharing", "navigation",
    "main",
)  # fmt: skip
_IMPORT = re.compile(r'^import ({[^}]+}|\* as \w+) from "\./(\w+)\.js";$', flags=re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:const|function) (\w+))", flags=re.MULTILINE)
_TYPES = re.compile(r"/\*\*.*?\*/ ?", flags=re.DOTALL)  # only tsc reads them


def _script() -> str:
    """Return all scripts as one, each wrapped in a function, as the page can't import."""
    return "\n".join(_module(name, _file(f"{name}.js")) for name in SCRIPTS)


def _module(name: str, text: str) -> str:
    exported = ", ".join(match[1] for match in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1", _IMPORT.sub(_binding, _TYPES.sub("", text)))
    return f"const {name}Module = await (async () => {{\n{body}\nreturn {{ {exported} }};\n}})();"


def _binding(match: re.Match[str]) -> str:
    names = match[1].removeprefix("* as ").replace(" as ", ": ")
    return f"const {names} = {match[2]}Module;"


def _file(name: str) -> str:
    return resources.files(__package__).joinpath("web", name).read_text(encoding="utf-8")


def _policy(code: Mapping[str, str]) -> str:
    """Return the Content-Security-Policy: this style, these scripts, no request.

    Only a map in space has plotly.js, whose WebGL needs 'unsafe-eval': it compiles its drawing
    commands at run time. The flat map's own drawing needs nothing of the kind.
    """
    scripts, styles = [_digest(code["script"])], [_digest(code["style"])]
    if code["plotly"]:
        scripts += [_digest(code["plotly"]), "'unsafe-eval'"]
        styles.append(_digest(""))  # Plotly adds an empty style element and fills it by the CSSOM
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(scripts)}",
            f"style-src {' '.join(styles)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
