"""The rules of the house, read from the source: who may import what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("path", files("lessons"), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_pages_and_the_shell_import_gradio_and_only_pages_torch(path: Path) -> None:
    if path.name != "page.py" and path.parent.name != "shell":
        assert "gradio" not in roots(path)
    if path.name != "page.py":
        assert "torch" not in roots(path)


@pytest.mark.parametrize("path", files("training"), ids=lambda path: path.name)
def test_recipes_know_nothing_of_pages(path: Path) -> None:
    assert not roots(path) & {"gradio", "lessons"}


def test_the_app_is_a_table_of_contents() -> None:
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 60
    assert roots(ROOT / "app.py") <= {"__future__", "typing", "gradio", "engines", "lessons"}


def test_nothing_heavy_is_imported_when_the_app_starts() -> None:
    """Gradio itself may load plotly's stub or numpy; models and their libraries wait for first use."""
    code = "import sys, app; app.build(); print(sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout.strip().splitlines()[-1]))
    assert not loaded & set(HEAVY)
