"""Fetches what a GPU machine without network lacks into .gpu_bundle/: Highway's headers, GoogleTest, Google Benchmark and
CLI11 (Debian packages, unpacked), and cuRAND's headers where the toolkit has none. A few MiB; it travels beside the tree
and is never committed."""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import record as records

PACKAGES = ("libgtest-dev", "libgmock-dev", "libbenchmark-dev", "libbenchmark1debian", "libcli11-dev", "libhwy-dev")
CURAND_WHEEL = "nvidia-curand"
CURAND_HEADER = "curand_philox4x32_x.h"
MOST_BYTES = 20 << 20
# What the packages hold and a build never reads. Highway serves as headers alone; its links lead to a package not fetched.
UNUSED = ("usr/share/doc", "usr/share/man", "usr/src", "usr/share/lintian", "usr/lib/*/libhwy*", "usr/lib/*/cmake/hwy")


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")


def unpack_packages(target):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # apt drops its rights before it writes here
        run(["apt-get", "download", *PACKAGES], folder)
        for package in sorted(Path(folder).glob("*.deb")):
            run(["dpkg", "-x", str(package), str(target)], folder)
    for path in [path for pattern in UNUSED for path in target.glob(pattern)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    copy_in_place_of_links(target)


def copy_in_place_of_links(folder):
    """Links do not survive every way of carrying a tree."""
    for path in [path for path in folder.rglob("*") if path.is_symlink()]:
        content = path.resolve(strict=True).read_bytes()
        path.unlink()
        path.write_bytes(content)


def toolkit_has_curand():
    return (Path("/usr/local/cuda/include") / CURAND_HEADER).is_file()


def unpack_curand(target):
    include = target / "curand" / "include"
    include.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        run([sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", folder, CURAND_WHEEL], folder)
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".h") and "/include/" in name:
                    (include / Path(name).name).write_bytes(archive.read(name))
    if not (include / CURAND_HEADER).is_file():
        raise RuntimeError(f"{wheel.name} holds no {CURAND_HEADER}")


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def make(root, target):
    target = Path(target)
    commit, dirty = records.commit_of(root)  # before anything is written beside the sources
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        unpack_packages(fresh)
        if not toolkit_has_curand():
            unpack_curand(fresh)
        (fresh / "commit.json").write_text(json.dumps({"commit": commit, "dirty": dirty}) + "\n")
        size = size_of(fresh)
        if size > MOST_BYTES:
            raise RuntimeError(f"{size} bytes, over the {MOST_BYTES} that may travel")
    except (RuntimeError, OSError, StopIteration) as error:
        shutil.rmtree(fresh, ignore_errors=True)
        print(f"gpu_check bundle: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(target, ignore_errors=True)
    fresh.replace(target)
    print(f"bundle: {target} ({size / (1 << 20):.1f} MiB)")
    return 0
