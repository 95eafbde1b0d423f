"""What a plain ``sam build`` packages for AWS, whatever machine builds it."""

from __future__ import annotations

import ast
import filecmp
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cfnlint.decode import cfn_yaml

from arxiv_digest.language import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
SAM = ROOT / ".local/sam/bin/sam"
UV = ROOT / ".local/uv/bin"

UNZIPPED_LIMIT = 262_144_000
"""Lambda's limit of a function with its layers, in bytes."""

AARCH64, X86_64 = 183, 62
"""``e_machine`` of the ELF header."""

TEMPLATE = cfn_yaml.load(str(ROOT / "template.yaml"))
RESOURCES = TEMPLATE["Resources"]
LAYERS = [
    name
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::LayerVersion"
]
FUNCTIONS = {
    name: [layer["Ref"] for layer in resource["Properties"]["Layers"]]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}
WITH_WHEELS = ["DependenciesLayer", "RankingLayer"]


def environment(path: str, **more: str) -> dict[str, str]:
    """This process's environment without what would choose another target or another uv."""
    chosen = ("ARCHITECTURE", "PYTHON_VERSION", "UV", "UV_PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in chosen}
    return {**kept, "PATH": path, "SAM_CLI_TELEMETRY": "0", **more}


def run(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def sam_build(folder: Path) -> Path:
    path = f"{UV}{os.pathsep}{os.environ['PATH']}"
    run([str(SAM), "build", "--build-dir", str(folder)], environment(path))
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template built for AWS with its default parameters."""
    return sam_build(tmp_path_factory.mktemp("aws"))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in files(folder))


def machines(folder: Path) -> dict[Path, int]:
    """The processor that each ELF file of a folder is for, by its header."""
    found = {}
    for path in files(folder):
        with path.open("rb") as file:
            header = file.read(20)
        if header.startswith(b"\x7fELF"):
            [found[path.relative_to(folder)]] = struct.iter_unpack("<H", header[18:20])
    return {path: machine for path, (machine,) in found.items()}


def pythons(folder: Path) -> set[str]:
    """The tags of the interpreters that the extensions of a folder are for."""
    tags = (re.search(r"\.(cpython-\d+|abi3)\b", path.name) for path in files(folder))
    return {tag[1] for tag in tags if tag}


def distributions(folder: Path) -> set[str]:
    return {path.name.partition("-")[0] for path in (folder / "python").glob("*.dist-info")}


# ------------------------------------------------------------------------------ processor, size


@pytest.mark.parametrize("layer", WITH_WHEELS)
def test_compiled_code_is_for_the_lambdas_processor_and_python(built: Path, layer: str) -> None:
    found = machines(built / layer)
    assert found
    assert {path: machine for path, machine in found.items() if machine != AARCH64} == {}
    assert pythons(built / layer) - {"abi3"} == {"cpython-313"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_and_its_layers_fit_lambdas_limit(built: Path, function: str) -> None:
    sizes = {name: size(built / name) for name in [function, *FUNCTIONS[function]]}
    assert sum(sizes.values()) < UNZIPPED_LIMIT, sizes


def test_environment_variables_build_for_another_processor_and_python_and_no_uv_is_needed(
    tmp_path: Path,
) -> None:
    # A script, since a link to the interpreter of a virtual environment would not know of it.
    python = tmp_path / "bin/python3"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    path = f"{python.parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
    layer = tmp_path / "build/DependenciesLayer"
    layer.mkdir(parents=True)
    make = ["make", "build-DependenciesLayer", f"ARTIFACTS_DIR={layer}"]
    chosen = environment(path, ARCHITECTURE="x86_64", PYTHON_VERSION="3.12")
    said = run(make, chosen, ROOT / "layers/dependencies")
    assert set(machines(layer).values()) == {X86_64}
    assert pythons(layer) - {"abi3"} == {"cpython-312"}
    # Layers are built at the same time, so what is installed for one is its own; and it goes again.
    assert f"{layer}/.." not in said
    assert list(layer.parent.iterdir()) == [layer]
    assert "uv" not in distributions(layer)


# ------------------------------------------------------------------------------ content


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_packaged_as_one_file(built: Path, function: str) -> None:
    assert [path.name for path in files(built / function)] == ["app.py"]


def test_layers_carry_no_tests_stubs_bytecode_or_programs(built: Path) -> None:
    for layer in LAYERS:
        assert [path.name for path in (built / layer).iterdir()] == ["python"]
        folder = built / layer / "python"
        unwanted = [
            path
            for path in folder.rglob("*")
            if path.name in ("tests", "__pycache__") or path.suffix in (".pyc", ".pyi")
        ]
        assert unwanted == []
        assert not (folder / "bin").exists()


def test_the_common_layer_is_our_package_and_the_readers_profile(built: Path) -> None:
    source = ROOT / "layers/common"
    expected = {
        path.relative_to(source): path
        for path in files(source / "arxiv_digest")
        if "__pycache__" not in path.parts
    }
    expected[Path("arxiv_digest/profile.yaml")] = ROOT / "profile.yaml"
    folder = built / "CommonLayer/python"
    packaged = {path.relative_to(folder): path for path in files(folder)}
    assert set(packaged) == set(expected)
    # Templates travel too, and what editors and checkers leave behind does not.
    assert {path.suffix for path in packaged} == {".py", ".j2", ".js", ".yaml"}
    for path, original in expected.items():
        assert filecmp.cmp(packaged[path], original, shallow=False), path


def test_no_distribution_is_packaged_twice(built: Path) -> None:
    # Of two copies the function would import the one of the layer that is listed first.
    dependencies, ranking = (distributions(built / layer) for layer in WITH_WHEELS)
    assert dependencies & ranking == set()


# ------------------------------------------------------------------------------ imports


@cache
def imports(code: Path) -> tuple[str, ...]:
    """What a module imports, when it is imported or later; names of modules, dotted."""
    return tuple(_imports(code))


def _imports(code: Path) -> Iterator[str]:
    pending: list[ast.AST] = [ast.parse(code.read_text("utf-8"))]
    while pending:
        node = pending.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pending += node.orelse
                continue
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module
                # Each name may be a module of a package: `from arxiv_digest import rendering`.
                yield from (f"{module}.{alias.name}" for alias in node.names)
        pending += ast.iter_child_nodes(node)


def reached(app: Path, package: Path) -> set[Path]:
    """A function's file, and the modules of our package that it imports, by whatever way."""
    found: set[Path] = set()
    pending = [app]
    while pending:
        code = pending.pop()
        if code in found:
            continue
        found.add(code)
        for name in imports(code):
            steps = name.split(".")
            for count in range(1, len(steps) + 1):
                module = package.joinpath(*steps[:count])
                candidates = (module.with_suffix(".py"), module / "__init__.py")
                pending += [path for path in candidates if path.is_file()]
    return found


def provides(folder: Path, module: str) -> bool:
    """Whether a layer has a module or a package, by its first name."""
    files = (folder / "python").glob(f"{module}.*")
    return (folder / "python" / module).is_dir() or any(
        path.suffix in (".py", ".so") and path.is_file() for path in files
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_finds_all_it_imports_in_its_layers(built: Path, function: str) -> None:
    # The emulator cannot tell: functions on it see the packages of its own environment as well.
    modules = reached(built / function / "app.py", built / "CommonLayer/python")
    assert len(modules) > 10
    wanted = {name.partition(".")[0] for code in modules for name in imports(code)}
    wanted -= sys.stdlib_module_names
    layers = [built / layer for layer in FUNCTIONS[function]]
    assert [name for name in sorted(wanted) if not any(provides(f, name) for f in layers)] == []


def test_every_module_of_ours_finds_what_it_imports_in_some_layer(built: Path) -> None:
    ours = [*ROOT.glob("functions/*/app.py"), *ROOT.glob("layers/common/arxiv_digest/**/*.py")]
    wanted = {name.partition(".")[0] for code in ours for name in imports(code)}
    wanted -= sys.stdlib_module_names
    assert wanted >= {"boto3", "openai", "sklearn"}
    layers = [built / layer for layer in LAYERS]
    assert [name for name in sorted(wanted) if not any(provides(f, name) for f in layers)] == []


def test_only_what_carries_the_ranking_layer_reaches_for_it(built: Path) -> None:
    heavy = {"numpy", "scipy", "sklearn"}
    for function, layers in FUNCTIONS.items():
        modules = reached(built / function / "app.py", built / "CommonLayer/python")
        wanted = {name.partition(".")[0] for code in modules for name in imports(code)}
        assert bool(wanted & heavy) is ("RankingLayer" in layers), function


def test_the_aws_services_that_the_functions_call_are_the_ones_packaged(built: Path) -> None:
    code = "".join(app.read_text("utf-8") for app in ROOT.glob("functions/*/app.py"))
    called = set(re.findall(r'boto3\.(?:client|resource)\("(\w+)"', code))
    data = built / "DependenciesLayer/python/botocore/data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == called
    # Our own package is handed its clients.
    ours = ROOT.glob("layers/common/arxiv_digest/**/*.py")
    assert not [code for code in ours if "boto3.client(" in code.read_text("utf-8")]


def test_the_languages_of_digests_are_the_ones_packaged(built: Path) -> None:
    locales = (built / "DependenciesLayer/python/babel/locale-data").glob("*.dat")
    packaged = {path.stem.partition("_")[0] for path in locales}
    assert packaged == {"root", *LANGUAGES}


def test_time_zones_are_packaged(built: Path) -> None:
    # zoneinfo reads them from this distribution where the system has none, and imports no name.
    assert "tzdata" in distributions(built / "DependenciesLayer")


def test_nothing_packaged_needs_the_folders_that_were_left_out(built: Path) -> None:
    # Importing a module of a package's own tests at run time would fail on AWS only: the emulator
    # runs other versions of the wheels. What nobody imports is named here.
    harmless = {"scipy/special/_precompute", "joblib/test"}
    needed = re.compile(rb"^(?:from|import) [\w.]+\.tests\b", re.MULTILINE)
    for layer in WITH_WHEELS:
        folder = built / layer / "python"
        found = {
            path.relative_to(folder).parent.as_posix()
            for path in folder.rglob("*.py")
            # Looked for first, since few files have it and the expression is slow on all others.
            if b".tests" in (content := path.read_bytes()) and needed.search(content)
        }
        assert found <= harmless
