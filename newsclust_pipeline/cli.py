"""The command `newsclust`: a thin layer over the same Dagster definitions."""

import logging
import os
import sys
import traceback
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import dagster as dg
from dotenv import find_dotenv, load_dotenv

from newsclust_pipeline.core.errors import NewsclustError
from newsclust_pipeline.core.files import copy_file
from newsclust_pipeline.core.locations import address_of
from newsclust_pipeline.core.text import one_line
from newsclust_pipeline.defs import terminal

if TYPE_CHECKING:
    from newsclust_pipeline.defs.resources import DataFolder

JOB = "news_to_stories"

data_option = click.option(
    "--data",
    metavar="FOLDER",
    help="Where every stage is persisted. Default: NEWSCLUST_DATA_DIR, or the folder data.",
)


class PlainErrors(click.Group):
    """Ends every failure in one plain line, and shows a traceback only of what is unexpected."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - the last line is for people
            from newsclust_pipeline.defs.failures import explain

            message = explain(error)
            if not message:
                traceback.print_exc()
                message = one_line(f"unexpected error: {type(error).__name__}: {error}")
            raise click.ClickException(message) from None


@click.group(cls=PlainErrors)
@click.version_option(package_name="newsclust_pipeline")
def main() -> None:
    """Turn news dumps into stories and a map.

    Settings are read from the environment and from the file .env in this folder.
    """
    load_dotenv(find_dotenv(usecwd=True))


@main.command()
@click.argument("dumps", nargs=-1, metavar="[DUMP]...")
@data_option
@click.option("--feeds", metavar="FILE", help="Feeds to follow. Default: NEWSCLUST_FEEDS.")
@click.option("--embedder", metavar="NAME", help="The embedder. Default: NEWSCLUST_EMBEDDER.")
@click.option(
    "--tuning",
    type=click.Choice(["none", "auto"]),
    help="auto: choose the parameters of HDBSCAN for these articles.",
)
@click.option("--open", "open_map", is_flag=True, help="Open the map in the browser at the end.")
@click.option("--verbose", is_flag=True, help="Show the whole log.")
def run(
    dumps: tuple[str, ...],
    data: str | None,
    feeds: str | None,
    embedder: str | None,
    tuning: str | None,
    open_map: bool,
    verbose: bool,
) -> None:
    """Run the pipeline on DUMPs: files, or folders of files. Default: NEWSCLUST_NEWS."""
    _set(NEWSCLUST_DATA_DIR=data, NEWSCLUST_EMBEDDER=embedder, NEWSCLUST_FEEDS=feeds)
    from newsclust_pipeline.definitions import build_defs, dumps_of_settings

    _set(NEWSCLUST_NEWS=dumps[0] if dumps else None)
    folder = _folder()
    news = {"news": dumps_of_settings(folder, dumps[1:])} if len(dumps) > 1 else {}
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    config: dict[str, Any] = {} if verbose else quiet
    if tuning:
        config["ops"] = {"hdbscan_labels": {"config": {"tuning": tuning}}}
    succeeded = _execute(build_defs(**news), config, verbose=verbose)
    terminal.print_last_lines()
    if open_map and succeeded:
        page = folder.local_file("cluster_plot.html")
        if folder.is_remote:
            copy_file(folder.file("cluster_plot.html"), page)
        webbrowser.open(page.resolve().as_uri())
    sys.exit(0 if succeeded else 1)


@main.group()
def feeds() -> None:
    """Follow feeds."""


@feeds.command()
@click.argument("addresses", metavar="FILE")
def check(addresses: str) -> None:
    """Try all feeds of FILE and print a table; nothing is stored.

    FILE is an OPML file, a text file with one address a line, or addresses separated by commas.
    """
    from newsclust_pipeline.defs.resources import Feeds
    from newsclust_pipeline.defs.settings import value_of

    names = ("NEWSCLUST_FEEDS_ALLOW_PRIVATE", "NEWSCLUST_FEEDS_USER_AGENT")
    private, agent = (value_of(name) for name in names)
    subscriptions = Feeds(
        addresses=addresses, allow_private=private, user_agent=agent, folder=_folder()
    )
    table = subscriptions.check().to_pylist()
    click.echo(f"{'status':9}  {'items':>5}  {'format':12}  feed")
    for feed in table:
        figures = f"{feed['status']:9}  {feed['items']:>5,}  {feed['format']:12}"
        click.echo(f"{figures}  {one_line(feed['url'])}")
        if feed["problem"]:
            click.secho(f"{'':32}{one_line(feed['problem'])}", fg="yellow")
    failed = sum(feed["status"] in {"failed", "gone"} for feed in table)
    click.echo(f"{len(table)} feeds, {failed} failed")
    sys.exit(1 if failed else 0)


@main.group()
def alerts() -> None:
    """Send alerts when runs fail."""


@alerts.command("check")
def check_alerts() -> None:
    """Send a test message as the settings say: by mail, to a webhook."""
    from newsclust_pipeline.definitions import build_defs
    from newsclust_pipeline.defs.alerts.channels import Message
    from newsclust_pipeline.defs.settings import name_settings

    text = "This is a test. Alerts about failed runs will arrive here."
    with dg.build_resources({"alerts": (build_defs().resources or {})["alerts"]}) as built:
        if not built.alerts.are_on:
            raise click.ClickException(
                "No alert is sent. Set NEWSCLUST_ALERT_MAIL_TO or NEWSCLUST_ALERT_WEBHOOK."
            )
        try:
            for channel in built.alerts.channels():
                channel.send(Message("newsclust: a test message", text))
                click.echo(f"sent: {channel.name}")
        except NewsclustError as error:
            raise click.ClickException(name_settings(str(error))) from None


@main.command()
@data_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=3000, show_default=True)
def ui(data: str | None, host: str, port: int) -> None:
    """Start the UI of Dagster, with the sensor and the schedule."""
    from newsclust_pipeline.defs.home import open_instance

    _set(NEWSCLUST_DATA_DIR=data)
    with open_instance(_folder().local):
        click.echo(f"http://{host}:{port}  (stop with Ctrl+C)")
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command`"
    arguments = ["dev", "-m", "newsclust_pipeline.definitions", "-h", host, "-p", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "dagster", *arguments])  # noqa: S606


@main.command()
@data_option
@click.option("--limit", default=20, show_default=True, help="How many to show.")
def stories(data: str | None, limit: int) -> None:
    """List the stories of the last run, largest first."""
    from newsclust_pipeline.core.parquet import read_parquet

    _set(NEWSCLUST_DATA_DIR=data)
    location = _folder().file("stories.parquet")
    path = address_of(location)
    try:
        table = read_parquet(location).slice(0, limit)
    except FileNotFoundError:
        message = f"{path}: no such file. Run `newsclust run` first."
        raise click.ClickException(message) from None
    except (OSError, ValueError) as error:
        message = f"{path}: can't be read ({error}). `newsclust run` makes it again."
        raise click.ClickException(one_line(message)) from None
    click.echo(f"{'articles':>8}  {'outlets':>7}  {'from':10}  {'to':10}  title")
    for row in table.to_pylist():
        first, last = (
            f"{row[name]:%Y-%m-%d}" if row[name] else ""
            for name in ("first_published", "last_published")
        )
        figures = f"{row['size']:>8,}  {row['outlets']:>7,}  {first:10}  {last:10}"
        click.echo(f"{figures}  {one_line(row['title'])}")


@main.command()
@data_option
def doctor(data: str | None) -> None:
    """Report versions, model, Milvus, disk and settings, and what is wrong with them."""
    _set(NEWSCLUST_DATA_DIR=data)
    from newsclust_pipeline.definitions import build_defs
    from newsclust_pipeline.defs.doctor import examine, settings_in_force

    resources = build_defs().resources or {}
    problems = 0
    with dg.build_resources(resources) as built:
        what = (_folder(), built.news, built.embedder, built.milvus, built.engine)
        for finding in examine(*what):
            problems += not finding.is_fine
            mark = click.style("✓", "green") if finding.is_fine else click.style("✗", "red")
            click.echo(f"{mark} {finding.subject}: {one_line(finding.text)}")
    click.echo("\nSettings in force (defaults in brackets)")
    for name, value in settings_in_force():
        click.echo(f"  {name}={value}")
    sys.exit(1 if problems else 0)


@main.command()
@data_option
def repair(data: str | None) -> None:
    """Restore the history of the stories, set other damaged tables aside, repair DAGSTER_HOME."""
    _set(NEWSCLUST_DATA_DIR=data)
    from newsclust_pipeline.defs.home import dagster_home, repair_databases
    from newsclust_pipeline.defs.repair import repair as repair_files

    for done in repair_databases(dagster_home(_folder().local)):
        click.echo(done)
    for done in repair_files(_folder()):
        click.echo(done)


def _execute(defs: dg.Definitions, config: dict[str, Any], verbose: bool) -> bool:
    """Run the job and print its warnings; return whether it succeeded."""
    from newsclust_pipeline.defs.home import open_instance

    with open_instance(_folder().local) as instance, _display(verbose):
        result = defs.resolve_job_def(JOB).execute_in_process(
            run_config=config, instance=instance, raise_on_error=False
        )
        warnings = {
            record.user_message: None
            for record in instance.all_logs(result.run_id)
            if record.level == logging.WARNING and not record.is_dagster_event
        }
    for warning in {} if verbose else warnings:
        click.secho(f"Warning: {one_line(warning)}", err=True, fg="yellow")
    return result.success


@contextmanager
def _display(verbose: bool) -> Iterator[None]:
    """Show the progress of the stages: bars on a terminal, else one line per stage."""
    from newsclust_pipeline.defs.display import Bars, Lines

    if verbose:
        yield
        return
    with Bars() if sys.stderr.isatty() else Lines() as listener, terminal.listening(listener):
        yield


def _set(**settings: str | None) -> None:
    """Set environment variables, except those that are None."""
    os.environ.update({name: value for name, value in settings.items() if value is not None})


def _folder() -> "DataFolder":
    """Return the data folder of the settings."""
    from newsclust_pipeline.defs.resources.data_folder import DataFolder
    from newsclust_pipeline.defs.settings import value_of

    return DataFolder(
        path=value_of("NEWSCLUST_DATA_DIR"), local_path=value_of("NEWSCLUST_LOCAL_DIR")
    )


if __name__ == "__main__":
    main()
