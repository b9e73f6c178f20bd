"""The history of stories: events between recorded runs, in one table that only grows.

The events are those of MONIC (Spiliopoulou, Ntoutsi, Theodoridis, Schult 2006). A run whose stories
differ from those of the run before adds one row per story of either run:

| event | the story | `other_story_id` |
|---|---|---|
| continued, grown, shrunk | has as many, more, fewer documents than before | – |
| split | is new; of its documents that were in a story, more than half were in one | that one |
| born | is new otherwise, or returns with `shared` of its last documents | – |
| merged | is gone; of its documents still present, more than half are in one story | that one |
| ended | is gone otherwise | – |

Each row also lists the documents that `joined` and `left` the story. So the table is both the
history and the record from which stories get their ids: one file, replaced in one step.
"""

import hashlib
import json
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.core.errors import HistoryError
from newsclust_pipeline.core.files import copy_file, exists, move
from newsclust_pipeline.core.locations import Location, address_of
from newsclust_pipeline.core.markdown import markdown_table
from newsclust_pipeline.core.parquet import read_parquet
from newsclust_pipeline.schemas import STORY_LINEAGE
from newsclust_pipeline.stories.events import story_events
from newsclust_pipeline.stories.identity import MEMBERS, name_stories, split_members

HISTORY = STORY_LINEAGE.schema
EVENTS = ("born", "continued", "grown", "shrunk", "merged", "split", "ended")
GONE = ("merged", "ended")
_PARAMETERS = b"parameters"  # key in the schema's metadata: parameters of the labels last recorded
# Chosen for the documents at hand if `tuning` is auto: their changes follow from the news.
_TUNED = frozenset(
    {
        "algorithm",
        "min_samples",
        "min_cluster_size",
        "cluster_selection_method",
        "cluster_selection_epsilon",
        "allow_single_cluster",
        "cut_height",
        "min_cohesion",
    }
)
_RECORDED = b"recorded"  # key in the schema's metadata: digest of the labels last recorded


def read_history(path: Location) -> pa.Table:
    """Return the history, schema `HISTORY`; empty if there is no file yet.

    Raises:
        HistoryError: the file can't be read or is damaged, or it is missing although its previous
            generation is there.
    """
    place = address_of(path)
    if not exists(path):
        if exists(previous_generation(path)):
            raise HistoryError(
                f"{place}: the history of the stories is missing, but its previous generation is "
                f"there. To continue from it, run: newsclust repair. To begin a new history, move "
                f"{previous_generation(path).name} away: stories may get other ids."
            )
        return HISTORY.empty_table()
    try:
        table = read_parquet(path)
        schema = HISTORY.with_metadata(table.schema.metadata)
        if "parameters_changed" not in table.column_names:  # written by version 0.1
            missing = pa.nulls(table.num_rows, pa.string())
            table = table.append_column("parameters_changed", missing)
        return table.select(HISTORY.names).cast(schema)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise HistoryError(
            f"{place}: the history of the stories can't be read ({error}). To continue from its "
            "previous generation, run: newsclust repair. Or put a backup in its place. Or, to "
            "begin a new history, move the file away: stories may get other ids."
        ) from None


def previous_generation(path: Location) -> Location:
    """Return the path of the history as it was before the last run that changed it."""
    return path.with_suffix(f".previous{path.suffix}")


def restore_history(path: Location) -> str:
    """Replace a missing or damaged history by its previous generation; return what was done.

    A damaged file is kept beside it, with ".damaged" in its name.

    Raises:
        HistoryError: the history is damaged, and so is its previous generation, or it is missing.
    """
    previous = previous_generation(path)
    try:
        read_history(path)
    except HistoryError:
        if not exists(previous):
            raise
        read_history(previous)
        damaged = path.with_suffix(f".damaged{path.suffix}")
        if exists(path):
            move(path, damaged)
        copy_file(previous, path)
        place = address_of(path)
        return f"{place}: restored from {previous.name}. The events of the last run are lost."
    return f"{address_of(path)}: nothing to repair."


def members(history: pa.Table) -> pa.Table:
    """Return the documents of all stories in the history, schema `identity.MEMBERS`."""
    last = _last_rows(history, "event")
    ended = last.index[last["event"].isin(GONE)]
    living = pa.array(last["story_id"].drop(ended), pa.string())
    rows = history.filter(pc.is_in(history["story_id"], living))
    # A document's last move in a story counts. It can't both join and leave in one row.
    moves = pd.concat([_moves(rows, "joined"), _moves(rows, "left")]).sort_values("row")
    moves = moves.drop_duplicates(["doc_id", "story_id"], keep="last")
    present = moves[moves["move"] == "joined"].assign(living=True)
    last = _moves(history.take(pa.array(ended, pa.int64())), "left").assign(living=False)
    return pa.Table.from_pandas(pd.concat([present, last]), MEMBERS, preserve_index=False)


def record(
    history: pa.Table, labels: pa.Table, stories: pa.Table, run_id: str, at: datetime
) -> pa.Table:
    """Append a run's events to the history; append nothing if its labels are recorded already.

    Args:
        history: as returned by `read_history`.
        labels: columns doc_id, label, story_id (null for noise), of this run; their parameters are
            the metadata of the schema.
        stories: columns story_id, title, of this run.
        run_id: the id of this run.
        at: when this run began.

    Raises:
        HistoryError: the labels got their ids from another history than this.
    """
    digest = _digest(labels)
    if (history.schema.metadata or {}).get(_RECORDED) == digest:
        return history
    known = members(history)
    _check_ids(labels, known)
    titles = _titles(history, labels, stories)
    parameters = _parameters(labels)
    shared = {"run_id": run_id, "at": at, "parameters_changed": _changes(history, parameters)}
    rows = [
        {**shared, "title": titles[row["story_id"]], **row} for row in story_events(known, labels)
    ]
    grown = pa.concat_tables([history.cast(HISTORY), pa.Table.from_pylist(rows, HISTORY)])
    return grown.replace_schema_metadata(
        {_RECORDED: digest, _PARAMETERS: json.dumps(parameters, sort_keys=True)}
    )


def _parameters(labels: pa.Table) -> dict[str, str]:
    metadata = labels.schema.metadata or {}
    return {key.decode(): value.decode() for key, value in metadata.items()}


def _changes(history: pa.Table, parameters: dict[str, str]) -> str | None:
    """Return the parameters that changed since the last recorded run; None if none did."""
    recorded = (history.schema.metadata or {}).get(_PARAMETERS)
    if recorded is None:
        return None
    before: dict[str, str] = json.loads(recorded)
    tuned = before.get("tuning") == parameters.get("tuning") == "auto"
    names = sorted((before.keys() | parameters.keys()) - (_TUNED if tuned else set()))
    changes = [
        f"{name}: {before.get(name)} → {parameters.get(name)}"
        for name in names
        if before.get(name) != parameters.get(name)
    ]
    return ", ".join(changes) or None


def is_recorded(history: pa.Table, labels: pa.Table) -> bool:
    """Return True if the living stories of the history have exactly the documents of the labels."""
    living, _ = split_members(members(history))
    now = labels.select(["doc_id", "story_id"]).drop_null()
    pairs = set(living[["doc_id", "story"]].itertuples(index=False, name=None))
    return pairs == set(zip(*(now[name].to_pylist() for name in now.column_names), strict=True))


def rows_of_run(history: pa.Table, run_id: str) -> pa.Table:
    """Return a run's rows."""
    return history.filter(pc.equal(history["run_id"], run_id))


def count_events(rows: pa.Table) -> dict[str, int]:
    """Return the number of rows by event, with 0 for events that don't occur."""
    counts = dict.fromkeys(EVENTS, 0)
    for event in rows["event"].to_pylist():
        counts[event] += 1
    return counts


def as_markdown(rows: pa.Table, max_rows: int = 50) -> str:
    """Return merges and splits as a Markdown table, those that share most documents first."""
    pairs = rows.filter(pc.is_in(rows["event"], pa.array(["merged", "split"])))
    pairs = pairs.sort_by([("shared", "descending"), ("story_id", "ascending")])
    titles = dict(zip(rows["story_id"].to_pylist(), rows["title"].to_pylist(), strict=True))
    return markdown_table(
        {"event": "left", "articles": "right", "story": "left", "other story": "left"},
        [
            [
                f"{row['event']} {'into' if row['event'] == 'merged' else 'from'}",
                row["shared"],
                row["title"],
                titles[row["other_story_id"]],
            ]
            for row in pairs.slice(0, max_rows).to_pylist()
        ],
    )


def _last_rows(history: pa.Table, column: str) -> pd.DataFrame:
    """Return every story's last row: story_id and a column, indexed by row number."""
    frame = history.select(["story_id", column]).to_pandas()
    return frame.drop_duplicates("story_id", keep="last")


def _moves(history: pa.Table, move: str) -> pd.DataFrame:
    """Return a row per document that joined or left: doc_id, story_id, row of the history, move."""
    lists = history[move].combine_chunks()
    row = pc.list_parent_indices(lists)
    story_id = history["story_id"].take(row)
    table = pa.table({"doc_id": pc.list_flatten(lists), "story_id": story_id, "row": row})
    return table.to_pandas().assign(move=move)


def _digest(labels: pa.Table) -> bytes:
    """Return a digest of the story of every document. It doesn't depend on the order of rows."""
    table = labels.select(["doc_id", "story_id"]).sort_by("doc_id")
    digest = hashlib.sha256()
    for doc_id, story_id in zip(*(table[n].to_pylist() for n in table.column_names), strict=True):
        digest.update(f"{doc_id} {story_id or ''}\n".encode())
    return digest.hexdigest().encode()


def _check_ids(labels: pa.Table, known: pa.Table) -> None:
    """Raise HistoryError if the history, as it is now, would give the stories other ids."""
    label = np.asarray(labels["label"])
    names = name_stories(labels["doc_id"].to_numpy(), label, known)
    expected = [names[number] if number != NOISE else None for number in label.tolist()]
    if labels["story_id"].to_pylist() != expected:
        raise HistoryError(
            "hdbscan_labels.parquet: its stories were named by another history than the one in "
            "story_lineage.parquet. Materialise hdbscan_labels again, then story_lineage."
        )


def _titles(history: pa.Table, labels: pa.Table, stories: pa.Table) -> dict[str, str]:
    """Return the title of every story: today's, or else the last recorded."""
    known = _last_rows(history, "title")
    titles = dict(zip(known["story_id"], known["title"], strict=True))
    titles |= dict(zip(stories["story_id"].to_pylist(), stories["title"].to_pylist(), strict=True))
    now = set(labels["story_id"].drop_null().to_pylist())
    if now - titles.keys():
        raise HistoryError(
            f"{len(now - titles.keys())} of {len(now)} stories of hdbscan_labels.parquet have no "
            "title: the stories were described before. Materialise everything from "
            "hdbscan_labels on again."
        )
    return titles
