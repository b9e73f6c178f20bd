"""Embedding with a service over real HTTP: exact vectors in their rows, in spite of faults."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from itertools import chain, repeat

import numpy as np
import pyarrow as pa
import pytest

from newsclust_pipeline.core.errors import EmbeddingError, ServiceError, SettingError
from newsclust_pipeline.core.tables import matrix
from newsclust_pipeline.embed import openai
from newsclust_pipeline.embed.base import embed
from newsclust_pipeline.embed.client import OPENAI
from newsclust_pipeline.embed.openai import EmbeddingService
from newsclust_pipeline_tests.embedding_server import FAULTS, EmbeddingServer, at_random, vector_of

NEWS = [f"Headline {number}: Ålesund ferry 🔥" for number in range(40)]
KEY = "sk-secret-1234567890"
LONG = "Bakers of Odda walk out. " * 100  # 2,500 characters


@pytest.fixture
def server():
    with EmbeddingServer() as running:
        yield running


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def log(caplog):
    """All log records, including the HTTP library's debugging."""
    caplog.set_level(logging.DEBUG)
    return caplog


def service(server, **settings):
    return EmbeddingService(
        settings.pop("model", server.model),
        settings.pop("base_url", server.url),
        settings.pop("api_key", ""),
        **{"batch_size": 4, "max_retries": 0, "timeout": 20, **settings},
    )


def encoded(embedder, texts):
    """Return the vectors in the order of the texts; every text must have one."""
    batches = list(embedder.encode(texts))
    positions = np.concatenate([p for p, _ in batches])
    assert sorted(positions) == list(range(len(texts)))
    return np.concatenate([v for _, v in batches])[np.argsort(positions)]


def expected(texts):
    return np.stack([vector_of(text) for text in texts])


def error_of(embedder, texts=NEWS):
    """Return the traceback and the message of the error that embedding raises."""
    with pytest.raises((EmbeddingError, ServiceError)) as raised:
        list(embedder.encode(texts))
    # Logs show the traceback as well.
    return "".join(traceback.format_exception(raised.value)), str(raised.value)


def articles(texts):
    ids = [f"d{number}" for number in range(len(texts))]
    return pa.table({"doc_id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.string())})


def unused_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# Exact vectors


def test_every_text_gets_its_own_vector_exactly(server):
    vectors = encoded(service(server), NEWS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, expected(NEWS))
    assert sorted(server.texts) == sorted(NEWS)


@pytest.mark.parametrize("seed", [1, 2])
def test_vectors_are_exact_and_in_order_when_30_percent_of_requests_fail(server, seed):
    server.faults = at_random(0.3, seed)
    embedder = service(server, batch_size=1, concurrency=20, max_retries=8, timeout=1)
    np.testing.assert_array_equal(encoded(embedder, NEWS), expected(NEWS))
    assert len(server.requests) > 1.2 * len(NEWS)  # some requests failed


@pytest.mark.parametrize("fault", FAULTS)
def test_a_request_is_repeated_after_each_kind_of_fault(server, fault):
    server.faults = chain([fault], repeat(""))
    embedder = service(server, max_retries=1, timeout=0.5)
    np.testing.assert_array_equal(encoded(embedder, NEWS[:2]), expected(NEWS[:2]))
    assert len(server.requests) == 2


def test_a_request_is_repeated_no_earlier_than_retry_after(server):
    server.faults, server.retry_after = chain(["429 with Retry-After"], repeat("")), "1.2"
    encoded(service(server, max_retries=1), NEWS[:1])
    first, second = server.requests
    assert second - first >= 1.2  # without the header it waits at most 0.5 s


def test_items_in_another_order_are_sorted_by_index(server):
    server.change = lambda items: items[::-1]
    np.testing.assert_array_equal(encoded(service(server), NEWS), expected(NEWS))


@pytest.mark.parametrize(("encoding", "requests"), [("base64", 5), ("ignored", 5), ("refused", 6)])
def test_base64_is_requested_once_from_a_service_without_it(server, encoding, requests):
    server.encoding = encoding
    embedder = service(server, concurrency=1)
    np.testing.assert_array_equal(encoded(embedder, NEWS[:20]), expected(NEWS[:20]))
    assert len(server.requests) == requests


def test_the_prompt_goes_before_every_text(server):
    vectors = encoded(service(server, prompt="query: "), NEWS[:5])
    np.testing.assert_array_equal(vectors, expected(["query: " + text for text in NEWS[:5]]))


def test_lone_surrogates_and_nul_are_replaced_before_they_are_sent(server):
    encoded(service(server), ["Ferry \ud83d fire", "Otter\0s"])
    assert server.texts == ["Ferry ? fire", "Otter\ufffds"]


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_text_is_an_error_before_anything_is_sent(server, blank):
    _, message = error_of(service(server), [*NEWS, blank])
    assert "text 40: is empty" in message
    assert not server.requests


def test_no_texts_give_no_batches_and_no_requests(server):
    assert list(service(server).encode([])) == []
    assert not server.requests


# Batches


def test_requests_have_at_most_batch_size_texts(server):
    batches = [len(positions) for positions, _ in service(server, batch_size=7).encode(NEWS)]
    assert sorted(batches) == [5, 7, 7, 7, 7, 7]


def test_requests_have_at_most_100_000_characters(server):
    embedder = service(server, batch_size=64, prompt="p" * 10_000)
    texts = ["a" * 40_000, "b" * 40_000, "c" * 300_000, "d", "e"]
    batches = sorted(positions.tolist() for positions, _ in embedder.encode(texts))
    assert batches == [[0, 1], [2], [3, 4]]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_concurrency_is_the_number_of_requests_at_the_same_time(server, concurrency):
    server.delay = 0.03
    encoded(service(server, batch_size=2, concurrency=concurrency), NEWS)
    assert server.most_in_flight == concurrency


def test_requests_wait_for_a_slow_consumer(server):
    batches = service(server, batch_size=1, concurrency=2).encode(NEWS)
    next(batches)
    time.sleep(0.3)
    assert len(server.requests) <= 3  # the first, and two more
    batches.close()


def test_a_batch_that_is_too_large_for_the_service_is_halved(server):
    server.most_texts = 3
    embedder = service(server, batch_size=16)
    np.testing.assert_array_equal(encoded(embedder, NEWS), expected(NEWS))
    assert sorted(server.texts) == sorted(NEWS)


def test_the_beginning_of_a_text_that_is_too_long_is_embedded_and_logged(server, log):
    server.most_characters = 1000
    texts = [*NEWS[:3], LONG, *NEWS[3:]]
    vectors = encoded(service(server, prompt="p"), texts)
    short = ["p" + text if text != LONG else "p" + LONG[: len(LONG) // 4] for text in texts]
    np.testing.assert_array_equal(vectors, expected(short))
    [record] = [r for r in log.records if r.name == openai.__name__]
    assert "of 2500 characters and accepted its first 625 (texts shortened so far: 1)" in (
        record.getMessage()
    )
    assert "Bakers of Odda" in record.getMessage()


def test_a_text_that_is_refused_at_any_length_gets_no_vector_but_a_reason(server):
    server.refused = "Bakers"
    embedder = service(server)
    vectors = encoded(embedder, [*NEWS[:2], LONG, *NEWS[2:6]])
    assert np.isnan(vectors[2]).all()
    np.testing.assert_array_equal(np.delete(vectors, 2, axis=0), expected(NEWS[:6]))
    assert "HTTP 400" in embedder.refusals[LONG]
    assert "can't be embedded" in embedder.refusals[LONG]
    assert len(server.requests) <= 20
    assert len(server.texts) <= 8  # no text was paid for twice


def test_if_every_text_is_refused_the_service_is_at_fault(server):
    server.most_characters = 0
    _, message = error_of(service(server), [LONG])
    assert "HTTP 400" in message


# Errors


def test_a_closed_port_is_an_error_in_bounded_time():
    embedder = EmbeddingService("m", f"http://127.0.0.1:{unused_port()}/v1", max_retries=1)
    before = time.monotonic()
    _, message = error_of(embedder)
    assert time.monotonic() - before < 5
    assert "can't be reached" in message
    assert "Check `embedder.base_url`" in message


def test_a_service_that_never_answers_is_an_error_in_bounded_time(server):
    server.faults = repeat("hang")
    before = time.monotonic()
    _, message = error_of(service(server, timeout=0.3, max_retries=1))
    assert time.monotonic() - before < 5
    assert "gave no answer within 0.3 s, 2 times" in message
    assert "Check `embedder.base_url`" in message


@pytest.mark.parametrize(
    ("fault", "advice"), [("429", "`embedder.concurrency`"), ("503", "`embedder.base_url`")]
)
def test_a_lasting_fault_is_an_error_that_quotes_the_service(server, fault, advice):
    server.faults = repeat(fault)
    _, message = error_of(service(server, max_retries=1))
    assert f"HTTP {fault}" in message
    assert "try later" in message
    assert advice in message
    assert len(server.requests) <= 2 * 4


def test_a_wrong_key_is_an_error_at_once_that_names_the_parameter(server):
    server.authorization = "Bearer right"
    _, message = error_of(service(server, api_key="wrong", max_retries=8, concurrency=1))
    assert "HTTP 401" in message
    assert "Check `embedder.api_key`" in message
    assert len(server.requests) == 1


def test_the_right_key_is_accepted(server):
    server.authorization = f"Bearer {KEY}"
    encoded(service(server, api_key=f"{KEY}\n"), NEWS[:1])


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (400, 2 * 4)])
def test_a_wrong_model_is_an_error_after_few_requests_that_names_it(server, status, requests):
    server.unknown_model = status
    embedder = service(server, model="hush", max_retries=8, concurrency=1)
    _, message = error_of(embedder)
    assert f"HTTP {status} to model hush: 'No model `hush`'" in message
    assert "`embedder.model`" in message
    assert len(server.requests) <= requests  # 400: 4 texts, 2, 1 and another one, in two formats


def test_an_address_without_its_path_is_an_error_that_says_so(server):
    _, message = error_of(service(server, base_url=server.url.removesuffix("/v1")))
    assert "HTTP 404" in message
    assert "`embedder.base_url`, which usually ends in /v1" in message


@pytest.mark.parametrize("fault", ["html", "not json", "no data"])
def test_an_answer_without_embeddings_is_an_error_that_quotes_it(server, fault):
    server.faults = repeat(fault)
    _, message = error_of(service(server, max_retries=8))
    assert "returned no embeddings but: " in message
    assert "Check `embedder.base_url`" in message
    assert len(server.requests) <= 4


def with_third(**changed):
    return lambda items: [{**item, **changed} if item["index"] == 2 else item for item in items]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda items: items[:2] + items[3:], "returned 3 vectors .* 4 texts", id="few"
        ),
        pytest.param(lambda items: items + items[:1], "returned 5 vectors .* 4 texts", id="many"),
        pytest.param(
            with_third(index=1), "4 vectors with 3 different .* 4 texts", id="index twice"
        ),
        pytest.param(with_third(index=7), "4 texts", id="index beyond"),
        pytest.param(with_third(index=None), "returned no embeddings", id="no index"),
        pytest.param(with_third(embedding=[1.0] * 9), r"dimensions \(\[8, 9\]\)", id="dimension"),
        pytest.param(with_third(embedding=[]), "returned no embeddings", id="empty"),
        pytest.param(with_third(embedding=None), "returned no embeddings", id="null"),
        pytest.param(with_third(embedding="AAAA"), "returned no embeddings", id="not of float32"),
        pytest.param(with_third(embedding="é"), "returned no embeddings", id="not base64"),
    ],
)
def test_an_answer_without_exactly_one_vector_per_text_is_an_error(server, change, message):
    server.change = change
    with pytest.raises(EmbeddingError, match=message):
        list(service(server).encode(NEWS[:4]))


def test_vectors_of_two_dimensions_from_a_halved_batch_are_an_error(server):
    server.most_texts = 2
    server.change = lambda items: [{**item, "embedding": [1.0] * len(items)} for item in items]
    with pytest.raises(EmbeddingError, match=r"dimensions \(\[1, 2\]\)"):
        list(service(server, batch_size=3).encode(NEWS[:3]))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param("drip", "gave no answer within 0.5 s", id="byte by byte"),
        pytest.param("large", "more than 2,097,152 bytes", id="too large"),
        pytest.param("gzip", "compressed", id="compressed"),
    ],
)
def test_an_answer_without_end_is_an_error_in_bounded_time_and_memory(server, fault, message):
    server.faults = repeat(fault)
    before = time.monotonic()
    _, text = error_of(service(server, timeout=0.5), NEWS[:4])
    assert message in text
    assert time.monotonic() - before < 5


def test_json_that_is_nested_too_deeply_is_an_error(server):
    server.faults = repeat("deep")
    _, text = error_of(service(server), NEWS[:4])
    assert "returned no embeddings" in text


def test_redirects_to_other_hosts_are_not_followed(server):
    with EmbeddingServer() as other:
        host = other.url.replace("127.0.0.1", "localhost")
        server.faults = repeat(f"redirect {host}/embeddings")
        _, text = error_of(service(server), NEWS[:4])
        assert not other.requests
    assert "redirects to localhost (HTTP 308)" in text
    assert "Set `embedder.base_url` to the final address" in text


# Secrets


@pytest.mark.parametrize("fault", ["", "500", "hang", "reset", "html", "wrong key", "dead"])
@pytest.mark.parametrize("key", [KEY, ""], ids=["key", "password"])
def test_no_secret_is_in_any_error_or_log(server, log, fault, key):
    host = server.url.removeprefix("http://")
    user = "" if key else "ada:pass%2Fw0rd@"
    embedder = service(
        server,
        base_url=f"http://{user}{host}/?token=t0k3n-abc",
        api_key=key,
        max_retries=1,
        timeout=0.3,
    )
    trace = ""
    if fault == "dead":
        server.__exit__()
    elif fault == "wrong key":
        server.authorization = f"Bearer right, not {KEY} or pass/w0rd or t0k3n-abc"
        server.change = None
    elif fault:
        server.faults = repeat(fault)
    if fault:
        trace, _ = error_of(embedder, NEWS[:4])
    else:
        np.testing.assert_array_equal(encoded(embedder, NEWS[:4]), expected(NEWS[:4]))
    logged = "".join(logging.Formatter().format(record) for record in log.records)
    assert "HTTP Request" in logged or fault in {"hang", "reset", "dead"}
    for secret in (KEY, "pass/w0rd", "pass%2Fw0rd", "t0k3n-abc", "YWRhOnBhc3"):
        assert secret not in trace + logged + embedder.fingerprint


def test_a_password_in_the_address_beside_a_key_is_an_error(server):
    with pytest.raises(SettingError, match=r"`embedder\.base_url`: .*replace `embedder\.api_key`"):
        service(server, base_url="http://ada:secret@localhost/v1", api_key=KEY)


def test_a_key_that_the_service_repeats_is_removed_from_the_message(server):
    server.authorization = "Bearer right"
    trace, message = error_of(service(server, api_key=KEY))
    assert "'No: Bearer …'" in message
    assert KEY not in trace


# Settings


def test_an_empty_model_is_an_error():
    with pytest.raises(SettingError, match=r"`embedder.model`"):
        EmbeddingService("", "http://localhost/v1")


def test_openais_own_service_needs_a_key():
    with pytest.raises(SettingError, match=r"`embedder.api_key` is not set.*`embedder.base_url`"):
        EmbeddingService("text-embedding-3-small")
    assert OPENAI in EmbeddingService("text-embedding-3-small", api_key=KEY).fingerprint


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8000/v1",
        "ada:secret@host/v1",
        "ftp://host",
        "http://",
        "http://h:99999",
        "http://[",
    ],
)
def test_an_invalid_address_is_an_error_that_does_not_repeat_it(address):
    with pytest.raises(SettingError, match=r"`embedder.base_url`: not an address") as raised:
        EmbeddingService("m", address)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("key", ["sk-ключ", "sk\n-1"])
def test_a_key_with_invalid_characters_is_an_error_that_does_not_repeat_it(key):
    with pytest.raises(SettingError, match=r"`embedder.api_key`") as raised:
        EmbeddingService("m", "http://localhost/v1", key)
    assert key not in str(raised.value)


def test_a_missing_package_is_an_error_with_the_command_that_installs_it(server, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    _, message = error_of(service(server))
    assert "pip install 'newsclust_pipeline[openai]'" in message


def test_the_fingerprint_depends_on_service_model_and_prompt_without_a_request(server):
    settings = [{}, {"model": "other"}, {"prompt": "p"}, {"base_url": "http://localhost:9/v1"}]
    assert len({service(server, **given).fingerprint for given in settings}) == len(settings)
    like = service(server, base_url=server.url.replace("//", "//ada:pw@") + "/?token=t")
    assert like.fingerprint == service(server).fingerprint
    assert not server.requests


def test_the_dimension_is_requested_once(server):
    embedder = service(server)
    assert (embedder.dimension, embedder.dimension) == (8, 8)
    assert len(server.requests) == 1


def test_creating_an_embedder_does_not_import_the_client():
    code = (
        "import sys; from newsclust_pipeline.embed.openai import EmbeddingService\n"
        "EmbeddingService('m', 'http://localhost/v1').fingerprint\n"
        "sys.exit('openai' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Stopping


def left_over():
    return [t for t in threading.enumerate() if t.name == "service"]


def test_closing_the_iterator_cancels_running_requests(server):
    server.faults = chain([""], repeat("hang"))
    batches = service(server, timeout=600, max_retries=8).encode(NEWS)
    next(batches)
    before = time.monotonic()
    batches.close()
    assert time.monotonic() - before < 2
    assert not left_over()


def test_an_error_cancels_running_requests(server):
    server.faults = chain(["hang", "401"], repeat("hang"))
    before = time.monotonic()
    _, message = error_of(service(server, timeout=600, max_retries=8))
    assert time.monotonic() - before < 2
    assert "HTTP 401" in message
    assert not left_over()


@pytest.mark.parametrize("fault", ["hang", "500"])
def test_ctrl_c_ends_a_wait_for_an_answer_or_the_next_attempt_at_once(server, fault):
    server.faults = repeat(fault)

    def interrupt(*_):
        raise KeyboardInterrupt

    was = signal.signal(signal.SIGALRM, interrupt)
    # After one second, attempts are two seconds apart.
    signal.setitimer(signal.ITIMER_REAL, 0.3 if fault == "hang" else 1.7)
    before = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(service(server, timeout=600, max_retries=8).encode(NEWS))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, was)
    assert time.monotonic() - before < 2.5
    assert not left_over()


def test_a_program_ends_although_requests_are_running(server):
    server.faults = chain([""], repeat("hang"))
    code = (
        "from newsclust_pipeline.embed.openai import EmbeddingService\n"
        f"batches = EmbeddingService('{server.model}', '{server.url}', batch_size=1)"
        ".encode(['Ferry fire'] * 9)\n"
        "for _ in batches: raise ValueError\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, timeout=100
    )
    assert ended.stderr.endswith(b"ValueError\n")


def test_it_works_inside_a_running_event_loop_as_in_a_notebook(server):
    async def cell():
        return encoded(service(server), NEWS[:5])

    np.testing.assert_array_equal(asyncio.run(cell()), expected(NEWS[:5]))


# Through embed()


def test_a_second_run_sends_no_text(server, tmp_path):
    first = embed(articles(NEWS), service(server), tmp_path / "cache")
    unit = expected(NEWS) / np.linalg.norm(expected(NEWS), axis=1, keepdims=True)
    np.testing.assert_allclose(matrix(first.table), unit, atol=1e-6)
    server.requests.clear()
    second = embed(articles(NEWS), service(server), tmp_path / "cache")
    assert (first.new, second.new, len(server.requests)) == (40, 0, 0)
    assert second.table.equals(first.table, check_metadata=True)


def test_batches_before_a_failed_one_are_not_sent_again(server, tmp_path):
    server.faults = chain(repeat("", 6), repeat("401"))
    with pytest.raises(EmbeddingError, match="HTTP 401"):
        embed(articles(NEWS), service(server, concurrency=1), tmp_path / "cache")
    server.faults = repeat("")
    server.texts.clear()
    assert embed(articles(NEWS), service(server), tmp_path / "cache").new == 20
    assert sorted(server.texts) == sorted(NEWS[20:])


def test_a_refused_text_costs_one_document_and_no_second_request_for_the_others(server, tmp_path):
    server.refused = "Headline 25"
    embedder = service(server, concurrency=1)
    first = embed(articles(NEWS), embedder, tmp_path / "cache", max_rejected=0.05)
    assert list(first.rejected) == ["d25"]
    assert "HTTP 400" in first.rejected["d25"]
    assert first.table.num_rows == 39
    server.texts.clear()
    again = embed(articles(NEWS), service(server), tmp_path / "cache", max_rejected=0.05)
    assert (again.new, list(again.rejected)) == (1, ["d25"])
    assert set(server.texts) <= {"dimension"}


def test_a_batch_that_arrives_with_a_failed_one_is_yielded(server):
    def first_at_once_then_all_together():
        yield ""
        server.delay = 0.2
        yield from ["", "401", ""]

    server.faults = first_at_once_then_all_together()
    batches = service(server).encode(NEWS[:16])
    next(batches)
    time.sleep(0.6)
    assert sum(len(positions) for positions, _ in [next(batches), next(batches)]) == 8
    with pytest.raises(EmbeddingError, match="HTTP 401"):
        next(batches)


def test_a_vector_that_is_not_finite_is_an_error_that_names_the_document(server, tmp_path):
    server.change = with_third(embedding=[None] * 8)  # the usual NaN in JSON
    embedder = service(server)
    with pytest.raises(EmbeddingError, match=r"document d2: .*not finite"):
        embed(articles(NEWS[:4]), embedder, tmp_path / "cache")


def test_a_vector_that_float32_can_not_hold_is_rejected_without_a_warning(
    server, tmp_path, recwarn
):
    server.change = lambda items: [items[0] | {"embedding": [1e300] * 8}, *items[1:]]
    model = EmbeddingService(server.model, server.url, KEY, max_retries=0)
    table = pa.table({"doc_id": NEWS, "text": NEWS})
    done = embed(table, model, tmp_path / "cache", max_rejected=0.5)
    assert len(done.rejected) == 1
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]
