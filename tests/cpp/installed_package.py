#!/usr/bin/env python3
"""Installs the build into a prefix, moves the prefix, then builds and runs examples/install against it twice.

Once by find_package and once by pkg-config, with a PATH that holds no nvcc.
usage: installed_package.py SOURCE BUILD SCRATCH CMAKE GENERATOR C_COMPILER CXX_COMPILER
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

EXPECTED = {"from_cpp": r"from C\+\+: V is right", "from_c": r"from C: version and devices are right"}


def run(*command, env=None, cwd=None):
    command = [str(part) for part in command]
    print("+", " ".join(command), flush=True)
    done = subprocess.run(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}")
    return done.stdout


def run_programs(folder, env):
    for name, expression in EXPECTED.items():
        output = run(folder / name, env=env)
        if not re.search(expression, output):
            sys.exit(f"{name} printed {output!r}; {expression!r} expected")


def main():
    source, build, scratch = (pathlib.Path(argument) for argument in sys.argv[1:4])
    cmake, generator, c_compiler, cxx_compiler = sys.argv[4:]
    if scratch.name != "installed_package":
        sys.exit(f"the scratch folder is {scratch}; it is deleted first, so its name must be installed_package")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)

    # Installed here, used there: whatever still points to the first place is broken.
    run(cmake, "--install", build, "--prefix", scratch / "first")
    (scratch / "first").rename(scratch / "moved")
    prefix = scratch / "moved"

    if len(list(prefix.rglob("LICENSE"))) != 1:
        sys.exit("the license is not installed")

    env = dict(os.environ, PATH="/usr/local/bin:/usr/bin:/bin", CUDACXX="/nowhere/nvcc")
    for name in ("LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH", "PKG_CONFIG_PATH"):
        env.pop(name, None)

    example, by_cmake = source / "examples" / "install", scratch / "by_cmake"
    run(cmake, "-S", example, "-B", by_cmake, "-G", generator, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={c_compiler}", f"-DCMAKE_CXX_COMPILER={cxx_compiler}", env=env)
    run(cmake, "--build", by_cmake, env=env)
    run_programs(by_cmake, env)

    # Another 0.x is another ABI: asking for it must fail.
    other = scratch / "other_minor"
    other.mkdir()
    version = re.search(r'PACKAGE_VERSION "0[.](\d+)', next(prefix.rglob("spikescanConfigVersion.cmake")).read_text())
    wanted = f"0.{int(version.group(1)) + 1}"
    (other / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.22)\nproject(other LANGUAGES NONE)\n"
        f"find_package(spikescan {wanted} CONFIG QUIET)\nmessage(STATUS \"found=${{spikescan_FOUND}}\")\n")
    output = run(cmake, "-S", other, "-B", other / "build", "-G", generator, f"-DCMAKE_PREFIX_PATH={prefix}", env=env)
    if "found=0" not in output:
        sys.exit(f"find_package(spikescan {wanted}) must not accept this version")

    by_make = scratch / "by_make"
    shutil.copytree(example, by_make)
    folders = list(prefix.rglob("spikescan.pc"))
    if len(folders) != 1:
        sys.exit(f"{len(folders)} files named spikescan.pc in {prefix}; one expected")
    make_env = dict(env, PKG_CONFIG_PATH=str(folders[0].parent))
    run("make", f"CC={c_compiler}", f"CXX={cxx_compiler}", env=make_env, cwd=by_make)
    run_programs(by_make, env)

    for text in prefix.rglob("*"):
        if text.suffix in (".cmake", ".pc") and str(scratch) in text.read_text():
            sys.exit(f"{text} holds an absolute path")
    return 0


if __name__ == "__main__":
    sys.exit(main())
