"""What follows a run: the tag with its cause, one alert, one all-clear, the digest."""

import dagster as dg
import pytest

from newsclust_pipeline.defs.alerts import history
from newsclust_pipeline.defs.alerts.history import ALERT, FOLDER, SENT, WITHHELD
from newsclust_pipeline.defs.automation import failure_sensor
from newsclust_pipeline.defs.cause import CAUSE
from newsclust_pipeline.defs.resources import Alerts, NewsDumps
from newsclust_pipeline_tests.conftest import write_dump
from newsclust_pipeline_tests.message_servers import Hook, Mailbox


@pytest.fixture
def hook():
    with Hook() as opened:
        yield opened


@pytest.fixture
def failing(pipeline, hook):
    """A pipeline whose dump is missing, and whose alerts go to the webhook."""
    made = pipeline([{"title": "Storm nears coast", "description": "Ferries stay in port"}])
    made.resources |= {"news": NewsDumps(path="gone.csv"), "alerts": Alerts(webhook=hook.url)}
    return made


def tags(made, done):
    return made.instance.get_run_by_id(done.run_id).tags


def subjects(hook):
    return [post["text"].splitlines()[0].strip("*") for post in hook.posts]


def test_a_failed_run_carries_its_cause_and_is_told_once_by_mail_and_webhook(failing, hook):
    with Mailbox() as box:
        failing.resources["alerts"] = Alerts(
            webhook=hook.url, mail_to="ops@example.org", smtp_host="127.0.0.1",
            smtp_port=box.port, smtp_security="none", ui_url="http://ui.example/",
        )  # fmt: skip
        done = failing.run()
    assert tags(failing, done)[CAUSE].startswith("gone.csv: no such file or folder. Set NEWSCLUST_")
    (got,) = box.mails
    assert got["Subject"].startswith("newsclust: run failed: gone.csv: no such file or folder.")
    text = got.get_body("plain").get_content()
    assert f"<http://ui.example/runs/{done.run_id}>" in text
    assert "news_to_stories, started by hand" in text
    assert len(hook.posts) == 1


def test_a_run_that_goes_on_failing_is_told_again_only_for_another_cause(failing, hook):
    assert tags(failing, failing.run())[ALERT] == SENT
    assert tags(failing, failing.run())[ALERT] == WITHHELD
    failing.resources["news"] = NewsDumps(path="gone_too.csv")
    assert tags(failing, failing.run())[ALERT] == SENT
    failing.resources["news"] = NewsDumps(path="gone.csv")
    assert tags(failing, failing.run())[ALERT] == WITHHELD
    assert len(hook.posts) == 2
    assert subjects(hook)[1].startswith("newsclust: run failed (3 times in a row): gone")


def test_an_alert_is_repeated_after_its_hours(failing, hook, monkeypatch):
    failing.run()
    failing.resources["alerts"] = Alerts(webhook=hook.url, hours="0")
    failing.run()
    assert len(hook.posts) == 2


def test_another_data_folder_in_the_same_home_has_alerts_of_its_own(failing, hook, tmp_path):
    failing.run()
    failing.resources["folder"] = type(failing.resources["folder"])(path=str(tmp_path / "other"))
    failing.run()
    assert len(hook.posts) == 2


def test_what_cannot_be_sent_is_a_warning_and_is_tried_once_more_by_the_sensor(failing, hook):
    failing.resources["alerts"] = Alerts(webhook="http://127.0.0.1:9/services/s3cret")
    done = failing.run()
    logged = [entry.user_message for entry in failing.instance.all_logs(done.run_id)]
    warning = next(text for text in logged if "could not be sent" in text)
    assert "s3cret" not in warning
    assert ALERT not in tags(failing, done)
    for _ in range(2):
        tell_sensor(failing, done.run_id, Alerts(webhook=hook.url))
    assert len(hook.posts) == 1


def tell_sensor(made, run_id, alerts):
    """Evaluate the sensor for a failed run, as the daemon does."""
    run = made.instance.get_run_by_id(run_id)
    (record,) = made.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    context = dg.build_run_status_sensor_context(
        "failure_sensor", record.dagster_event, made.instance, run
    ).for_run_failure()
    failure_sensor(context, alerts=alerts, folder=made.resources["folder"])


def test_the_sensor_tells_of_a_run_whose_process_has_died(failing, hook):
    run = failing.instance.create_run_for_job(dg.job(name="news_to_stories")(lambda: None))
    failing.instance.report_run_failed(run, "Run timed out: its worker has vanished.")
    tell_sensor(failing, run.run_id, Alerts(webhook=hook.url))
    assert tags(failing, run)[CAUSE]
    assert len(hook.posts) == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"webhook": "hooks.example.org"}, "NEWSCLUST_ALERT_WEBHOOK: must be an address"),
        ({"mail_to": "ops"}, "NEWSCLUST_ALERT_MAIL_TO=ops: must be mail addresses"),
        ({"mail_to": "a@b", "smtp_security": "tls"}, "NEWSCLUST_SMTP_SECURITY=tls: must be"),
        ({"mail_to": "a@b", "smtp_port": "smtp"}, "NEWSCLUST_SMTP_PORT=smtp: must be"),
        ({"mail_to": "a@b", "mail_from": "x\ny@z"}, "NEWSCLUST_ALERT_MAIL_FROM"),
        ({"webhook": "http://127.0.0.1:9", "hours": "daily"}, "NEWSCLUST_ALERT_HOURS=daily: must"),
        (
            {"mail_to": "a@b", "smtp_host": "mail.example", "smtp_security": "none",
             "smtp_password": "pa55word"},
            "the password would be sent in the clear",
        ),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_a_warning_that_names_it(failing, settings, problem):
    failing.resources["alerts"] = Alerts(**settings)
    done = failing.run()
    logged = [entry.user_message for entry in failing.instance.all_logs(done.run_id)]
    (warning,) = [text for text in logged if "sent" in text]
    assert problem in warning
    assert "pa55word" not in warning


def test_an_unexpected_error_of_the_alerts_fails_no_run(failing, monkeypatch):
    def broken(*_):
        raise RuntimeError("bug")

    monkeypatch.setattr(history.History, "is_due", broken)
    done = failing.run()
    logged = [entry.user_message for entry in failing.instance.all_logs(done.run_id)]
    assert "no message was sent: RuntimeError: bug" in logged
    assert tags(failing, done)[CAUSE].startswith("gone.csv")


def test_records_that_cannot_be_written_do_not_hide_the_cause(failing, hook, monkeypatch):
    def full(*_):
        raise OSError("database or disk is full")

    monkeypatch.setattr(dg.DagsterInstance, "add_run_tags", full)
    done = failing.run()
    (record,) = failing.instance.all_logs(done.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert "gone.csv: no such file" in str(record.dagster_event.event_specific_data.error)


def test_success_is_told_once_after_failures_and_the_digest_whenever_it_changes(
    failing, hook, sample_rows, tmp_path
):
    failing.run()
    failing.resources["alerts"] = Alerts(webhook=hook.url, digest="1")
    dump = write_dump(tmp_path / "good.csv", sample_rows[:40])
    failing.resources["news"] = NewsDumps(path=str(dump))
    done = failing.run()
    assert done.success
    assert CAUSE not in tags(failing, done)
    assert FOLDER in tags(failing, done)
    assert subjects(hook)[1:] == [
        "newsclust: runs succeed again",
        f"newsclust: {subjects(hook)[2].removeprefix('newsclust: ')}",
    ]
    assert subjects(hook)[2].startswith("newsclust: Stories of ")
    assert "*Biggest*" in hook.posts[2]["text"]
    assert failing.run().success
    assert len(hook.posts) == 3, "nothing is new"
    failing.resources["news"] = NewsDumps(path="gone.csv")
    failing.run()
    assert len(hook.posts) == 4, "it begins to fail again"
