"""The map of modules in each `__init__`: every private module is on it, and knows only those before it."""

import ast
import re
from pathlib import Path

import pytest

import spikescan

FOLDER = Path(spikescan.__file__).resolve().parent


def on_the_map(folder):
    return re.findall(r"``(\w+)``", ast.get_docstring(ast.parse((folder / "__init__.py").read_text())))


def known_to(file, package):
    """The modules of `package` itself that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        if node.module == package:
            yield from (alias.name for alias in node.names)
        elif node.module.startswith(f"{package}."):
            yield node.module.removeprefix(f"{package}.").split(".")[0]


def faults(folder, package):
    places = {name: place for place, name in enumerate(on_the_map(folder))}
    files = [file for file in sorted(folder.rglob("*.py")) if file.parent != folder or not file.stem.startswith("__")]
    for file in files:
        own = file.relative_to(folder).parts[0].removesuffix(".py")
        if own not in places:
            yield f"{own} is not on the map"
            continue
        for other in known_to(file, package):
            if other != own and (folder / f"{other}.py").exists() and places.get(other, len(places)) >= places[own]:
                yield f"{own} knows {other}"


@pytest.mark.parametrize("folder", ("", "jax", "torch"))
def test_each_is_on_the_map_and_knows_those_before_it(folder):
    assert list(faults(FOLDER / folder, ".".join(filter(None, ("spikescan", folder))))) == []


def test_what_is_wrong_is_found(tmp_path):
    (tmp_path / "__init__.py").write_text('"""``_one`` and then ``_two``."""\n')
    (tmp_path / "_one.py").write_text("from made_up import _two\n")
    (tmp_path / "_two.py").write_text("from made_up._one import anything\n")
    (tmp_path / "_three.py").touch()
    assert list(faults(tmp_path, "made_up")) == ["_one knows _two", "_three is not on the map"]
