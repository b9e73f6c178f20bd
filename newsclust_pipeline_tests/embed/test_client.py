"""The parameters and messages of `Service`; requests are tested with the modules that send them."""

import pytest

from newsclust_pipeline.core.errors import SettingError
from newsclust_pipeline.embed.client import Service


def service(url="", key="", **options):
    return Service(url, key, **{"timeout": 1, "max_retries": 0} | options)


@pytest.mark.parametrize("component", ["embedder", "titles"])
def test_messages_refer_to_the_parameters_of_the_component(component):
    with pytest.raises(SettingError, match=f"`{component}.base_url`: not an address"):
        service("localhost", component=component)
    with pytest.raises(SettingError, match=f"`{component}.api_key` is not set"):
        service(component=component)


def test_secrets_are_removed_from_addresses_and_messages():
    for user, key in (("ada:pass-word@", ""), ("", "sk-1")):
        connection = service(f"https://{user}a.example/v1/?token=tok-en#x", key)
        assert connection.display_url == "https://a.example/v1"
        message = connection.redact(f"No: {key} for {user} with tok-en\n\n" + "x" * 500)
        assert not [secret for secret in ("sk-1", "pass-word", "tok-en") if secret in message]
        assert len(message) == 200
