"""Every page's Python blocks run as written, in order, in one interpreter a page."""

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
PAGES = {"python.md": ("matplotlib", "nir"), "numpy.md": (), "jax.md": ("jax", "haiku", "flax"), "torch.md": ("torch",)}


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


def test_a_page_that_is_wrong_fails(tmp_path):
    assert run(tmp_path, blocks("numpy.md")[0] + "\nassert result.membrane is not None\n").returncode != 0


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((\w+\.md)", (ROOT / "docs" / page).read_text()):
        assert (ROOT / "docs" / target).exists(), target
