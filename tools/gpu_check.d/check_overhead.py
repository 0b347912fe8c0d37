"""What a call from Python costs the host above the C ABI on this GPU, beside what frameworks take for doing nothing."""

import json
import sys

from check_python import environment, require_package
from check_session import Failed

SECONDS, TURNS = 90, 15


def out(settings):
    return settings.build_dir / "overhead.json"


def command(settings):
    return [sys.executable, settings.root / "bench" / "python" / "overhead.py", "--device", "cuda", "--turns", str(TURNS),
            "--json", out(settings)]


def overhead(session):
    settings = session.settings
    require_package(settings)
    out(settings).unlink(missing_ok=True)
    done = session.must(command(settings), SECONDS, environment=environment(settings))
    if not out(settings).is_file():
        raise Failed("bench/python/overhead.py wrote no figures", {"output": done.tail()})
    left_out = [line for line in done.output.splitlines() if line.startswith("left out: ")]
    return {**json.loads(out(settings).read_text()), "left_out": left_out}
