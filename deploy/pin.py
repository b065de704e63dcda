"""Prints what the application needs to run, each package at the version that is installed beside this Python, with the
SHA-256 of every file of that release.

Run: python deploy/pin.py > deploy/requirements.txt    # needs uv and the network

The packages are those of ``dependencies`` in pyproject.toml and all that these need in turn, without extras. What only
a GPU needs is left out: PyTorch's build for the CPU asks for none of it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
FOR_GPUS = re.compile(r"(nvidia|cuda)-.*|triton")
HEAD = """# What the application runs with, each package at the version it was tested with, for a server with a CPU.
# Made by: python deploy/pin.py > deploy/requirements.txt
"""
HASHES = "uv pip compile - --no-deps --generate-hashes --no-header --no-annotate --quiet --python-version 3.11"


def dependencies() -> list[Requirement]:
    """The project's own dependencies, as pyproject.toml has them."""
    return [Requirement(text) for text in tomllib.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"]]


def closure(roots: Iterable[Requirement]) -> dict[str, str]:
    """Name -> installed version of the roots and of all that they need, sorted.

    Raises:
        SystemExit: one is not installed.
    """
    found: dict[str, str] = {}
    waiting, seen = list(roots), set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if FOR_GPUS.fullmatch(name) or (name, *sorted(wanted.extras)) in seen:
            continue
        seen.add((name, *sorted(wanted.extras)))
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            sys.exit(f"{name} is not installed here: pip install -e . brings it.")
        found[name] = installed.version.partition("+")[0]
        for text in installed.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)):
                waiting.append(needed)
    return dict(sorted(found.items()))


def hashed(versions: dict[str, str]) -> str:
    """Lines of a requirements file: each package with its version and the hashes of its files on the index.

    Raises:
        SystemExit: uv is missing, or finds no such release.
    """
    lines = "\n".join(f"{name}=={version}" for name, version in versions.items())
    try:
        return subprocess.run(HASHES.split(), input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout
    except FileNotFoundError:
        sys.exit("uv is not installed: pip install uv brings it.")
    except subprocess.CalledProcessError as error:
        sys.exit(f"uv found no hashes (exit status {error.returncode}).")


if __name__ == "__main__":
    print(HEAD + hashed(closure(dependencies())), end="")
