"""The settings of the alerts; `defs/settings.py` lists them with all others."""

from newsclust_pipeline.defs.setting import Setting

ALERT_SETTINGS = (
    Setting(
        "NEWSCLUST_ALERT_MAIL_TO",
        "alerts.mail_to",
        "Who gets a mail when runs begin to fail and when they succeed again: addresses, separated "
        "by commas. See [Alerts](operations.md#alerts).",
        shown="unset: no mail",
    ),
    Setting(
        "NEWSCLUST_ALERT_MAIL_FROM",
        "alerts.mail_from",
        "The sender of that mail.",
        shown="the first recipient",
    ),
    Setting("NEWSCLUST_SMTP_HOST", "alerts.smtp_host", "The mail server.", "localhost"),
    Setting(
        "NEWSCLUST_SMTP_PORT",
        "alerts.smtp_port",
        "Its port.",
        shown="587 for `starttls`, 465 for `ssl`, 25 for `none`",
    ),
    Setting(
        "NEWSCLUST_SMTP_SECURITY",
        "alerts.smtp_security",
        "How the connection is encrypted: `starttls`, `ssl`, `none`.",
        "starttls",
    ),
    Setting("NEWSCLUST_SMTP_USER", "alerts.smtp_user", "The user to log in as.", shown="no login"),
    Setting(
        "NEWSCLUST_SMTP_PASSWORD",
        "alerts.smtp_password",
        "That user's password. Never logged or stored.",
        shown="unset",
        is_secret=True,
    ),
    Setting(
        "NEWSCLUST_ALERT_WEBHOOK",
        "alerts.webhook",
        "The address of an incoming webhook of Slack, or of Mattermost, Rocket.Chat and others "
        "that accept Slack's format. Never logged or stored.",
        shown="unset: no message",
        is_secret=True,
    ),
    Setting(
        "NEWSCLUST_ALERT_HOURS",
        "alerts.hours",
        "Hours after which an alert is repeated while runs go on failing for the same cause. 0 "
        "sends one for every failed run.",
        "24",
    ),
    Setting(
        "NEWSCLUST_ALERT_DIGEST",
        "alerts.digest",
        "Whether the digest is sent the same way after a run that has changed it: `0` or `1`.",
        "0",
    ),
    Setting(
        "NEWSCLUST_UI_URL",
        "alerts.ui_url",
        "The address of the Dagster UI, for a link to the run in an alert.",
        shown="unset",
    ),
)
