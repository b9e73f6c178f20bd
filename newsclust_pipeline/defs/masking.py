"""Hide secrets in texts that are shown or stored."""

import os
import re
from collections.abc import Iterable

from newsclust_pipeline.defs.setting import Setting

MASK = "********"
_SHORTEST = 4  # characters; a shorter secret would be found in ordinary words
# The user and the password in an address, http://user:password@host.
_LOGIN = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def mask_secrets(text: str, settings: Iterable[Setting]) -> str:
    """Return a text without the values of secret settings, and without logins in addresses.

    Of a secret such as `user:password`, the password alone is hidden, too.
    """
    values = [os.environ.get(setting.name, "") for setting in settings if setting.is_secret]
    parts = {part for value in values for part in (value, value.rpartition(":")[2])}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST:
            text = text.replace(part, MASK)
    return _LOGIN.sub(MASK, text)
