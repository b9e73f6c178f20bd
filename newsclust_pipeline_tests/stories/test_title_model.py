"""The title model: every message answered once, failures as errors that name the service."""

import time
from itertools import repeat

import pytest

from newsclust_pipeline.core.errors import ServiceError
from newsclust_pipeline.embed.client import Service
from newsclust_pipeline.stories.title_model import TitleModel
from newsclust_pipeline_tests.embedding_server import EmbeddingServer


@pytest.fixture
def server():
    with EmbeddingServer() as running:
        yield running


def answers(server, *messages, seconds=20.0):
    service = Service(server.url, "", timeout=5, max_retries=0)
    return sorted(TitleModel(service, "m").answers(messages, time.monotonic() + seconds))


def message(headline):
    return f'{{"headlines": ["{headline}"]}}'


def test_every_message_has_one_answer_under_its_index(server):
    sent = [message(f"headline {n}") for n in range(9)]
    assert answers(server, *sent) == [(n, f"HEADLINE {n}") for n in range(9)]
    assert server.most_in_flight <= 4


def test_no_message_needs_no_request(server):
    assert answers(server) == []
    assert not server.requests


def test_a_refused_message_has_an_empty_answer(server):
    server.refused = "banned"
    assert answers(server, message("a"), message("banned")) == [(0, "A"), (1, "")]


def test_a_truncated_answer_is_empty(server):
    server.finish = "length"
    assert answers(server, message("a")) == [(0, "")]


@pytest.mark.parametrize("fault", ["500", "reset", "html", "not json", "no data"])
def test_a_failure_names_the_service(server, fault):
    server.faults = repeat(fault)
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1"):
        answers(server, message("a"))


def test_a_silent_service_is_an_error_at_the_deadline(server):
    server.faults = repeat("hang")
    with pytest.raises(ServiceError, match="time for titles is over"):
        answers(server, message("a"), seconds=0.3)
