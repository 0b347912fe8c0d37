"""The built Python package on this GPU: tests/python/gpu, with the frameworks that the Python running the check has."""

import collections
import importlib.metadata
import re
import sys
import xml.etree.ElementTree as ElementTree

from check_session import Failed, NotRun

FRAMEWORKS = ("numpy", "torch", "jax", "jaxlib", "cupy-cuda13x", "flax")
PYTHON_SECONDS = 200  # torch.compile and JAX take most of it
# JAX would take most of a GPU's memory, and threads that spin at barriers the cores.
ENVIRONMENT = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_WAIT_POLICY": "passive"}


def package(settings):
    """The folder for PYTHONPATH."""
    return settings.build_dir / "python"


def require_package(settings):
    """Raises NotRun where it was not built."""
    if not (package(settings) / "spikescan" / "libspikescan.so").is_file():
        raise NotRun("the Python package was not built")


def environment(settings):
    return {**ENVIRONMENT, "PYTHONPATH": str(package(settings))}


def report(settings):
    return settings.build_dir / "gpu_python.xml"


def command(settings):
    return [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report(settings)}",
            settings.root / "tests" / "python" / "gpu"]


def versions():
    """Of the frameworks that are here."""
    found = {}
    for name in FRAMEWORKS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def message(element):
    """pytest keeps the reason why a whole file was skipped in the text."""
    of_file = re.search(r"Skipped: (.*?)['\"]\)", element.text or "")
    return (of_file[1] if of_file else element.get("message", ""))[:300]


def messages(cases, kind):
    """{test: what pytest says of it} of those with an element of that kind."""
    found = {case.get("name"): case.find(kind) for case in cases}
    return {name: message(element) for name, element in found.items() if element is not None}


def counts(path):
    """What pytest's report says: numbers, what failed and why, and how often which reason to skip was given."""
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    failures = {**messages(cases, "failure"), **messages(cases, "error")}
    reasons = collections.Counter(messages(cases, "skipped").values())
    return {"run": len(cases), "failed": len(failures), "failures": failures, "skipped": reasons.total(),
            "reasons": dict(reasons), "versions": versions()}


def python(session):
    settings = session.settings
    require_package(settings)
    report(settings).unlink(missing_ok=True)
    done = session.command(command(settings), PYTHON_SECONDS, environment=environment(settings))
    if done.timed_out:
        raise Failed(f"pytest was stopped after {done.seconds:.0f} s", {"output": done.tail()})
    if "No module named pytest" in done.output:
        raise NotRun(f"{sys.executable} has no pytest")
    if not report(settings).is_file():
        raise Failed(f"pytest ended with {done.code}", {"output": done.tail()})
    figures = counts(report(settings))
    if done.code != 0:
        raise Failed(f"{figures['failed']} of {figures['run']} tests failed", {**figures, "output": done.tail()})
    if figures["run"] == figures["skipped"]:
        raise Failed("every test was skipped, on a machine with a GPU", figures)
    return figures
