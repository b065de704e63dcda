"""The package as a whole: what its import brings in, its public names, and what the wheel and the sdist hold."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import lstm_models

ROOT = Path(__file__).parents[2]
HEAVY = ("torchvision", "torchaudio", "timm", "librosa", "gradio", "lightning", "matplotlib", "PIL", "safetensors")


def run(code: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded_after(statement: str, cwd: Path) -> set[str]:
    tops = run(f"import sys; {statement}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))", cwd)
    return set(tops.split())


def test_import_brings_in_nothing_heavy(tmp_path: Path) -> None:
    assert loaded_after("import lstm_models", tmp_path) & {*HEAVY, "lstm_apps", "lstm_datasets"} == set()


def test_the_backbone_needs_torch_only(tmp_path: Path) -> None:
    loaded = loaded_after("import lstm_models; lstm_models.LSTM(2, 3)", tmp_path)
    assert "torch" in loaded
    assert loaded & {*HEAVY, "lstm_apps", "lstm_datasets"} == set()


def test_the_writer_needs_torch_and_numpy_only(tmp_path: Path) -> None:
    loaded = loaded_after("from lstm_models import HandwritingWriter, Drawing, load", tmp_path)
    assert loaded & {*HEAVY, "lstm_apps", "lstm_datasets"} == set()


@pytest.mark.parametrize("name", lstm_models.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(lstm_models, name)
    assert value is getattr(lstm_models, name)
    assert name in dir(lstm_models)
    if name != "__version__":
        assert value.__doc__, f"{name} has no docstring"


def test_every_bundled_model_has_a_type() -> None:
    """`load` knows of each bundled name what it gives (in ``__init__.pyi``), and that is what it gives."""
    stub = Path(lstm_models.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    overloads = dict(re.findall(r'source: typing.Literal\["([\w-]+)"\][^>]*-> (?:_ngram\.)?(\w+): \.\.\.', stub))
    assert set(overloads) == set(lstm_models.available())
    for name, kind in overloads.items():
        assert type(lstm_models.load(name)).__name__ == kind


PROGRAM = """
import lstm_models

captioner = lstm_models.load("captioner")
reveal_type(captioner)
reveal_type(lstm_models.load("reader"))
reveal_type(lstm_models.load("recognizer"))
reveal_type(lstm_models.load("words"))
writer = lstm_models.load("writer")
reveal_type(writer)
drawing = writer.write("Dear reader,", seed=1)
reveal_type(drawing)
lstm_models.LSTM(80, 512, layers=3, bidirectional=True, layer_norm=True)
writer.write("Dear reader,", sed=1)  # a typing error
"""


@pytest.mark.slow
def test_a_program_that_uses_the_package_is_type_checked(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    paths = os.pathsep.join(str(ROOT / folder) for folder in (".", "datasets", "apps"))
    before = os.environ.get("MYPYPATH")
    os.environ["MYPYPATH"] = paths
    try:
        out, _, _ = api.run(["--config-file=", "--follow-imports=silent", "--cache-dir", str(tmp_path), str(program)])
    finally:
        os.environ.pop("MYPYPATH")
        if before is not None:
            os.environ["MYPYPATH"] = before
    kinds = re.findall(r'Revealed type is "lstm_models\.[\w.]+\.(\w+)"', out)
    assert kinds == ["Captioner", "HandwritingReader", "Recognizer", "NGram", "HandwritingWriter", "Drawing"], out
    errors = [line for line in out.splitlines() if ": error:" in line]
    assert len(errors) == 1, out
    assert 'Unexpected keyword argument "sed"' in errors[0]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="GRU"):
        getattr(lstm_models, "GRU")  # noqa: B009 - a plain attribute is a type error, too


def test_importing_star_gives_the_public_names() -> None:
    scope: dict[str, object] = {}
    exec("from lstm_models import *", scope)
    assert set(lstm_models.__all__) <= scope.keys()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, built with the backend directly: no network, no isolation."""
    pytest.importorskip("hatchling")
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("not a source tree")
    out = tmp_path_factory.mktemp("dist")
    code = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1])); print(b.build_sdist(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(out)], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return out


def imported(package: str) -> set[str]:
    """Top-level modules a package imports, wherever in its files."""
    names = set()
    for path in Path(importlib.import_module(package).__file__ or "").parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", ["lstm_models", "lstm_datasets", "lstm_apps"])
def test_every_import_is_a_declared_dependency(package: str, built: Path) -> None:
    (wheel,) = built.glob("lstm_models-*.whl")
    metadata = zipfile.ZipFile(wheel).read(f"lstm_models-{lstm_models.__version__}.dist-info/METADATA").decode()
    declared = {name.lower() for name in re.findall(r"^Requires-Dist: ([\w-]+)", metadata, flags=re.MULTILINE)}
    assert "torch" in declared
    distributions = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml", "hibari": "hibari-tts"}
    foreign = imported(package) - sys.stdlib_module_names - {"lstm_models", "lstm_datasets", "lstm_apps"}
    names = {distributions.get(name, name).lower().replace("_", "-") for name in foreign}
    assert names <= {name.replace("_", "-") for name in declared}


def weights_files() -> set[str]:
    folder = ROOT / "lstm_models" / "weights"
    return {path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_holds_three_packages_and_the_weights(built: Path) -> None:
    (wheel,) = built.glob("lstm_models-*.whl")
    assert wheel.name == f"lstm_models-{lstm_models.__version__}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("lstm_models", "lstm_datasets", "lstm_apps"):
        assert {f"{package}/__init__.py", f"{package}/py.typed"} <= names
    assert "lstm_models/__init__.pyi" in names
    assert weights_files() <= names
    for kind in ("css", "js", "html", "yaml"):  # what the demo and the command line read beside their modules
        data = {path.relative_to(ROOT / "apps").as_posix() for path in (ROOT / "apps").rglob(f"*.{kind}")}
        assert data
        assert data <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"lstm_models", "lstm_datasets", "lstm_apps", f"lstm_models-{lstm_models.__version__}.dist-info"}
    entry = zipfile.ZipFile(wheel).read(f"lstm_models-{lstm_models.__version__}.dist-info/entry_points.txt").decode()
    assert "lstm-models = lstm_apps.cli:main" in entry


def test_the_sdist_holds_the_sources_and_the_weights_and_nothing_else(built: Path) -> None:
    (sdist,) = built.glob("lstm_models-*.tar.gz")
    top = sdist.name.removesuffix(".tar.gz") + "/"
    with tarfile.open(sdist) as archive:
        names = {name.removeprefix(top) for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "datasets/lstm_datasets/__init__.py"} <= names
    assert weights_files() <= names
    unwanted = re.compile(r"(^|/)(shared|runs|cache|\.venv|\.git|__pycache__|lightning_logs)(/|$)|\.(ckpt|pt|pyc)$")
    assert not [name for name in names if unwanted.search(name)]


def test_the_bundled_weights_stay_small() -> None:
    """96 MiB together at most."""
    assert sum((ROOT / name).stat().st_size for name in weights_files()) <= 96 * 2**20


@pytest.mark.slow
def test_the_wheel_works_outside_the_checkout(built: Path, tmp_path: Path) -> None:
    """Unpacked alone into a folder, it imports, shows its help and knows its models."""
    (wheel,) = built.glob("lstm_models-*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "import lstm_models, lstm_datasets, lstm_apps, sys\n"
        "assert all(m.__file__.startswith(sys.argv[1]) for m in (lstm_models, lstm_datasets, lstm_apps))\n"
        "from lstm_apps.cli import main\n"
        "for name in lstm_models.available(): lstm_models.load(name)\n"
        "sys.exit(main(['models']))"
    )
    # PYTHONPATH comes before the .pth file of an editable install
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(site)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    for name in lstm_models.available():
        assert name in done.stdout
