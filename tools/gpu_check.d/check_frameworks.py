"""bench/peers on the GPU, with the frameworks of the Python that runs the check: rows into the record, and who is absent."""

import json
import sys

from check_python import package, require_package
from check_session import NotRun

# Beyond the time for measuring: frameworks are imported first, and a case that was begun ends.
START_SECONDS, CASE_SECONDS = 30, 20
FEWEST_SECONDS = 5


def command(settings, out, only, seconds, series=None):
    return [sys.executable, settings.root / "bench" / "peers", "--device", "cuda", "--package",
            package(settings), "--only", ",".join(only), *(["--series", ",".join(series)] if series else []),
            "--seconds", f"{seconds:.0f}", "--prepare-seconds", str(CASE_SECONDS), "--out", out]


def measure(session, name, only, seconds, series=None):
    """How many rows, and a sentence: who is absent. Raises NotRun where nothing could be measured."""
    settings = session.settings
    if not (settings.root / "bench" / "peers" / "__main__.py").is_file():
        raise NotRun("bench/peers is not in this tree")
    require_package(settings)
    beyond = START_SECONDS + 2 * CASE_SECONDS
    seconds = min(seconds, session.remaining() - beyond)
    if seconds < FEWEST_SECONDS:
        raise NotRun("the time budget was used up")
    out = settings.build_dir / f"{name}.json"
    out.unlink(missing_ok=True)
    done = session.command(command(settings, out, only, seconds, series), seconds + beyond)
    if not out.is_file():
        raise NotRun(f"bench/peers ended with {done.code}: {done.output.strip()[-300:]}")
    made = json.loads(out.read_text())
    session.rows += [{**row, "device": session.gpu["name"]} for row in made["rows"]]
    session.absent_peers = (session.absent_peers or []) + made["absent_peers"]
    absent = "; ".join(f"{one['peer']} not run: {one['reason']}" for one in made["absent_peers"])
    if not made["rows"]:
        raise NotRun(absent or "bench/peers measured nothing")
    return len(made["rows"]), absent or "measured"
