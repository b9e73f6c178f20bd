"""How a service is reached. What it is asked is tested with those who ask, faults included."""

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.embed.client import Service


def service(url="", key="", **settings):
    given = {"wanted_by": "X", "settings": "NEWSCLUST_TITLES", "timeout": 1, "max_retries": 0}
    return Service(url, key, **given | settings)


def test_messages_name_the_settings_of_whoever_wants_the_service():
    with pytest.raises(SettingError, match="NEWSCLUST_TITLES_BASE_URL: not an address"):
        service("localhost")
    with pytest.raises(SettingError, match="NEWSCLUST_TITLES_API_KEY is not set"):
        service()
    with pytest.raises(SettingError, match="OPENAI_API_KEY is not set"):
        service(settings="OPENAI")


def test_secrets_in_an_address_are_not_shown_and_not_repeated():
    made = service("https://ada:pass-word@a.example/v1/?token=tok-en#x", "sk-1")
    assert made.shown == "https://a.example/v1"
    said = made.redacted("No: sk-1 for ada:pass-word with tok-en\n\n" + "x" * 500)
    assert not [secret for secret in ("sk-1", "pass-word", "tok-en") if secret in said]
    assert len(said) == 200
