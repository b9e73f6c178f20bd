"""Where messages are sent: a mail server, an incoming webhook."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol

import httpx2

from newsclust_pipeline.core.errors import ServiceError
from newsclust_pipeline.core.markdown import escape_markdown
from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.defs.alerts.markup import as_html, as_plain, as_slack

_TIMEOUT = 20  # seconds for one step of a conversation with a server
_PORTS = {"starttls": 587, "ssl": 465, "none": 25}


@dataclass(frozen=True)
class Message:
    """A message.

    Attributes:
        subject: one line of plain text.
        text: Markdown; whatever comes from outside is escaped.
    """

    subject: str
    text: str


class Channel(Protocol):
    """Where messages are sent."""

    @property
    def name(self) -> str:
        """What warnings call it; contains no secret."""

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            ServiceError: it was not accepted.
        """


@dataclass(frozen=True)
class Mail:
    """A mail server.

    Attributes:
        recipients: their addresses.
        sender: the address of the sender.
        host: of the server.
        port: of the server; None: the usual one.
        security: starttls, ssl or none.
        user: to log in as; empty: no login.
        password: of that user.
    """

    recipients: tuple[str, ...]
    sender: str
    host: str
    port: int | None
    security: str
    user: str = ""
    password: str = ""

    @property
    def name(self) -> str:
        """The server."""
        return f"mail server {self.host}:{self._port}"

    @property
    def _port(self) -> int:
        return self.port or _PORTS[self.security]

    def send(self, message: Message) -> None:
        """Send a mail with the message as text and as HTML."""
        try:
            with self._connection() as server:
                refused = server.send_message(self._mail(message))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise ServiceError(
                f"{self.name}: {one_line(str(error)) or type(error).__name__}"
            ) from None
        if refused:
            raise ServiceError(f"{self.name}: refused {len(refused)} of the recipients")

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        # A line break in a header would begin another header.
        mail["Subject"] = one_line(message.subject)
        mail["From"], mail["To"] = self.sender, ", ".join(self.recipients)
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain="newsclust.invalid")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(as_plain(message.text))
        mail.add_alternative(as_html(message.text), subtype="html")
        return mail

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        context = ssl.create_default_context()
        if self.security == "ssl":
            opened: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self._port, timeout=_TIMEOUT, context=context
            )
        else:
            opened = smtplib.SMTP(self.host, self._port, timeout=_TIMEOUT)
        with opened as server:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password)
            yield server


@dataclass(frozen=True)
class Webhook:
    """An incoming webhook of Slack, or one that accepts the same.

    Attributes:
        url: its address, which is a secret.
    """

    url: str

    @property
    def name(self) -> str:
        """The host only: whoever knows the address can post."""
        return f"webhook at {httpx2.URL(self.url).host}"

    def send(self, message: Message) -> None:
        """Post the message in Slack's own markup."""
        text = as_slack(f"**{escape_markdown(message.subject)}**\n\n{message.text}")
        content = {"text": text, "unfurl_links": False, "unfurl_media": False}
        try:
            answer = httpx2.post(self.url, json=content, timeout=_TIMEOUT)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ServiceError(f"{self.name}: no answer ({type(error).__name__})") from None
        if not answer.is_success:
            raise ServiceError(f"{self.name}: answered {answer.status_code}")
