"""Workflows, templates and metadata of the project agree with each other and with pyproject.toml."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import lstm_models

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TARGETS = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def commands(workflow: str) -> list[str]:
    jobs = read(GITHUB / "workflows" / workflow)["jobs"].values()
    return [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]


def test_tests_run_on_every_python_and_platform() -> None:
    matrix = read(GITHUB / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert matrix["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}


@pytest.mark.parametrize("workflow", ["ci.yml", "release.yml", "fuzz.yml"])
def test_workflows_name_what_is_there(workflow: str) -> None:
    for command in commands(workflow):
        for target in re.findall(r"^make (\w+)", command):
            assert target in TARGETS
        for extras in re.findall(r"\.\[([\w,]+)\]", command):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def test_workflows_may_only_read() -> None:
    """But the job that publishes, which gets a token of PyPI's by its identity and no password, and the one that signs
    where the files were built."""
    identity = {"publish": {"id-token": "write"}}
    identity["build"] = {"contents": "read", "id-token": "write", "attestations": "write"}
    for path in (GITHUB / "workflows").glob("*.yml"):
        workflow = read(path)
        assert workflow["permissions"] == {"contents": "read"}
        granted = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
        assert granted == (identity if path.name == "release.yml" else {})
        assert "secrets." not in path.read_text("utf-8")


def test_pre_commit_has_the_versions_of_lint() -> None:
    lint = {re.split(r"[<>=]", each)[0]: each for each in PROJECT["optional-dependencies"]["lint"]}
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    used = [each for hook in repository["hooks"] for each in hook.get("additional_dependencies", ())]
    assert used == [lint["ruff"]] * 2


def test_dependabot_looks_where_there_is_something() -> None:
    names = {"pip": ("pyproject.toml", "requirements.txt"), "docker": ("Dockerfile",), "github-actions": (".github",)}
    for update in read(GITHUB / "dependabot.yml")["updates"]:
        for folder in update.get("directories", [update.get("directory")]):
            assert any((ROOT / folder.strip("/") / name).exists() for name in names[update["package-ecosystem"]])


def test_the_citation_is_of_this_version() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == lstm_models.__version__
    assert citation["license"] == PROJECT["license"].split(" AND ")[0]  # of the code; a citation has no LicenseRef


def test_the_licence_names_those_of_the_weights() -> None:
    from packaging.licenses import canonicalize_license_expression

    assert canonicalize_license_expression(PROJECT["license"]) == PROJECT["license"]
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    assert PROJECT["license"] in " ".join(notices.split())
    for folder in (ROOT / "lstm_models" / "weights").iterdir():
        if folder.is_dir():
            assert f"weights/{folder.name}`" in notices, f"{folder.name} has no notice"


def test_forms_of_issues_have_what_github_needs() -> None:
    for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml"):
        form = read(path)
        if path.name == "config.yml":
            continue
        assert {"name", "description", "body"} <= form.keys()
        assert all(field["type"] in ("textarea", "input") and field["attributes"]["label"] for field in form["body"])
