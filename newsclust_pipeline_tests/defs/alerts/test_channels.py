"""Messages arrive at a real mail server and a real webhook, or the error says why not."""

import ssl

import pytest
import trustme

from newsclust_pipeline.core.errors import ServiceError
from newsclust_pipeline.defs.alerts.channels import Mail, Message, Webhook
from newsclust_pipeline_tests.message_servers import Hook, Mailbox

MESSAGE = Message("newsclust: run failed\r\nBcc: all@example.org", "**Disk** full &#60;x&#62;")


def mail(box, **settings):
    given = {"security": "none"} | settings
    return Mail(("ops@example.org", "b@example.org"), "news@example.org", "127.0.0.1",
                int(box.port), **given)  # fmt: skip


def test_a_mail_has_the_message_as_text_and_as_html_and_no_header_of_a_stranger():
    with Mailbox() as box:
        mail(box).send(MESSAGE)
    (got,) = box.mails
    assert got["Subject"] == "newsclust: run failed Bcc: all@example.org"
    assert (got["From"], got["To"]) == ("news@example.org", "ops@example.org, b@example.org")
    assert got["Bcc"] is None
    assert got.get_body("plain").get_content().strip() == "Disk full <x>"
    assert "<strong>Disk</strong> full &lt;x&gt;" in got.get_body("html").get_content()


@pytest.fixture
def certificates(tmp_path, monkeypatch):
    """A certificate for 127.0.0.1 that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_a_mail_is_encrypted_and_its_sender_logged_in(certificates):
    login = {"security": "starttls", "user": "news", "password": "pa55word"}
    with Mailbox(tls=certificates, password=login["password"]) as box:
        mail(box, **login).send(MESSAGE)
        assert len(box.mails) == 1
        with pytest.raises(ServiceError) as error:
            mail(box, **login | {"password": "wrong-one"}).send(MESSAGE)
    assert "wrong-one" not in str(error.value)
    assert "535" in str(error.value)


def test_a_certificate_that_is_not_trusted_is_refused(certificates, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with Mailbox(tls=certificates) as box:
        with pytest.raises(ServiceError, match="certificate verify failed"):
            mail(box, security="starttls").send(MESSAGE)
        assert box.mails == []


def test_a_server_without_encryption_gets_nothing_where_encryption_is_set():
    with Mailbox() as box:
        with pytest.raises(ServiceError, match="STARTTLS"):
            mail(box, security="starttls").send(MESSAGE)
        assert box.mails == []


def test_a_server_that_is_not_there_or_refuses_is_named():
    with Mailbox(refuses=True) as box, pytest.raises(ServiceError, match="mail server"):
        mail(box).send(MESSAGE)
    with pytest.raises(ServiceError, match="refused"):
        mail(box).send(MESSAGE)


def test_a_webhook_gets_the_message_in_slacks_markup():
    with Hook() as hook:
        Webhook(hook.url).send(MESSAGE)
    (post,) = hook.posts
    subject, _, text = post["text"].partition("\n")
    assert subject == "*newsclust: run failed Bcc: all@\u200bexample.org*"
    assert text.strip() == "*Disk* full &lt;x&gt;"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_of_a_webhook_is_named_without_its_secret_address(status):
    with Hook(status) as hook, pytest.raises(ServiceError) as error:
        Webhook(hook.url).send(MESSAGE)
    assert str(error.value) == f"webhook at 127.0.0.1: answered {status}"


def test_a_webhook_that_is_not_there_is_named_without_its_secret_address():
    with pytest.raises(ServiceError) as error:
        Webhook("http://127.0.0.1:9/services/s3cret-path").send(MESSAGE)
    assert str(error.value).startswith("webhook at 127.0.0.1: no answer")
    assert "s3cret" not in str(error.value)
