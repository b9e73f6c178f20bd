"""The cause of a failed run is one bounded line without secrets, whatever has failed."""

import os
import subprocess
import sys

import dagster as dg
import pytest

from newsclust_pipeline.defs.cause import CAUSE, MAX_LENGTH, cause_of, describe
from newsclust_pipeline.defs.io_managers import JsonIO
from newsclust_pipeline.defs.resources import DataFolder


def run(function, **resources):
    instance = dg.DagsterInstance.ephemeral()
    asset = dg.asset(function)
    done = dg.materialize([asset], resources=resources, instance=instance, raise_on_error=False)
    return cause_of(instance, done.run_id)


def test_a_failure_that_explains_itself_is_its_own_cause():
    def thing():
        raise dg.Failure("news.csv: gone.\nPut it back.")

    assert run(thing).text == "news.csv: gone. Put it back."


def test_an_unexpected_error_is_named_with_its_stage():
    def thing():
        return 1 / 0

    assert run(thing).text == "thing failed: ZeroDivisionError: division by zero"


def test_a_file_that_cannot_be_written_is_a_cause(tmp_path):
    def thing():
        return {"value": object()}

    io = JsonIO(folder=DataFolder(path=str(tmp_path)))
    assert run(thing, io_manager=io).text.startswith("thing failed: TypeError: Object of type")


def test_a_resource_that_fails_is_a_cause():
    class Broken(dg.ConfigurableResource):
        def setup_for_execution(self, _):
            raise OSError("no route")

    def thing(broken: Broken):
        return broken

    thing.__annotations__ = {"broken": Broken}
    assert run(thing, broken=Broken()).text == "the run failed: OSError: no route"


def test_an_interruption_is_no_failure_of_a_stage():
    def thing():
        raise KeyboardInterrupt

    cause = run(thing)
    assert cause.is_interruption
    assert cause.text == "the run was stopped before its end"


def test_a_good_run_has_no_cause():
    def thing():
        return None

    assert run(thing) is None


def test_a_cause_is_one_bounded_line_without_secrets(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("MILVUS_TOKEN", "root:pa55word")
    text = describe(f"key sk-very-secret\r\n pa55word http://me:too@a.example/ \u202e{'x' * 999}")
    assert text.startswith("key ******** ******** http://********@a.example/ xxx")
    assert len(text) == MAX_LENGTH


@pytest.mark.slow
def test_a_run_of_the_command_line_has_the_tag(tmp_path):
    settings = {"DAGSTER_HOME": str(tmp_path), "NEWSCLUST_NEWS": "gone.csv"}
    command = ["asset", "materialize", "--select", "*", "-m", "newsclust_pipeline"]
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *command],
        cwd=tmp_path, env=os.environ | settings, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.strip().splitlines()[-1].startswith("newsclust_pipeline: gone.csv: no such")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        (run,) = instance.get_runs()
    assert run.tags[CAUSE].startswith("gone.csv: no such file or folder.")
