"""The history of stories: right events, recorded once, never lost."""

import html
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt

from newsclust_pipeline.cluster.condensed_tree import NOISE
from newsclust_pipeline.cluster.hdbscan import Clusters
from newsclust_pipeline.core.errors import HistoryError
from newsclust_pipeline.core.files import atomic_path
from newsclust_pipeline.core.parquet import write_parquet
from newsclust_pipeline.stories import identity, lineage
from newsclust_pipeline.stories.labels import labels_table

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
EMPTY = lineage.HISTORY.empty_table()


def labelled(history, clusters, noise=""):
    """Return the labels of clusters (a letter per document), as the pipeline makes them."""
    clusters = sorted(clusters, key=len, reverse=True)
    label = {doc_id: row for row, documents in enumerate(clusters) for doc_id in documents}
    doc_id = np.array(sorted([*label, *noise]), dtype=np.str_)
    labels = np.array([label.get(d, NOISE) for d in doc_id.tolist()], dtype=np.int32)
    names = identity.name_stories(doc_id, labels, lineage.members(history))
    return labels_table(
        doc_id, Clusters(labels, np.ones(len(labels)), np.ones(len(clusters))), names
    )


def headlines(labels):
    stories = labels["story_id"].drop_null().unique().to_pylist()
    return pa.table(
        {
            "story_id": pa.array(stories, pa.string()),
            "title": pa.array([f"Headline of {s}" for s in stories], pa.string()),
        }
    )


def record(history, labels, run):
    at = START + timedelta(days=run)
    return lineage.record(history, labels, headlines(labels), f"run{run}", at)


def replay(*runs):
    """Record a run for every clustering (clusters, or clusters and noise); return the history."""
    history = EMPTY
    for number, run in enumerate(runs):
        clusters, noise = run if isinstance(run, tuple) else (run, "")
        history = record(history, labelled(history, clusters, noise), number)
    return history


def rows(history, run=None):
    """Return the rows of the last run (or another) by story: event, other, sizes, shared."""
    run = run or history["run_id"][-1].as_py()
    return {
        row["story_id"]: (
            row["event"], row["other_story_id"], row["size_before"], row["size_after"],
            row["shared"],
        )
        for row in lineage.rows_of_run(history, run).to_pylist()
    }  # fmt: skip


def test_first_stories_are_born():
    assert rows(replay(["abc", "xy"])) == {
        "sa": ("born", None, 0, 3, 0),
        "sx": ("born", None, 0, 2, 0),
    }


def test_stories_continue_grow_and_shrink_by_their_number_of_documents():
    history = replay(["abc", "ijk", "xyz"], ["abd", "hijk", "xy"])
    assert rows(history) == {
        "sa": ("continued", None, 3, 3, 2),
        "si": ("grown", None, 3, 4, 3),
        "sx": ("shrunk", None, 3, 2, 2),
    }


def test_a_story_that_joins_another_is_merged_into_it():
    assert rows(replay(["abcde", "xyz"], ["abcdexyz"])) == {
        "sa": ("grown", None, 5, 8, 5),
        "sx": ("merged", "sa", 3, 0, 3),
    }


def test_four_equal_stories_that_fuse_are_merged_into_the_one_that_is_born():
    assert rows(replay(["abc", "def", "ghi", "jkl"], ["abcdefghijkl"])) == {
        "sa-2": ("born", None, 0, 12, 0),
        "sa": ("merged", "sa-2", 3, 0, 3),
        "sd": ("merged", "sa-2", 3, 0, 3),
        "sg": ("merged", "sa-2", 3, 0, 3),
        "sj": ("merged", "sa-2", 3, 0, 3),
    }


def test_a_part_that_leaves_a_story_is_split_from_it():
    assert rows(replay(["abcdefgh"], ["abcde", "fghi"])) == {
        "sa": ("shrunk", None, 8, 5, 5),
        "sf": ("split", "sa", 0, 4, 3),
    }


def test_a_story_that_falls_to_pieces_has_ended_and_they_are_split_from_it():
    pieces = ["abc", "def", "ghi", "jkl"]
    assert rows(replay(["abcdefghijkl"], pieces)) == {
        "sa-2": ("split", "sa", 0, 3, 3),
        "sd": ("split", "sa", 0, 3, 3),
        "sg": ("split", "sa", 0, 3, 3),
        "sj": ("split", "sa", 0, 3, 3),
        "sa": ("ended", None, 12, 0, 0),
    }


def test_a_new_story_without_a_majority_from_another_is_born():
    history = replay(["abcdef", "uvwxyz"], ["abcd", "uvwx", "efyz"])
    assert rows(history)["se"] == ("born", None, 0, 4, 0)


def test_a_story_whose_documents_are_noise_now_has_ended():
    assert rows(replay(["abc", "xyz"], (["abc"], "xyz"))) == {
        "sa": ("continued", None, 3, 3, 3),
        "sx": ("ended", None, 3, 0, 0),
    }


def test_a_story_whose_documents_have_all_left_the_dump_has_ended():
    assert rows(replay(["abc", "xyz"], ["abc"]))["sx"] == ("ended", None, 3, 0, 0)


def test_a_story_whose_documents_mostly_became_noise_is_not_merged():
    history = replay(["abcde", "vwxyz"], (["abcdeyz"], "vwx"))
    assert rows(history)["sv"] == ("ended", None, 5, 0, 0)


def test_documents_that_left_the_dump_do_not_hide_a_merger():
    history = replay(["abcde", "vwxyz"], ["abcdez"])
    assert rows(history)["sv"] == ("merged", "sa", 5, 0, 1)


def test_a_story_that_returns_is_born_again_under_its_id():
    history = replay(["abc", "xyz"], (["abc"], "xyz"), ["abc", "wxyz"])
    assert rows(history)["sx"] == ("born", None, 0, 4, 3)
    assert lineage.rows_of_run(history, "run2")["overlap"].to_pylist() == [0.75, 1.0]


def test_a_merged_story_that_splits_off_again_gets_its_id_back():
    history = replay(["abcde", "xyz"], ["abcdexyz"], ["abcde", "xyz"])
    assert rows(history) == {
        "sa": ("shrunk", None, 8, 5, 5),
        "sx": ("split", "sa", 0, 3, 3),
    }


def test_mergers_follow_one_another():
    history = replay(
        ["abcdefghi", "opqrs", "xyz"], ["abcdefghi", "opqrsxyz"], ["abcdefghiopqrsxyz"]
    )
    assert rows(history, "run1")["sx"] == ("merged", "so", 3, 0, 3)
    assert rows(history) == {
        "sa": ("grown", None, 9, 17, 9),
        "so": ("merged", "sa", 8, 0, 8),
    }


def test_stories_that_swap_documents_continue_and_no_one_merges():
    assert rows(replay(["abcde", "vwxyz"], ["abcyz", "devwx"])) == {
        "sa": ("continued", None, 5, 5, 3),
        "sv": ("continued", None, 5, 5, 3),
    }


def test_every_story_has_one_row_a_run():
    history = replay(["abcdefgh", "xyz"], ["abcde", "fghi", "xyzk"], ["abcdefghi"])
    for run in ("run0", "run1", "run2"):
        stories = lineage.rows_of_run(history, run)["story_id"].to_pylist()
        assert len(set(stories)) == len(stories)
    assert lineage.rows_of_run(history, "run1").num_rows == 3


def test_all_stories_can_become_noise_and_return():
    history = replay(["abc", "xyz"], ([], "abcxyz"), ["abc", "xyz"])
    assert {row[0] for row in rows(history, "run1").values()} == {"ended"}
    assert rows(history) == {"sa": ("born", None, 0, 3, 3), "sx": ("born", None, 0, 3, 3)}


def test_runs_without_documents_or_stories_are_recorded():
    assert replay([], []).num_rows == 0
    assert replay(([], "abc")).num_rows == 0
    history = replay([], ["abc"], [], ["abc"])
    assert history["event"].to_pylist() == ["born", "ended", "born"]
    assert history.schema.equals(lineage.HISTORY)


def test_the_overlap_counts_documents_that_are_present_and_were_in_a_story():
    history = replay((["abcdef"], "n"), ["cdefnz"])
    assert lineage.rows_of_run(history, "run1")["overlap"].to_pylist() == [1.0]
    history = replay(["abcdef"], (["bcd"], "ef"))
    assert lineage.rows_of_run(history, "run1")["overlap"].to_pylist() == [3 / 5]


def test_rows_hold_run_time_and_the_documents_that_joined_and_left():
    history = replay(["abcd", "xyz"], ["bcdef"])
    assert lineage.rows_of_run(history, "run1").to_pylist() == [
        {
            "run_id": "run1", "at": START + timedelta(days=1), "story_id": "sa", "event": "grown",
            "other_story_id": None, "size_before": 4, "size_after": 5, "shared": 3, "overlap": 1.0,
            "title": "Headline of sa", "joined": ["e", "f"], "left": ["a"],
            "parameters_changed": None,
        },
        {
            "run_id": "run1", "at": START + timedelta(days=1), "story_id": "sx", "event": "ended",
            "other_story_id": None, "size_before": 3, "size_after": 0, "shared": 0, "overlap": 0.0,
            "title": "Headline of sx", "joined": [], "left": ["x", "y", "z"],
            "parameters_changed": None,
        },
    ]  # fmt: skip


def test_the_same_labels_in_any_order_of_rows_add_nothing():
    history = replay(["abc"], ["abcd", "xyz"])
    labels = labelled(history, ["abcd", "xyz"])
    assert record(history, labels, 7) is history
    assert record(history, labels.take(pa.array(range(7))[::-1]), 7) is history


def test_new_documents_that_are_noise_make_a_run_in_which_stories_continue():
    history = replay(["abc"], (["abc"], "x"))
    assert history["event"].to_pylist() == ["born", "continued"]


def test_members_are_those_of_the_last_run_and_the_last_ones_of_ended_stories():
    history = replay(["abc", "mno", "xyz"], ["abcd", "no", "xyz"], (["bcdno"], "xyz"))
    living, ended = identity.split_members(lineage.members(history))
    assert living.groupby("story")["doc_id"].agg("".join).to_dict() == {"sa": "bcdno"}
    assert ended.groupby("story")["doc_id"].agg("".join).to_dict() == {"sm": "no", "sx": "xyz"}


def test_a_document_that_left_a_story_and_returned_is_a_member():
    history = replay(["abcx"], (["abc"], "x"), ["abcx"])
    living, _ = identity.split_members(lineage.members(history))
    assert sorted(living["doc_id"]) == ["a", "b", "c", "x"]


def test_recorded_labels_are_recognised():
    history = replay(["abc", "xyz"])
    assert lineage.is_recorded(history, labelled(history, ["abc", "xyz"]))
    assert not lineage.is_recorded(history, labelled(history, ["abc", "xyzw"]))
    assert not lineage.is_recorded(history, labelled(history, ["abc"], noise="xyz"))
    assert lineage.is_recorded(EMPTY, labelled(EMPTY, [], noise="abc"))


def test_labels_named_by_another_history_are_refused():
    """Another run has recorded in between, or a backup was restored."""
    late = labelled(EMPTY, ["bcd"])
    history = replay(["abcd"])
    with pytest.raises(HistoryError, match=r"named by another history.*hdbscan_labels again"):
        record(history, late, 1)


def test_a_run_that_recorded_nothing_has_no_effect():
    history = replay(["abc", "xyz"])
    labelled(history, ["abcxyz"])  # this run failed before it could record
    after = record(history, labelled(history, ["abcd", "xyz"]), 2)
    assert rows(after) == {"sa": ("grown", None, 3, 4, 3), "sx": ("continued", None, 3, 3, 3)}


def write(path, history):
    with atomic_path(path) as temporary:
        write_parquet(history, temporary)
    return path.read_bytes()


def test_a_round_trip_keeps_the_history_and_the_same_runs_give_the_same_bytes(tmp_path):
    path = tmp_path / "story_lineage.parquet"
    runs = (["abc", "xyz"], (["abcx"], "yz"), ["abcx", "wyz"])
    history = replay(*runs)
    content = write(path, history)
    history_read = lineage.read_history(path)
    assert history_read.equals(history)
    assert write(path, history_read) == content == write(path, replay(*runs))
    assert record(history_read, labelled(history_read, runs[-1]), 9) is history_read


def test_no_file_is_an_empty_history(tmp_path):
    assert lineage.read_history(tmp_path / "story_lineage.parquet").equals(EMPTY)


@pytest.mark.parametrize("damage", ["cut", "empty", "another table", "a folder", "nulls"])
def test_an_unreadable_history_is_an_error_and_the_file_stays(tmp_path, damage):
    path = tmp_path / "story_lineage.parquet"
    content = write(path, replay(["abc"]))
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "another table":
        pq.write_table(pa.table({"story_id": ["sa"]}), path)
    elif damage == "nulls":
        table = pq.read_table(path).drop_columns("event")
        nothing = pa.nulls(table.num_rows, pa.string())
        pq.write_table(table.append_column("event", nothing), path)
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(HistoryError, match=r"story_lineage\.parquet: .*can't be read.*backup"):
        lineage.read_history(path)
    assert path.exists()


def test_a_history_rewritten_by_pandas_can_be_read(tmp_path):
    path = tmp_path / "story_lineage.parquet"
    history = replay(["abc", "xyz"])
    history.to_pandas().to_parquet(path)
    history_read = lineage.read_history(path)
    assert history_read.equals(history)
    assert lineage.members(history_read).equals(lineage.members(history))


def test_a_process_killed_while_writing_leaves_the_old_history(tmp_path):
    path = tmp_path / "story_lineage.parquet"
    content = write(path, replay(["abc"]))
    code = (
        "import os, pathlib, signal\n"
        "from newsclust_pipeline.core.files import atomic_path\n"
        f"with atomic_path(pathlib.Path({str(path)!r})) as temporary:\n"
        "    temporary.write_bytes(b'PAR1 half of it')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode < 0
    assert path.read_bytes() == content


def test_of_600_flipped_bits_none_gives_another_history(tmp_path):
    path = tmp_path / "story_lineage.parquet"
    history = replay(["abc", "xyz"], (["abcx"], "yz"), ["abcx", "wyz"])
    content = bytearray(write(path, history))
    rng = np.random.default_rng(1)
    refused = 0
    for place in rng.choice(8 * len(content), 600, replace=False).tolist():
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            assert lineage.read_history(path).equals(history)
        except HistoryError:
            refused += 1
        content[place // 8] ^= 1 << place % 8
    assert refused > 200


def test_a_missing_history_with_a_previous_generation_is_an_error_and_can_be_restored(tmp_path):
    path = tmp_path / "story_lineage.parquet"
    history = replay(["abc"])
    write(lineage.previous_generation(path), history)
    with pytest.raises(HistoryError, match=r"is missing.*newsclust repair"):
        lineage.read_history(path)
    assert "restored from story_lineage.previous.parquet" in lineage.restore_history(path)
    assert lineage.read_history(path).equals(history)
    assert "nothing to repair" in lineage.restore_history(path)


def test_a_damaged_history_is_restored_and_kept_beside_it(tmp_path):
    path = tmp_path / "story_lineage.parquet"
    write(lineage.previous_generation(path), replay(["abc"]))
    path.write_bytes(b"PAR1 damaged")
    lineage.restore_history(path)
    assert lineage.read_history(path).equals(replay(["abc"]))
    assert (tmp_path / "story_lineage.damaged.parquet").read_bytes() == b"PAR1 damaged"


def test_a_damaged_history_without_a_sound_previous_generation_stays_as_it_is(tmp_path):
    path = tmp_path / "story_lineage.parquet"
    path.write_bytes(b"PAR1 damaged")
    with pytest.raises(HistoryError):
        lineage.restore_history(path)
    lineage.previous_generation(path).write_bytes(b"PAR1 damaged, too")
    with pytest.raises(HistoryError):
        lineage.restore_history(path)
    assert path.read_bytes() == b"PAR1 damaged"


def test_events_are_counted():
    history = replay(["abcdefgh", "xyz"], ["abcde", "fghi"])
    assert lineage.count_events(lineage.rows_of_run(history, "run1")) == {
        "born": 0, "continued": 0, "grown": 0, "shrunk": 1, "merged": 0, "split": 1, "ended": 1,
    }  # fmt: skip
    assert set(lineage.count_events(EMPTY).values()) == {0}


def test_mergers_and_splits_are_shown_with_both_headlines():
    history = replay(["abcdefghi", "vw"])
    labels = labelled(history, ["abcdevw", "fghi"])
    titles = {"sa": "*Ferry* | fire", "sf": "<b>Odd</b>"}
    stories = pa.table({"story_id": list(titles), "title": list(titles.values())})
    done = lineage.record(history, labels, stories, "run1", START)
    table = lineage.as_markdown(lineage.rows_of_run(done, "run1"))
    shown = MarkdownIt("commonmark").enable("table").render(table)
    cells = [html.unescape(cell) for cell in re.findall("<td[^>]*>(.*?)</td>", shown)]
    assert cells == [
        "split from", "4", "<b>Odd</b>", "*Ferry* | fire",
        "merged into", "2", "Headline of sv", "*Ferry* | fire",
    ]  # fmt: skip


def test_a_story_without_a_title_is_an_error_with_a_remedy():
    labels = labelled(EMPTY, ["abc", "xyz"])
    with pytest.raises(HistoryError, match=r"1 of 2 stories.*no title.*again"):
        lineage.record(EMPTY, labels, headlines(labels).slice(1), "run0", START)


def record_with(history, clusters, parameters, run):
    labels = labelled(history, clusters).replace_schema_metadata(parameters)
    return record(history, labels, run)


def changes_of(history, run):
    return set(lineage.rows_of_run(history, f"run{run}")["parameters_changed"].to_pylist())


def test_events_after_other_parameters_say_so():
    history = record_with(EMPTY, ["abcd"], {"min_samples": "3", "k": "50"}, 0)
    assert changes_of(history, 0) == {None}, "there is no run before"
    history = record_with(history, ["abc"], {"min_samples": "8", "k": "50"}, 1)
    assert changes_of(history, 1) == {"min_samples: 3 → 8"}
    history = record_with(history, ["abcd"], {"min_samples": "8", "k": "50"}, 2)
    assert changes_of(history, 2) == {None}


def test_parameters_that_tuning_chooses_follow_from_the_news():
    history = record_with(EMPTY, ["abcd"], {"tuning": "auto", "min_samples": "1"}, 0)
    history = record_with(history, ["abc"], {"tuning": "auto", "min_samples": "3"}, 1)
    assert changes_of(history, 1) == {None}


def test_a_history_of_version_0_1_is_read(tmp_path):
    history = replay(["abc"])
    pq.write_table(history.drop(["parameters_changed"]), tmp_path / "history.parquet")
    read = lineage.read_history(tmp_path / "history.parquet")
    assert read.schema.equals(lineage.HISTORY)
    assert read["parameters_changed"].to_pylist() == [None]
