"""The files for running by itself say what the docs say, and their readers accept them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import newsclust_pipeline
from newsclust_pipeline.definitions import build_defs
from newsclust_pipeline.defs.automation import SETTLE_SECONDS, daily_schedule, dump_sensor
from newsclust_pipeline.defs.config import ArrivalConfig

ROOT = Path(newsclust_pipeline.__file__).parents[1]
INSTALLATION = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
DOCS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "examples" / "systemd").glob("*.service"))
WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "examples/stories.yml"]
WORKFLOW = yaml.safe_load((ROOT / "examples" / "stories.yml").read_text())
STEPS = {step.get("name", step.get("uses")): step for step in WORKFLOW["jobs"]["stories"]["steps"]}


def test_the_workflow_runs_the_contracts_command_after_the_documented_installation():
    assert "dagster asset materialize --select '*' -m newsclust_pipeline" in STEPS["Cluster"]["run"]
    install = [line.strip() for line in STEPS["Install"]["run"].splitlines() if "pip" in line]
    documented = re.findall(r"`\.venv/bin/pip install ([^`]*)`", INSTALLATION)
    assert [line.removeprefix("python -m pip install ") for line in install] == documented[:2]


def test_the_workflow_saves_what_a_failed_run_has_paid_for_but_never_an_empty_state():
    restore, save = STEPS["Restore the data"], STEPS["Save the data"]
    assert save["with"] == {k: v for k, v in restore["with"].items() if k != "restore-keys"}
    assert restore["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert "run_attempt" in save["with"]["key"], "a repeated run could not save under its old key"
    assert save["if"] == "always() && steps.cluster.outcome != 'skipped'"
    assert STEPS["Cluster"]["id"] == "cluster"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_fixed_commits_of_actions_with_the_fewest_permissions(path):
    text = path.read_text()
    for line in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+){2}", line), line
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_the_workflow_runs_on_a_schedule_and_keeps_the_map_where_the_pipeline_puts_it():
    # YAML 1.1 reads the key `on` as true.
    assert WORKFLOW[True]["schedule"] == [{"cron": daily_schedule({}).cron_schedule}]
    assert STEPS["Keep the map"]["with"]["path"] == "data/cluster_plot.html"
    assert WORKFLOW["jobs"]["stories"]["env"]["NEWSCLUST_DATA_DIR"].endswith("/data")
    for step in STEPS.values():
        subprocess.run(["bash", "-n"], input=step.get("run", ""), text=True, check=True)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_accepts_the_units(tmp_path):
    installed = {"/srv/newsclust/.venv/bin/": f"{Path(sys.executable).parent}/"}
    for unit in UNITS:
        text = unit.read_text()
        for documented, here in installed.items():
            text = text.replace(documented, here)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *tmp_path.iterdir()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_units_start_what_there_is():
    started = re.findall(
        r"ExecStart=/srv/newsclust/\.venv/bin/(\S+)", "".join(map(Path.read_text, UNITS))
    )
    assert sorted(started) == ["dagster-daemon", "dagster-webserver"]
    assert all(Path(sys.executable).with_name(program).exists() for program in started)
    text = UNITS[0].read_text()
    assert f"sensor start {dump_sensor.name} " in text
    assert f"schedule start {daily_schedule({}).name} " in text


def test_the_ui_starts_after_the_daemon_has_made_the_databases_of_dagster():
    daemon, ui = (path.read_text() for path in UNITS)
    assert re.search(r"^ExecStartPre=.*dagster sensor start", daemon, re.M)
    assert re.search(rf"^After=.*{UNITS[0].name}$", ui, re.M)


def test_the_documentation_knows_every_threshold_and_check():
    for name, field in ArrivalConfig.model_fields.items():
        assert f"`{name}: {field.default}`" in DOCS
    checks = build_defs().resolve_asset_graph().asset_check_keys
    of_raw_news = {key.name for key in checks if key.asset_key.to_user_string() == "raw_news"}
    assert of_raw_news - {name for name in of_raw_news if f"`{name}`" in DOCS} == {"ids_are_unique"}
    assert f"{SETTLE_SECONDS} seconds" in DOCS


COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
VALUES = yaml.safe_load((ROOT / "examples/kubernetes/values.yaml").read_text())
LOCATION = VALUES["dagster-user-deployments"]["deployments"][0]


def test_the_containers_start_what_there_is_and_write_to_volumes_only():
    started = [
        json.loads(re.search(r"^CMD (.*)", DOCKERFILE, re.M)[1]),
        COMPOSE["daemon"]["command"],
    ]
    assert [command[0] for command in started] == ["dagster-webserver", "dagster-daemon"]
    assert all(Path(sys.executable).with_name(command[0]).exists() for command in started)
    assert all(command[-1] == "newsclust_pipeline.definitions" for command in started)
    for service in (COMPOSE["webserver"], COMPOSE["daemon"]):
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert {volume.split(":")[-1] for volume in service["volumes"][:2]} == {"/data", "/dagster"}
    assert COMPOSE["webserver"]["ports"] == ["127.0.0.1:3000:3000"]
    assert "depends_on" in COMPOSE["daemon"], "two processes must not create Dagster's databases"


def test_the_image_has_a_user_of_its_own_and_needs_no_more_than_the_build_context():
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.M)
    context = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.*) \S+$", DOCKERFILE, re.M)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists()
        assert f"!{source.split('/')[0]}" in context
    assert "*" in context, "nothing else may get into the image, .env least of all"


def test_the_entry_point_leaves_the_settings_of_other_folders_alone(tmp_path):
    shutil.copy(ROOT / "docker-entrypoint.sh", tmp_path)
    command = ["sh", str(tmp_path / "docker-entrypoint.sh"), "echo", "started"]
    chart = {"DAGSTER_HOME": "/opt/dagster/dagster_home", "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=chart, capture_output=True, text=True, check=True)
    assert done.stdout == "started\n"


def test_the_helm_values_fit_the_image_and_the_project():
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    assert LOCATION["image"]["tag"] == version
    assert LOCATION["dagsterApiGrpcArgs"] == ["-m", "newsclust_pipeline.definitions"]
    assert f"USER {LOCATION['podSecurityContext']['runAsUser']}:" in DOCKERFILE
    mounts = {mount["mountPath"] for mount in LOCATION["volumeMounts"]}
    assert {LOCATION["env"]["NEWSCLUST_DATA_DIR"], LOCATION["env"]["NEWSCLUST_NEWS"]} <= mounts
    assert {m["name"] for m in LOCATION["volumeMounts"]} == {v["name"] for v in LOCATION["volumes"]}
