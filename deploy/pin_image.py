"""Names the Dockerfile's base image by its digest, as its registry gives it today, so that every build starts from the
same bytes.

Run: python deploy/pin_image.py    # needs docker with buildx, or skopeo, and the network

Writes it behind the version, ``python:3.11-slim-bookworm@sha256:…``, in every FROM; an older digest is replaced. The
digest is that of the list of all platforms' images. Dependabot keeps it up to date once it is there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

DOCKERFILE = Path(__file__).resolve().parents[1] / "Dockerfile"
FROM = re.compile(r"^FROM (?P<name>[\w./-]+:[\w.-]+)(?P<digest>@sha256:[0-9a-f]{64})?", re.MULTILINE)
ASK = (
    ("docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", ""),
    ("skopeo", "inspect", "--format", "{{.Digest}}", "docker://"),
)


def digest(name: str) -> str:
    """What the registry gives as the image's digest: ``sha256:`` and 64 hexadecimal digits.

    Raises:
        SystemExit: neither program is installed, or none gets an answer.
    """
    said = []
    for program, *arguments, scheme in ASK:
        if shutil.which(program) is None:
            said.append(f"{program} is not installed")
            continue
        run = subprocess.run([program, *arguments, scheme + name], capture_output=True, text=True)
        if run.returncode == 0 and re.fullmatch(r"sha256:[0-9a-f]{64}", run.stdout.strip()):
            return run.stdout.strip()
        said.append(f"{program}: {(run.stderr.strip().splitlines() or ['no digest'])[-1]}")
    sys.exit(f"The digest of {name} is not known ({'; '.join(said)}), and the Dockerfile stays as it is.")


def pinned(text: str) -> str:
    """A Dockerfile's text with the digest of each base image."""
    found = {name: digest(name) for name in sorted({match["name"] for match in FROM.finditer(text)})}
    return FROM.sub(lambda match: f"FROM {match['name']}@{found[match['name']]}", text)


if __name__ == "__main__":
    DOCKERFILE.write_text(pinned(DOCKERFILE.read_text("utf-8")), "utf-8")
