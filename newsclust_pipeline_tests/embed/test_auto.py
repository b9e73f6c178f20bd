"""The automatic choice of the embedder follows the languages, but not at once."""

import pytest

from newsclust_pipeline.embed.auto import RUNS_TO_CHANGE, Choice, choose, read_choice


@pytest.mark.parametrize(
    ("share", "embedder"), [(0, "minilm"), (0.1, "minilm"), (0.11, "e5"), (1, "e5")]
)
def test_more_than_a_tenth_in_other_languages_takes_the_multilingual_embedder(share, embedder):
    choice = choose(share, None)
    assert choice.embedder == embedder
    assert f"{share:.1%} of the articles are not in English" in choice.reason


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.5), (0.5, 0.0)])
def test_the_choice_changes_after_three_runs_in_a_row(first, second):
    choice = choose(first, None)
    before = choice.embedder
    for run in range(1, RUNS_TO_CHANGE):
        choice = choose(second, choice)
        assert (choice.embedder, choice.opposed) == (before, run)
        assert "unchanged" in choice.reason
    choice = choose(second, choice)
    assert choice.embedder != before
    assert choice.opposed == 0


def test_a_run_that_agrees_begins_the_count_again():
    choice = choose(0.5, choose(0.5, choose(0.0, None)))
    assert choice.opposed == 2
    assert choose(0.0, choice) == choose(0.0, None)


def test_a_rerun_with_the_same_articles_changes_nothing():
    choice = choose(0.5, choose(0.0, None))
    assert choose(0.5, choice, is_new=False) == choice


def test_a_missing_model_is_replaced_until_it_is_installed():
    substitute = choose(0.5, None, installed=False)
    assert (substitute.embedder, substitute.is_substitute) == ("minilm", True)
    assert choose(0.5, substitute).embedder == "e5"


@pytest.mark.parametrize("choice", [Choice("e5", "all", 2), Choice("minilm", "none", 0, True)])
def test_a_choice_is_read_back_from_the_metadata(choice):
    metadata = {"embedder": choice.embedder} | choice.metadata
    assert read_choice({k.encode(): v.encode() for k, v in metadata.items()}) == choice


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {b"embedder": b"e5", b"embedder_setting": b"e5"},
        {b"embedder": b"bge-m3", b"embedder_setting": b"auto"},
        {b"embedder": b"e5", b"embedder_setting": b"auto", b"embedder_opposed": b"many"},
    ],
)
def test_other_metadata_hold_no_choice(metadata):
    assert read_choice(metadata) is None
