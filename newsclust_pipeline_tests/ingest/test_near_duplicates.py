"""Near-duplicates are found, and nothing else is."""

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.ingest.near_duplicates import deduplicate, find_near_duplicates

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


def originals(*rows, similarity=0.8):
    return find_near_duplicates(articles(*rows), similarity).tolist()


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
def test_a_republished_wire_story_is_a_near_duplicate(copy):
    first = ("Ferry fire off Vesterglans", FERRY, "Evening Star")
    other = ("Clocks come to light", MUSEUM, "Evening Star")
    assert originals(first, other, copy) == [0, 1, 0]


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
def test_articles_that_only_resemble_each_other_are_kept(one, other):
    assert originals(one, other) == [0, 1]
    assert originals(other, one) == [0, 1]


def test_near_duplicates_in_scripts_without_spaces_are_found():
    rows = [("フェリー火災", KASAI, "甲"), ("夜行船で火事", KASAI + "続きを読む", "乙")]
    assert originals(*rows) == [0, 0]


def test_forty_near_duplicates_have_the_first_as_their_original():
    copies = [(f"Headline number {i} says it its own way", FERRY, f"V{i}") for i in range(40)]
    rows = [("Clocks", MUSEUM, "A"), ("Ferry fire", FERRY, "A"), *copies]
    assert originals(*rows) == [0, 1] + [1] * 40


def test_originals_are_no_duplicates_themselves():
    words = (FERRY + " " + MUSEUM).replace(",", "").replace(".", "").split()
    windows = [" ".join(words[start : start + 24]) for start in range(0, 30, 3)]
    rows = [("Title", text, f"V{i}") for i, text in enumerate(windows)]
    found = originals(*rows, similarity=0.7)
    assert all(found[row] == row for row in found)
    assert len(set(found)) > 2


def test_a_higher_similarity_finds_fewer():
    changed = FERRY.replace("unhurt", "safe").replace("harbours", "ports")
    rows = [("Ferry fire", FERRY, "A"), ("Ferry fire", changed, "B")]
    assert originals(*rows, similarity=0.6) == [0, 0]
    assert originals(*rows, similarity=0.95) == [0, 1]


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
        earlier = [j for j in range(i) if expected[j] == j and alike(bodies[j], body)]
        expected.append(min(earlier, default=i))
    assert len(set(expected)) < len(expected)
    assert originals(*rows, similarity=0.7) == expected


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_articles_need_no_comparison(n):
    assert originals(*[("Ferry fire", FERRY, "A")] * n) == list(range(n))


def counted(*rows):
    """Return articles with the counts that deduplication adds up: copies and outlets."""
    table = articles(*(row[:3] for row in rows))
    table = table.append_column("doc_id", pa.array([f"d{i}" for i in range(len(rows))]))
    table = table.append_column("copies", pa.array([row[3] for row in rows], pa.int32()))
    outlets = pa.array([row[4] for row in rows], pa.list_(pa.string()))
    return table.append_column("venues", outlets)


def test_the_original_counts_the_copies_and_outlets_of_its_duplicates():
    unique = deduplicate(
        counted(
            ("Ferry fire", FERRY, "B", 2, ["B", "C"]),
            ("Clocks", MUSEUM, "A", 1, ["A"]),
            ("Night ferry on fire", FERRY, "D", 3, ["C", "D"]),
            ("Fire on ferry", FERRY + TRAILER, None, 1, []),
        ),
        0.8,
    )
    assert unique.table["doc_id"].to_pylist() == ["d0", "d1"]
    assert unique.table["copies"].to_pylist() == [6, 1]
    assert unique.table["venues"].to_pylist() == [["B", "C", "D"], ["A"]]
    assert unique.duplicates.select(["doc_id", "duplicate_of"]).to_pylist() == [
        {"doc_id": "d2", "duplicate_of": "d0"},
        {"doc_id": "d3", "duplicate_of": "d0"},
    ]


@pytest.mark.parametrize("rows", [[], [("Ferry fire", FERRY, "B", 2, ["B"])] * 2])
def test_deduplication_can_be_switched_off(rows):
    table = counted(*rows)
    unique = deduplicate(table, None)
    assert unique.table.equals(table)
    assert unique.duplicates.num_rows == 0
    assert unique.duplicates.column_names == [*table.column_names, "duplicate_of"]
    assert deduplicate(table, 0.8).table.schema == table.schema
