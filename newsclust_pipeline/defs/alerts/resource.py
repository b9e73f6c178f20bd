"""The resource `alerts`: which message is sent to whom when a run has ended."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
from pydantic import Field

from newsclust_pipeline.core.errors import ServiceError, SettingError
from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.defs.alerts.channels import Channel, Mail, Message, Webhook
from newsclust_pipeline.defs.cause import describe
from newsclust_pipeline.defs.settings import name_settings

_SECURITIES = ("starttls", "ssl", "none")
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


class Alerts(dg.ConfigurableResource[Any]):
    """Who gets a message about runs that fail, and how. Values are checked when one is sent."""

    mail_to: str = Field("", description="Addresses, separated by commas; empty: no mail.")
    mail_from: str = Field("", description="The sender; empty: the first recipient.")
    smtp_host: str = Field("localhost", description="The mail server.")
    smtp_port: str = Field("", description="Its port; empty: the usual one.")
    smtp_security: str = Field("starttls", description="starttls, ssl or none.")
    smtp_user: str = Field("", description="The user to log in as; empty: no login.")
    smtp_password: str = Field("", description="That user's password. Never logged or persisted.")
    webhook: str = Field("", description="Address of an incoming webhook; empty: none. A secret.")
    hours: str = Field("24", description="Hours after which an alert is repeated; 0: every run.")
    digest: str = Field("0", description="1: the digest is sent, too.")
    ui_url: str = Field("", description="Address of the Dagster UI, for links.")

    @property
    def are_on(self) -> bool:
        """Whether alerts have a recipient."""
        return bool(self.mail_to or self.webhook)

    @property
    def repeat_hours(self) -> int:
        """Hours after which an alert is repeated.

        Raises:
            SettingError: it is no number of hours.
        """
        if not self.hours.isdecimal():
            raise SettingError(f"`alerts.hours`={self.hours}: must be a whole number, 0 or more.")
        return int(self.hours)

    @property
    def sends_digest(self) -> bool:
        """Whether the digest is sent.

        Raises:
            SettingError: it is neither 0 nor 1.
        """
        if self.digest not in {"0", "1"}:
            raise SettingError(f"`alerts.digest`={self.digest}: must be 0 or 1.")
        return self.digest == "1"

    def channels(self) -> Iterator[Channel]:
        """Yield where messages are sent.

        Raises:
            SettingError: a setting can't work.
        """
        if self.webhook:
            yield self._webhook()
        if self.mail_to:
            yield self._mail()

    def send(self, message: Message, warn: Callable[[str], None]) -> bool:
        """Send a message everywhere; return whether it has arrived anywhere.

        What fails is a warning: a message about a run never fails the run.
        """
        arrived = 0
        try:
            for channel in self.channels():
                try:
                    channel.send(message)
                    arrived += 1
                except ServiceError as error:
                    warn(describe(f"a message could not be sent: {error}"))
        except SettingError as error:
            warn(name_settings(f"a message could not be sent: {error}"))
        return arrived > 0

    def _webhook(self) -> Webhook:
        parts = urlsplit(self.webhook)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingError("`alerts.webhook`: must be an address that begins with https://.")
        return Webhook(self.webhook)

    def _mail(self) -> Mail:
        recipients = tuple(filter(None, (a.strip() for a in self.mail_to.split(","))))
        if not recipients or not all(map(_is_address, recipients)):
            raise SettingError(f"`alerts.mail_to`={self.mail_to}: must be mail addresses.")
        if self.mail_from and not _is_address(self.mail_from):
            raise SettingError(f"`alerts.mail_from`={self.mail_from}: must be a mail address.")
        if self.smtp_security not in _SECURITIES:
            names = ", ".join(_SECURITIES)
            raise SettingError(f"`alerts.smtp_security`={self.smtp_security}: must be {names}.")
        if self.smtp_port and not self.smtp_port.isdecimal():
            raise SettingError(f"`alerts.smtp_port`={self.smtp_port}: must be a whole number.")
        in_the_clear = self.smtp_security == "none" and self.smtp_host not in _THIS_MACHINE
        if self.smtp_password and in_the_clear:
            raise SettingError(
                "`alerts.smtp_security`=none: the password would be sent in the clear. Set it to "
                "starttls or ssl, or unset `alerts.smtp_password`."
            )
        return Mail(
            recipients=recipients,
            sender=self.mail_from or recipients[0],
            host=self.smtp_host,
            port=int(self.smtp_port) if self.smtp_port else None,
            security=self.smtp_security,
            user=self.smtp_user,
            password=self.smtp_password,
        )


def _is_address(text: str) -> bool:
    """Return True for one mail address without a line break, which would begin another header."""
    return "@" in text and text == one_line(text)
