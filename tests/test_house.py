"""The rules of the house, read from the source: who may import what, and what may stand where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib import metadata
from pathlib import Path
from typing import get_args

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engines.models.line import Queue
from lessons import course

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "diffusers", "plotly", "rapidocr", "onnxruntime")


def imports(path: Path, *, anywhere: bool) -> Iterator[str]:
    """Top-level names of modules that a file imports: anywhere in it, or only when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if anywhere else _at_import(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _at_import(child)


def roots(path: Path, *, anywhere: bool = True) -> set[str]:
    return {name.split(".")[0] for name in imports(path, anywhere=anywhere)}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", files("engines"), ids=lambda path: path.name)
def test_engines_know_nothing_of_pages(path: Path) -> None:
    assert not roots(path) & {"gradio", "lessons", "training"}


LESSONS = [key.replace("-", "_") for unit in course.UNITS for key in unit.lessons]


@pytest.mark.parametrize("path", files("lessons"), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_pages_and_the_shell_import_gradio_and_nothing_here_torch(path: Path) -> None:
    if path.name != "page.py" and path.parent.name != "shell":
        assert "gradio" not in roots(path)
    assert "torch" not in roots(path)


@pytest.mark.parametrize("key", LESSONS)
def test_no_lesson_imports_another(key: str) -> None:
    others = {f"lessons.{other}" for other in LESSONS if other != key}
    for path in files(f"lessons/{key}"):
        named = {".".join(name.split(".")[:2]) for name in imported(path)}
        assert not named & others, path


def test_benchmarks_import_no_lesson() -> None:
    assert not [path for path in files("benchmarks") if "lessons" in roots(path)]


def imported(path: Path) -> set[str]:
    """Every module that a file imports, whole, and every name it takes from one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_no_lesson_or_shell_module_imports_itself_by_way_of_others() -> None:
    """Counted as the files are when imported; what only a function imports, such as the course its pages, is not."""
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files("lessons")}
    graph = {}
    for name, path in modules.items():
        taken: set[str] = set()
        for node in _at_import(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                taken |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                taken |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        graph[name] = taken & modules.keys() - {name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(reversed(circle.args[1])))


@pytest.mark.parametrize("path", files("lessons"), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_queue_is_one_of_those_there_are(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        named = [word.value for word in node.keywords if word.arg in ("queue", "turn")]
        if isinstance(node.func, ast.Name) and node.func.id == "Endpoint":
            named += node.args[1:2]
        for one in named:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                assert one.value in get_args(Queue)


def test_pages_hold_controls_and_little_else() -> None:
    pages = [ROOT / "lessons" / key / "page.py" for key in LESSONS]
    lines = {page.parent.name: sum(bool(row.strip()) for row in page.read_text().splitlines()) for page in pages}
    assert sum(lines.values()) <= 178 * len(lines), lines
    assert not [page for page in pages if "gr.skip" in page.read_text()]


@pytest.mark.parametrize("key", LESSONS)
def test_pages_hold_no_markup_and_no_script(key: str) -> None:
    """Markup stands in ``figures.py``; a script is a file that ``scripts.script`` names, so that a browser keeps it."""
    for node in ast.walk(ast.parse((ROOT / "lessons" / key / "page.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.search(r"</?[a-z]+[ >]", node.value), f"line {node.lineno}"
        elif isinstance(node, ast.keyword) and node.arg == "js_on_load":
            assert "read_text" not in ast.unparse(node.value), f"line {node.value.lineno}"


@pytest.mark.parametrize("path", files("training"), ids=lambda path: path.name)
def test_recipes_know_nothing_of_pages(path: Path) -> None:
    assert not roots(path) & {"gradio", "lessons"}


def test_the_app_is_a_table_of_contents() -> None:
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 60
    assert roots(ROOT / "app.py") <= {"__future__", "typing", "gradio", "engines", "lessons"}


def test_every_package_imported_is_required_or_declared_by_one_that_is() -> None:
    """What comes only through the dependency of a dependency goes when that one changes its mind."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line) for line in lines if line and not line.startswith("#")]
    declared = [Requirement(line) for one in asked for line in metadata.requires(one.name) or ()]
    asked += [one for one in declared if one.marker is None or one.marker.evaluate({"extra": ""})]
    ours = {canonicalize_name(one.name) for one in asked}

    packages = metadata.packages_distributions()
    sources = [ROOT / "app.py", *(path for folder in ("engines", "lessons", "training") for path in files(folder))]
    names = {name for path in sources for name in roots(path)} - set(sys.stdlib_module_names)
    for name in names - {"app", "engines", "lessons", "training"}:
        assert {canonicalize_name(one) for one in packages.get(name, [])} & ours, name


def test_nothing_heavy_is_imported_when_the_app_starts() -> None:
    """Gradio itself may load plotly's stub or numpy; models and their libraries wait for first use."""
    code = "import sys, app; app.build(); print(sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout.strip().splitlines()[-1]))
    assert not loaded & set(HEAVY)


def test_no_name_of_a_test_holds_raw_bytes_or_a_whole_text(request: pytest.FixtureRequest) -> None:
    """Names held PNG files and wheels with the time in them; each process of a parallel run then had other tests."""
    assert not [item.nodeid[:200] for item in request.session.items if len(item.name) > 250]
    for item in request.session.items:
        for value in getattr(getattr(item, "callspec", None), "params", {}).values():
            if isinstance(value, bytes) and value:
                assert ascii(value)[2:-1] not in item.name
