"""The languages of articles are detected, and uncertain ones are null."""

import pyarrow as pa
import pytest

from newsclust_pipeline.ingest.language import (
    add_languages,
    count_languages,
    detect_language,
    foreign_share,
)
from newsclust_pipeline.schemas import RAW_NEWS

HEADLINES = {
    "am": "በወደብ ከተማ በተነሳ እሳት ሁለት ሰዎች ሞቱ",
    "ar": "مقتل شخصين في حريق عبّارة قبالة الساحل",
    "cs": "Při požáru trajektu u pobřeží zahynuli dva lidé",
    "de": "Zwei Tote bei Brand auf einer Fähre vor der Küste",
    "el": "Δύο νεκροί από πυρκαγιά σε πλοίο ανοιχτά της ακτής",
    "en": "Two people die in a fire on a ferry off the coast",
    "es": "Dos muertos en el incendio de un ferri frente a la costa",
    "fa": "دو کشته در آتش‌سوزی کشتی در نزدیکی ساحل",
    "fi": "Kaksi kuoli lautan tulipalossa rannikon edustalla",
    "fr": "Deux morts dans l'incendie d'un ferry au large de la côte",
    "he": "שני הרוגים בשריפה במעבורת מול החוף",
    "hi": "तट के पास नौका में आग लगने से दो लोगों की मौत",
    "hu": "Két halott egy kompon keletkezett tűzben a part közelében",
    "it": "Due morti nell'incendio di un traghetto al largo della costa",
    "ja": "沖合でフェリーが炎上、二人が死亡",
    "ko": "해안 앞바다 여객선 화재로 두 명 사망",
    "nl": "Twee doden bij brand op een veerboot voor de kust",
    "pl": "Dwie osoby zginęły w pożarze promu u wybrzeży",
    "pt": "Dois mortos no incêndio de uma balsa ao largo da costa",
    "ru": "Двое погибли при пожаре на пароме у побережья",
    "sv": "Två döda i brand på en färja utanför kusten",
    "th": "เรือเฟอร์รี่ไฟไหม้นอกชายฝั่ง เสียชีวิตสองคน",
    "tr": "Kıyı açıklarında feribotta çıkan yangında iki kişi öldü",
    "uk": "Двоє людей загинули під час пожежі на поромі біля узбережжя",
    "vi": "Hai người chết trong vụ cháy phà ngoài khơi",
    "zh": "渡轮在海岸附近起火，两人死亡",
}


def articles(texts):
    rows = [
        {"doc_id": str(n), "title": t, "text": t, "dump": "d", "copies": 1, "venues": []}
        for n, t in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows, RAW_NEWS.schema)


@pytest.mark.parametrize(("language", "headline"), HEADLINES.items(), ids=HEADLINES)
def test_a_headline_is_in_its_language(language, headline):
    assert detect_language(headline) == language


@pytest.mark.parametrize("text", ["", " \n", "2026", "🔥🔥", "Q3 2026: +4.2 %", "Reuters"])
def test_a_text_without_words_has_no_language(text):
    assert detect_language(text) is None


SPREAD_OUT = "Zwei\nTote bei Brand auf einer Fähre\n\nvor der Küste"


@pytest.mark.parametrize("text", [HEADLINES["de"].upper(), SPREAD_OUT])
def test_capitals_and_line_breaks_do_not_matter(text):
    assert detect_language(text) == "de"


def test_the_column_has_the_language_of_every_article_in_all_batches(monkeypatch):
    monkeypatch.setattr("newsclust_pipeline.ingest.language._BATCH_SIZE", 4)
    table = add_languages(articles([*HEADLINES.values(), "2026"]))
    assert table["language"].to_pylist() == [*HEADLINES, None]
    assert table.schema == RAW_NEWS.schema


def test_boilerplate_in_another_language_does_not_count():
    notice = "We and our partners use cookies to improve this site and to show advertisements. "
    table = articles([HEADLINES["de"] + "\n" + 4 * notice])
    assert add_languages(table)["language"].to_pylist() == ["en"], "the notice is longer"
    place = table.schema.get_field_index("embedded_text")
    cleaned = pa.array([HEADLINES["de"]], pa.string())
    table = table.set_column(place, RAW_NEWS.schema.field("embedded_text"), cleaned)
    assert add_languages(table)["language"].to_pylist() == ["de"]


def test_counts_and_shares_leave_unknown_languages_out():
    table = add_languages(articles([HEADLINES["en"]] * 3 + [HEADLINES["de"], "2026"]))
    assert count_languages(table) == {"en": 3, "de": 1}
    assert foreign_share(table) == 0.25
    assert foreign_share(add_languages(articles(["2026"]))) == 0
    assert foreign_share(add_languages(articles([]))) == 0


def test_headlines_of_the_english_sample_are_not_taken_for_foreign(sample_rows):
    # 24 articles of the sample are French or German, on purpose.
    titles = [row["title"] for row in sample_rows if row["title"]]
    counts = count_languages(add_languages(articles(titles)))
    assert counts.keys() == {"en", "de", "fr"}
    assert counts["de"] + counts["fr"] == 24
