"""Texts with many common shingles are found, exactly as by comparing all pairs."""

import numpy as np
import pytest

from newsclust_pipeline.ingest.shingles import ShingleIndex, containment


class Bodies(list):
    """Texts without headlines."""

    def slice(self, start, length):
        return (("", body) for body in self[start : start + length])


def near_duplicates(bodies, similarity):
    """For each text the earlier ones that are near-duplicates."""
    index = ShingleIndex(Bodies(bodies), similarity)
    found = []
    for row in range(len(bodies)):
        found.append(sorted(index.near_duplicates(row)))
        index.add(row)
    return found


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.9, 1.0])
def test_the_index_finds_what_comparing_all_pairs_finds(similarity):
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(60)])
    bodies = [list(rng.choice(words, size=20)) for _ in range(25)]
    for original in list(bodies) * 3:
        body = list(original)
        for _ in range(rng.integers(0, 4)):
            body[rng.integers(0, len(body))] = rng.choice(words)
        bodies.append(body + list(rng.choice(words, size=rng.integers(0, 8))))
    texts = [" ".join(body) for body in bodies]
    expected = [
        [j for j in range(i) if containment(texts[j], texts[i]) >= similarity]
        for i in range(len(texts))
    ]
    assert any(expected)
    assert near_duplicates(texts, similarity) == expected


NINE = "one two three four five six seven eight nine"


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (NINE, NINE, 1),
        (NINE, NINE.upper(), 1),
        (NINE, f"{NINE} ten", 1),
        (NINE, NINE.replace("nine", "ten"), 6 / 7),
        (NINE, f"{NINE} {NINE.upper()} a b c d e f g h i", 0),  # more than twice as long
        ("船が沈んだ", "船が沈んだ。", 1),
        ("Read on", "read on!", 1),
        ("Read on", "Log in", 0),
        ("", "", 1),
    ],
)
def test_containment_is_the_share_of_the_shorter_text(one, other, share):
    assert containment(one, other) == containment(other, one) == pytest.approx(share)


def test_texts_of_few_shingles_are_not_found():
    assert near_duplicates([NINE, NINE], 0.5) == [[], []]
    assert near_duplicates([f"{NINE} ten eleven twelve"] * 2, 0.5) == [[], [0]]
