"""Each page's Python blocks run as written, in order, in one interpreter; and the examples that README quotes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

import spikescan

STAGE = Path(spikescan.__file__).parent.parent
# page -> modules whose absence skips it
PAGES = {
    "python.md": ("matplotlib", "nir"),
    "numpy.md": (),
    "jax.md": ("jax", "haiku", "flax"),
    "torch.md": ("torch",),
    "reproducibility.md": (),
}


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.S | re.M)


def run(tmp_path, source):
    script = tmp_path / "page.py"
    script.write_text(source)
    environment = {**os.environ, "PYTHONPATH": str(STAGE)}
    return subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(tmp_path, page):
    for module in PAGES[page]:
        pytest.importorskip(module, reason=f"{page} needs {module}")
    parts = blocks(page)
    assert parts, "no examples found"
    done = run(tmp_path, "\n".join(parts))
    assert done.returncode == 0, done.stderr


# tests/cpp/readme_examples.py holds README to these files.
EXAMPLES = {"minimal.py": r"firing rate 0\.\d*[1-9]\d*, V and dL/dx are finite, dL/dbeta is \(64,\)"}


def test_every_example_is_here():
    assert {path.name for path in (ROOT / "examples" / "python").glob("*.py")} == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(tmp_path, name):
    done = run(tmp_path, (ROOT / "examples" / "python" / name).read_text())
    assert done.returncode == 0, done.stderr
    assert re.search(EXAMPLES[name], done.stdout), done.stdout


def test_a_page_that_is_wrong_fails(tmp_path):
    assert run(tmp_path, blocks("numpy.md")[0] + "\nassert result.membrane is not None\n").returncode != 0


DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    prose = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", prose):
        assert (document.parent / target).exists(), target
