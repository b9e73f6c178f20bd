"""Headlines: plain statements are distinguished from questions, labels, lists and quotations."""

import pytest

from newsclust_pipeline.stories.headlines import clean_headline, is_plain


@pytest.mark.parametrize(
    ("title", "clean"),
    [
        ("Ferry fire kills two", "Ferry fire kills two"),
        ("LIVE: Ferry fire kills two", "Ferry fire kills two"),
        ("🔴 Live: Ferry fire kills two", "Ferry fire kills two"),
        ("Ferry fire kills two – video", "Ferry fire kills two"),
        ("Ferry fire kills two (PHOTOS, VIDEO)", "Ferry fire kills two"),
        ("Ferry fire kills two | Harbour Post", "Ferry fire kills two"),
        ("Ferry fire kills two - Harbour Post", "Ferry fire kills two"),
        ("WATCH: Ferry fire – video | News", "Ferry fire"),
        ("Ferry fire kills two – minister", "Ferry fire kills two – minister"),
        ("Ferry fire: captain held", "Ferry fire: captain held"),
        ("Vidéo : incendie du ferry", "incendie du ferry"),
        ("直播：渡轮火灾", "渡轮火灾"),
        ("Harbour Post", "Harbour Post"),
        ("LIVE", "LIVE"),
    ],
)
def test_labels_and_outlets_are_removed_at_both_ends(title, clean):
    assert clean_headline(title, ["Harbour Post"]) == clean


@pytest.mark.parametrize(
    "title",
    [
        "Ferry fire kills two", "Captain held after ferry fire: police", "Die Fähre brennt",
        "Minister says: ‘We will act’", "渡轮火灾致12人死亡", "We live longer than ever",
        "12 dead in ferry fire", "Police watch ferry burn",
    ],
)  # fmt: skip
def test_statements_are_plain(title):
    assert is_plain(title)


@pytest.mark.parametrize(
    "title",
    [
        "Did the captain flee?", "渡轮为何起火？", "¿Quién fue el capitán?", "Ferry in flames!",
        "LIVE: ferry burns", "Ferry fire live: latest news", "Ferry fire – podcast", "Live updates",
        "How the ferry burnt", "Ferry fire: what we know", "Warum die Fähre brannte",
        "Почему сгорел паром", "5 takeaways from the ferry fire", "10 things to know today",
        "“I jumped”: ferry survivor", "Ferry fire kills two and ...", "Ferry fire roundup: the day",
        "",
    ],
)  # fmt: skip
def test_questions_labels_lists_and_quotations_are_not(title):
    assert not is_plain(title)
