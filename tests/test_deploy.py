"""What serves the demo to others: the Dockerfile, the pinned versions, the proxies' and systemd's files, the Space.

No image is built here. nginx, Caddy and systemd check their own files where they are installed.
"""

from __future__ import annotations

import importlib.util
import inspect
import io
import json
import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from lstm_apps.cli import parser, registry
from lstm_apps.demo import interface as demo

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


def module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def pinned(path: Path) -> dict[str, Version]:
    """Name -> version; fails where a line is neither a comment, an option, a hash, nor one exact version."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "--", "    --hash=sha256:")):
            match = re.fullmatch(r"([a-z0-9-]+)==([\w.]+)( \\)?", line)
            assert match, f"{path.name}: {line}"
            assert match[1] not in found
            found[match[1]] = Version(match[2])
    return found


def options_of(words: list[str]) -> Any:
    """The options of a command line, as the command line itself reads them."""
    command = registry.command(words[0])
    function = command.resolve()
    arguments = parser.normalized(parser.options_of(command, function), words[1:], command.positional)
    return parser.build_parser(command, function, words[0]).parse_args(arguments)


@pytest.fixture(scope="module")
def pin() -> Any:
    return module(DEPLOY / "pin.py")


@pytest.fixture(scope="module")
def steps() -> list[dict[str, Any]]:
    """The instructions of the Dockerfile, in order."""
    content = (ROOT / "Dockerfile").read_bytes()
    parser = DockerfileParser(fileobj=io.BytesIO(content))
    return [step for step in parser.structure if step["instruction"] != "COMMENT"]


def of(steps: list[dict[str, Any]], instruction: str) -> list[str]:
    return [step["value"] for step in steps if step["instruction"] == instruction]


# Versions -------------------------------------------------------------------------------------------------------------


def test_pins_are_within_the_ranges_of_the_project(pin: Any) -> None:
    pins = pinned(DEPLOY / "requirements.txt")
    for wanted in pin.dependencies():
        version = pins.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is not pinned; run python deploy/pin.py > deploy/requirements.txt"
        assert wanted.specifier.contains(version), f"{wanted} is pinned to {version}"


def test_everything_that_is_needed_is_pinned_and_nothing_for_gpus(pin: Any) -> None:
    pins = pinned(DEPLOY / "requirements.txt")
    assert set(pin.closure(pin.dependencies())) <= set(pins)
    assert not [name for name in pins if pin.FOR_GPUS.fullmatch(name)]
    assert list(pins) == sorted(pins)


def test_pins_name_no_place() -> None:
    assert not re.search(r"[/@]", (DEPLOY / "requirements.txt").read_text("utf-8").split("\n", 2)[2])


def test_every_pin_has_the_hashes_of_its_files() -> None:
    """As pip reads it: with one hash in a file it takes nothing that has none."""
    text = (DEPLOY / "requirements.txt").read_text("utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(pinned(DEPLOY / "requirements.txt"))
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+", line), line[:80]


def test_the_image_takes_nothing_without_its_hash(steps: list[dict[str, Any]]) -> None:
    """PyTorch's builds of another index, and its libraries for GPUs, are the exception."""
    commands = [each.strip() for each in re.findall(r"pip install [^;&]+", " ".join(of(steps, "RUN")))]
    commands.remove("pip install --no-deps .")
    unchecked = [each for each in commands if "--require-hashes" not in each]
    assert len(unchecked) < len(commands)
    assert all(each.endswith("--requirement torch.txt") for each in unchecked)


def test_pytorch_is_left_out_of_the_rest(steps: list[dict[str, Any]]) -> None:
    (expression,) = re.findall(r"sed -E '(.+?)'", " ".join(of(steps, "RUN")))
    rest = subprocess.run(["sed", "-E", expression, str(DEPLOY / "requirements.txt")], capture_output=True, text=True)
    found = re.findall(r"^([a-z0-9-]+)==", rest.stdout, re.MULTILINE)
    pins = pinned(DEPLOY / "requirements.txt")
    assert found == [name for name in pins if name not in ("torch", "torchaudio", "torchvision")]
    assert rest.stdout.count("--hash") > len(found)


def test_packages_that_are_missing_are_named(pin: Any) -> None:
    with pytest.raises(SystemExit, match="no-such-package is not installed"):
        pin.closure([Requirement("no-such-package")])


# The image ------------------------------------------------------------------------------------------------------------


def test_images_are_slim_and_named_by_version(steps: list[dict[str, Any]]) -> None:
    images = [value.split()[0] for value in of(steps, "FROM")]
    assert images
    for image in images:
        assert re.fullmatch(r"python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", image)
    assert len(set(images)) == 1, "an environment made by one Python does not run with another"
    version = Version(images[0].split(":")[1].split("-")[0])
    assert Requirement(f"x{_python()}").specifier.contains(version)


@pytest.mark.skipif(os.name != "posix", reason="its programs are shell scripts here")
def test_the_base_image_is_pinned_by_what_its_registry_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With programs that stand for Docker and skopeo: the one fails, the other answers; then none does."""
    pin_image = module(DEPLOY / "pin_image.py")
    monkeypatch.setenv("PATH", str(tmp_path))
    text = (ROOT / "Dockerfile").read_text("utf-8")
    with pytest.raises(SystemExit, match="docker is not installed; skopeo is not installed"):
        pin_image.pinned(text)
    program(tmp_path / "docker", "echo no route to it >&2; exit 1")
    with pytest.raises(SystemExit, match="docker: no route to it; skopeo is not installed"):
        pin_image.pinned(text)
    program(tmp_path / "skopeo", f"[ $4 = docker://python:3.11-slim-bookworm ] && echo sha256:{'0a' * 32}")
    made = pin_image.pinned(text)
    assert re.findall(r"^FROM (\S+)", made, re.MULTILINE) == [f"python:3.11-slim-bookworm@sha256:{'0a' * 32}"] * 2
    program(tmp_path / "skopeo", f"echo sha256:{'1b' * 32}")
    assert pin_image.pinned(made) == made.replace("0a" * 32, "1b" * 32)


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _python() -> str:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    match = re.search(r'requires-python = "(.+)"', text)
    assert match
    return match[1]


def test_runs_without_rights(steps: list[dict[str, Any]]) -> None:
    last = max(number for number, step in enumerate(steps) if step["instruction"] == "FROM")
    users = of(steps[last:], "USER")
    assert users, "without a user it would run as root"
    user = users[-1].split(":")[0]
    assert user.isdecimal(), "only of a number is it known that it is not root"
    assert int(user) > 0
    assert f"--uid {user}" in " ".join(of(steps[last:], "RUN"))
    after = steps.index(next(step for step in reversed(steps) if step["instruction"] == "USER"))
    assert not [step for step in steps[after:] if step["instruction"] in ("RUN", "COPY")]


def test_what_it_starts_is_a_command_that_others_can_reach(steps: list[dict[str, Any]]) -> None:
    (entry,), (command,) = of(steps, "ENTRYPOINT"), of(steps, "CMD")
    assert json.loads(entry) == [registry.PROGRAM]
    options = options_of(json.loads(command))
    assert options.host == "0.0.0.0"
    assert [str(options.port)] == of(steps, "EXPOSE")


def test_health_is_asked_where_the_server_says_it(steps: list[dict[str, Any]]) -> None:
    (check,) = of(steps, "HEALTHCHECK")
    program, option, code = json.loads(check[check.index("CMD") + 3 :])
    assert (program, option) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    (port,) = of(steps, "EXPOSE")
    assert f"http://127.0.0.1:{port}/healthz" in code
    serving = (ROOT / "apps" / "lstm_apps" / "server" / "app.py").read_text("utf-8")
    assert '"/healthz"' in serving


def test_what_is_copied_is_there_and_sent_and_no_more(steps: list[dict[str, Any]]) -> None:
    copied = [source for value in of(steps, "COPY") if not value.startswith("--from") for source in value.split()[:-1]]
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "all that is not named stays out"
    sent = [rule[1:] for rule in rules if rule.startswith("!")]
    assert sorted(copied) == sorted(sent)
    for source in copied:
        assert (ROOT / source).exists()
    assert "**/__pycache__" in rules


def test_what_the_package_is_built_from_is_copied(steps: list[dict[str, Any]], pin: Any) -> None:
    project = pin.tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    copied = " ".join(of(steps, "COPY")).split()
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = ["pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]]
    needed += [package.split("/")[0] for package in wheel]
    assert set(needed) <= set(copied)


def test_steps_name_files_that_were_copied_and_find_torch(steps: list[dict[str, Any]]) -> None:
    run = of(steps, "RUN")
    (torch,) = (each for each in run if "torch.txt" in each)
    match = re.search(r"grep -oE '(.+?)' (\S+)", torch)
    assert match
    lines = (ROOT / match[2]).read_text("utf-8").splitlines()
    found = [line.partition("==")[0] for line in lines if re.search(match[1], line)]
    assert found == ["torch", "torchaudio", "torchvision"]
    named = set(re.findall(r"--requirement ([^\s;]+)", " ".join(run)))
    assert named <= {"torch.txt", "rest.txt", *" ".join(of(steps, "COPY")).split()}
    known = {value.partition("=")[0] for value in of(steps, "ARG")}
    assert set(re.findall(r"\$(\w+)", torch)) <= known


# Proxies and services -------------------------------------------------------------------------------------------------


def test_proxies_let_through_what_the_demo_takes() -> None:
    most = inspect.signature(demo.launch).parameters["max_size"].default
    nginx, caddy = (DEPLOY / "nginx.conf").read_text("utf-8"), (DEPLOY / "Caddyfile").read_text("utf-8")
    sizes = re.findall(r"client_max_body_size (\d+)m;", nginx) + re.findall(r"max_size (\d+)MiB", caddy)
    assert len(sizes) == 2
    assert all(int(size) > most for size in sizes)
    for line in ("proxy_buffering off;", "X-Forwarded-For $proxy_add_x_forwarded_for;", "X-Forwarded-Proto $scheme;"):
        assert line in nginx
    assert "flush_interval -1" in caddy
    port = inspect.signature(demo.launch).parameters["port"].default
    for text in (nginx, caddy):
        assert f"127.0.0.1:{port}" in text
        assert "/metrics" in text


def test_the_service_starts_a_command() -> None:
    unit = (DEPLOY / "lstm-models.service").read_text("utf-8")
    match = re.search(r"^ExecStart=\S+/lstm-models (.+)$", unit, re.MULTILINE)
    assert match
    options = options_of(match[1].split())
    assert options.trusted_proxy == options.host == "127.0.0.1"
    assert "DynamicUser=yes" in unit


def checked(command: list[str], **options: Any) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    """Without its certificates, which are not here."""
    text = (DEPLOY / "nginx.conf").read_text("utf-8").replace("listen 443 ssl", "listen 4430")
    text = re.sub(r" ssl_certificate\w* .+;", "", text).replace("listen 80;", "listen 8080;")
    (tmp_path / "site.conf").write_text(text, "utf-8")
    logs = f"error_log {tmp_path}/error.log; pid {tmp_path}/pid; events {{}}"
    places = " ".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"{logs} http {{ access_log off; {places} include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(whole, "utf-8")
    checked(["nginx", "-t", "-p", str(tmp_path), "-e", f"{tmp_path}/error.log", "-c", f"{tmp_path}/nginx.conf"])


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    file = str(DEPLOY / "Caddyfile")
    checked(["caddy", "validate", "--adapter", "caddyfile", "--config", file], env=environment)


def test_systemd_takes_its_file(tmp_path: Path) -> None:
    """With a program that is there."""
    unit = (DEPLOY / "lstm-models.service").read_text("utf-8")
    (tmp_path / "lstm-models.service").write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit), "utf-8")
    checked(["systemd-analyze", "verify", "--man=no", str(tmp_path / "lstm-models.service")])


# The Space ------------------------------------------------------------------------------------------------------------

SPACE = DEPLOY / "space"


def test_the_space_is_described() -> None:
    _, front, text = (SPACE / "README.md").read_text("utf-8").split("---\n", 2)
    about = yaml.safe_load(front)
    assert about["sdk"] == "gradio"
    assert Version(about["sdk_version"]) == pinned(DEPLOY / "requirements.txt")["gradio"]
    assert Requirement(f"x{_python()}").specifier.contains(Version(about["python_version"]))
    assert (SPACE / about["app_file"]).is_file()
    colors = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {about["colorFrom"], about["colorTo"]} <= colors
    assert len(about["short_description"]) <= 60
    assert "non-commercial" in text


def test_the_space_installs_what_the_image_does(pin: Any) -> None:
    """But for Gradio, which a Space installs itself."""
    pins, ours = pinned(DEPLOY / "requirements.txt"), pinned(SPACE / "requirements.txt")
    assert {canonicalize_name(wanted.name) for wanted in pin.dependencies()} - {"gradio"} <= set(ours)
    assert ours == {name: pins[name] for name in ours}


def test_the_space_starts_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the address that the Space gives, for the page that shows it in a frame."""
    started: list[Any] = []
    monkeypatch.setattr("lstm_apps.demo.launch", lambda **options: started.append(options))
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7861")
    runpy.run_path(str(SPACE / "app.py"), run_name="__main__")
    (options,) = started
    assert options["port"] == 7861
    assert options["frames"] == "https://huggingface.co"


def test_options_of_the_space_are_the_demos() -> None:
    options = runpy.run_path(str(SPACE / "app.py"), run_name="app")["OPTIONS"]
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    parsed = options_of(["demo", *words])
    assert {name: parsed[name] for name in options} == options


# What the page about it says ------------------------------------------------------------------------------------------


def test_the_page_tells_options_and_paths_as_they_are() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    parameters = inspect.signature(demo.launch).parameters
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `--")]
    documented = {name.replace("-", "_"): row[2] for row in rows for name in re.findall(r"`--([a-z-]+)`", row[0])}
    assert len(documented) >= 10
    for name, otherwise in documented.items():
        default = parameters[name].default
        if isinstance(default, int) and default:
            assert str(default) in otherwise, f"--{name}: {default}, not {otherwise}"
    serving = (ROOT / "apps" / "lstm_apps" / "server" / "app.py").read_text("utf-8")
    for path in ("/healthz", "/readyz", "/metrics"):
        assert f"| `{path}` |" in page
        assert f'"{path}"' in serving
