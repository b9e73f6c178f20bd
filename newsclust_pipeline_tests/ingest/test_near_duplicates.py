"""Near-copies are found, and nothing else is."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.ingest.near_duplicates import fold, near_copies

FERRY = (
    "A fire broke out in the engine room of the night ferry to Vesterglans on Tuesday, and all 212 "
    "passengers were brought ashore unhurt by lifeboats from three harbours before dawn."
)
MUSEUM = (
    "The museum of clocks in Harrowdene will open its vault to visitors for the first time since "
    "the flood of 1961, when two hundred timepieces were carried up to the attic by candlelight."
)
BRAND = (
    "Im Maschinenraum der Nachtfähre nach Vesterglans brach am Dienstag ein Feuer aus, alle 212 "
    "Fahrgäste kamen heil an Land."
)
KASAI = "火曜日の夜、夜行フェリーの機関室で火災が発生し、乗客全員が救助された。"
TRAILER = " Read more of our coverage on this page and sign up for the daily letter."


def articles(*rows):
    columns = ["title", "description", "venue"]
    return pa.table(
        {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(columns)}
    )


def stands(*rows, similarity=0.8):
    return near_copies(articles(*rows), similarity).tolist()


@pytest.mark.parametrize(
    "copy",
    [
        ("Night ferry catches fire, all safe", FERRY, "Morning Post"),
        ("Ferry fire off Vesterglans", FERRY + TRAILER, "Morning Post"),
        ("FERRY FIRE OFF VESTERGLANS", FERRY.upper(), "Morning Post"),
        ("UPDATE 1: Ferry fire off Vesterglans", FERRY, "Evening Star"),  # its own outlet
        ("Ferry fire off Vesterglans", FERRY.replace("Tuesday", "Tuesday evening"), None),
        ("Night ferry catches fire, all safe", FERRY, None),
    ],
    ids=["headline", "trailer", "case", "update", "a word more", "unknown outlet"],
)
def test_a_wire_story_in_another_dress_is_a_copy(copy):
    first = ("Ferry fire off Vesterglans", FERRY, "Evening Star")
    other = ("Clocks come to light", MUSEUM, "Evening Star")
    assert stands(first, other, copy) == [0, 1, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # An outlet's boilerplate under headlines of its own.
        (("Storm nears the coast", TRAILER, "Star"), ("Clocks come to light", TRAILER, "Star")),
        # Short texts agree by chance.
        (("Stocks rise", "Markets in brief.", "A"), ("Stocks fall", "Markets in brief.", "B")),
        # A round-up that quotes a short text is not that text.
        (("Ferry fire", FERRY, "A"), ("The week", f"{FERRY} {MUSEUM} {TRAILER}", "B")),
        # The same event in other words.
        (
            ("Ferry fire", FERRY, "A"),
            ("Ferry fire", "Lifeboats took 212 people off a burning ferry near Vesterglans.", "B"),
        ),
        # The same in another language.
        (
            ("Brand auf Fähre", BRAND, "A"),
            ("Ferry fire", FERRY, "B"),
        ),
        (("Ferry fire", None, "A"), ("Clocks", None, "B")),
    ],
    ids=["boilerplate", "short", "round-up", "other words", "translation", "no description"],
)
def test_what_only_looks_alike_is_none(one, other):
    assert stands(one, other) == [0, 1]
    assert stands(other, one) == [0, 1]


def test_copies_in_scripts_without_spaces_are_found():
    rows = [("フェリー火災", KASAI, "甲"), ("夜行船で火事", KASAI + "続きを読む", "乙")]
    assert stands(*rows) == [0, 0]


def test_forty_copies_stand_behind_the_first_and_only_there():
    copies = [(f"Headline number {i} says it its own way", FERRY, f"V{i}") for i in range(40)]
    rows = [("Clocks", MUSEUM, "A"), ("Ferry fire", FERRY, "A"), *copies]
    assert stands(*rows) == [0, 1] + [1] * 40


def test_no_chain_leads_from_one_text_to_another():
    words = (FERRY + " " + MUSEUM).replace(",", "").replace(".", "").split()
    windows = [" ".join(words[start : start + 24]) for start in range(0, 30, 3)]
    rows = [("Title", text, f"V{i}") for i, text in enumerate(windows)]
    found = stands(*rows, similarity=0.7)
    assert all(found[row] == row for row in found)  # whoever stands for others stands for itself
    assert len(set(found)) > 2


def test_a_higher_similarity_finds_fewer():
    changed = FERRY.replace("unhurt", "safe").replace("harbours", "ports")
    rows = [("Ferry fire", FERRY, "A"), ("Ferry fire", changed, "B")]
    assert stands(*rows, similarity=0.6) == [0, 0]
    assert stands(*rows, similarity=0.95) == [0, 1]


def test_agrees_with_comparing_all_pairs():
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(60)])
    bodies = [list(rng.choice(words, size=20)) for _ in range(25)]
    for original in list(bodies) * 3:
        body = list(original)
        for _ in range(rng.integers(0, 4)):
            body[rng.integers(0, len(body))] = rng.choice(words)
        bodies.append(body + list(rng.choice(words, size=rng.integers(0, 8))))
    rows = [("t", " ".join(body), f"V{i}") for i, body in enumerate(bodies)]

    def shingles(body):
        return {tuple(body[i : i + 3]) for i in range(len(body) - 2)}

    def alike(one, other):
        one, other = sorted((shingles(one), shingles(other)), key=len)
        return len(one & other) >= 0.7 * len(one)

    expected = []
    for i, body in enumerate(bodies):
        leaders = [j for j in range(i) if expected[j] == j and alike(bodies[j], body)]
        expected.append(min(leaders, default=i))
    assert len(set(expected)) < len(expected)
    assert stands(*rows, similarity=0.7) == expected


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_compare_is_no_exception(n):
    assert stands(*[("Ferry fire", FERRY, "A")] * n) == list(range(n))


def counted(*rows):
    """Articles with what folding counts: copies and outlets."""
    table = articles(*(row[:3] for row in rows))
    table = table.append_column("doc_id", pa.array([f"d{i}" for i in range(len(rows))]))
    table = table.append_column("copies", pa.array([row[3] for row in rows], pa.int32()))
    outlets = pa.array([row[4] for row in rows], pa.list_(pa.string()))
    return table.append_column("venues", outlets)


def test_the_one_that_stands_counts_all_copies_and_all_outlets():
    done = fold(
        counted(
            ("Ferry fire", FERRY, "B", 2, ["B", "C"]),
            ("Clocks", MUSEUM, "A", 1, ["A"]),
            ("Night ferry on fire", FERRY, "D", 3, ["C", "D"]),
            ("Fire on ferry", FERRY + TRAILER, None, 1, []),
        ),
        0.8,
    )
    assert done.table["doc_id"].to_pylist() == ["d0", "d1"]
    assert done.table["copies"].to_pylist() == [6, 1]
    assert done.table["venues"].to_pylist() == [["B", "C", "D"], ["A"]]
    assert done.folded.select(["doc_id", "stands"]).to_pylist() == [
        {"doc_id": "d2", "stands": "d0"},
        {"doc_id": "d3", "stands": "d0"},
    ]


@pytest.mark.parametrize("rows", [[], [("Ferry fire", FERRY, "B", 2, ["B"])] * 2])
def test_folding_can_be_switched_off_and_loses_nothing(rows):
    table = counted(*rows)
    done = fold(table, None)
    assert done.table.equals(table)
    assert done.folded.num_rows == 0
    assert done.folded.column_names == [*table.column_names, "stands"]
    assert fold(table, 0.8).table.schema == table.schema
