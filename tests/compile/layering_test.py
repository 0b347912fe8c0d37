#!/usr/bin/env python3
"""Data flows down, never back: holds every #include in the tree against the layers below.

Also: CUDA's and OpenMP's headers stay where they belong, no framework is named below the adapters, the kernels
differ for no architecture, and no file cites a document that is not in the repository: the contract is docs/model.md.
usage: layering_test.py ROOT      or      layering_test.py --self-test
"""
import os
import pathlib
import re
import sys
import tempfile

SUFFIXES = {".h", ".hpp", ".c", ".cc", ".cpp", ".cu", ".cuh", ".inc"}
INCLUDE = re.compile(r"^\s*#\s*include\s*(?:\"([^\"]+)\"|<([^>]+)>|(\S.*))")

C_HEADER = "include/spikescan/spikescan.h"
ELEMENT = "kernels/element/"
BETWEEN = "kernels/*"  # the files right in kernels/: what the host and the backends share

# Folder: what its files may include of ours. The longest folder that fits a file counts. A pattern that ends in / is
# a whole tree, one that ends in /* the files right in it, any other one file.
LAYERS = {
    "include/spikescan/": ["include/spikescan/*"],
    "kernels/element/": [ELEMENT, C_HEADER],
    "kernels/": [BETWEEN, ELEMENT, C_HEADER],
    "kernels/cpu/": ["kernels/cpu/", BETWEEN, ELEMENT, C_HEADER],
    "kernels/cuda/": ["kernels/cuda/", BETWEEN, ELEMENT, C_HEADER],
    "host/": ["host/", BETWEEN, ELEMENT, C_HEADER],
    "python/": ["python/", C_HEADER],
    "bench/": ["bench/", ELEMENT, "include/spikescan/*"],
    "examples/": ["examples/", "include/spikescan/*"],
    "examples/demo/": ["examples/demo/", "bench/support/", "include/spikescan/*"],
    # The reference must not learn from what it judges, and these see the library as a user does.
    "tests/reference/": ["tests/reference/", C_HEADER],
    "tests/cpp/": ["tests/cpp/", "include/spikescan/*"],
    "tests/bench/": ["bench/", "include/spikescan/*"],
    "tests/": ["tests/", "host/", "kernels/", "bench/support/", "python/", "include/spikescan/*"],
}
EXCEPTIONS = {
    # The kernels' two doors to the harness that runs them on the host.
    ("kernels/cuda/device.h", "tests/simt/simt.h"),
    ("kernels/cuda/launch.h", "tests/simt/try_launch.h"),
    # `spikescan-bench sweep` times launch plans that no call of the C ABI can ask for.
    ("bench/command/plans.h", "host/plan.h"),
    ("bench/command/plans.cpp", "host/print_plan.h"),
    ("bench/command/sweep_device.cpp", "host/firing_setup.h"),
    ("bench/command/sweep_device.cpp", "kernels/backend.h"),
    # The random generator alone, as the CPU's lanes run it.
    ("bench/command/generator_lanes.cpp", "kernels/cpu/vector_philox.h"),
}

# System headers that only some folders may have.
BOUND_HEADERS = [
    (re.compile(r"^(cuda|curand|cub/|thrust/|nv/)"), "CUDA's", (
        "kernels/cuda/", "tests/", "examples/cpp/graph.cpp", "bench/peers/cub_scan.cu", "bench/support/cuda_")),
    (re.compile(r"^omp\.h$"), "OpenMP's", ("kernels/cpu/", "bench/", "tests/")),
]

BELOW_ADAPTERS = ("include/", "kernels/", "host/")
FRAMEWORKS = re.compile(r"\b(py)?(torch|jax\w*|xla\w*|numpy|cupy|tensorflow|keras|flax|haiku|dlpack|pybind11|nanobind|"
                        r"aten|c10|pyobject)\b|\bpython\.h\b", re.IGNORECASE)

# Beside the refusal of what is older than the lowest.
ARCHITECTURES = re.compile(r"__CUDA_ARCH__\s*[<>=!]+\s*(?!800\b)\d+|__CUDA_ARCH_\w*(FEAT|SPECIFIC)|\bNV_IF_\w+")

# Their drafts, which comments once cited.
ABSENT_DOCUMENTS = re.compile(r"\b(?:SPEC|DESIGN|STYLE|RELIABILITY)(?:\.md\b| sections? \d| R\d|,? key idea)")
CITING_TOPS = ("bench", "cmake", "examples", "host", "include", "kernels", "python", "tests", "tools")
CITING_SUFFIXES = SUFFIXES | {".py", ".txt", ".cmake", ".in", ""}


def citation_complaints(root):
    """Lines outside docs/ that cite a document which a reader cannot find."""
    found = []
    for top in CITING_TOPS:
        for folder, folders, names in os.walk(root / top):
            folders[:] = sorted(name for name in folders if name not in ("__pycache__", "results"))
            for name in sorted(names):
                path = pathlib.Path(folder) / name
                place = path.relative_to(root).as_posix()
                if path.suffix not in CITING_SUFFIXES or place == "tests/compile/layering_test.py":
                    continue
                for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                    if match := ABSENT_DOCUMENTS.search(line):
                        found.append(f"{place}:{number}: cites {match.group(0)!r}; the contract is docs/model.md")
    return found


def source_files(root):
    for top in sorted({folder.split("/")[0] for folder in LAYERS}):
        for folder, _, names in os.walk(root / top):
            for name in sorted(names):
                if pathlib.Path(name).suffix in SUFFIXES:
                    yield (pathlib.Path(folder) / name).relative_to(root).as_posix()


def layer_of(path):
    return max((folder for folder in LAYERS if path.startswith(folder)), key=len, default=None)


def fits(path, pattern):
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1]) and "/" not in path[len(pattern) - 1 :]
    return path.startswith(pattern) if pattern.endswith("/") else path == pattern


def resolve(root, path, name):
    """The file of ours that an include names, as the build's include directories find it, or None."""
    for folder in (pathlib.Path(path).parent, "", "include", "tests", "bench"):
        candidate = pathlib.Path(os.path.normpath(root / folder / name))
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    return None


def include_complaint(root, path, quoted, angled):
    target = resolve(root, path, quoted or angled)
    if target is None:
        if quoted:
            return f'"{quoted}" names no file of the tree; a system header goes in <>'
        for pattern, whose, folders in BOUND_HEADERS:
            if pattern.match(angled) and not path.startswith(folders):
                return f"<{angled}> is one of {whose} headers, which belong in {', '.join(folders)}"
        return None
    layer = layer_of(path)
    if (path, target) in EXCEPTIONS or any(fits(target, pattern) for pattern in LAYERS[layer]):
        return None
    return f"includes {target}; {layer} may include only {', '.join(LAYERS[layer])}"


def complaints(root):
    """What is wrong, and how many includes of ours were looked at in each layer."""
    root = pathlib.Path(os.path.abspath(root))
    found, seen = [], dict.fromkeys(LAYERS, 0)
    for path in source_files(root):
        if layer_of(path) is None:
            found.append(f"{path}: no layer is written down for its folder")
            continue
        for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
            place = f"{path}:{number}"
            if path.startswith(BELOW_ADAPTERS) and (name := FRAMEWORKS.search(line)):
                found.append(f"{place}: names the framework {name.group(0)!r} below the adapters")
            if path.startswith("kernels/") and (asked := ARCHITECTURES.search(line)):
                found.append(f"{place}: asks for {asked.group(0)!r}; one PTX serves all GPUs (cmake/cuda.cmake)")
            if not (match := INCLUDE.match(line)):
                continue
            quoted, angled, other = match.groups()
            if other:
                found.append(f"{place}: includes {other.strip()}, which cannot be followed; write the file's name")
                continue
            seen[layer_of(path)] += 1
            if sentence := include_complaint(root, path, quoted, angled):
                found.append(f"{place}: {sentence}")
    return found + citation_complaints(root), seen


def write(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


GOOD_TREE = {
    "include/spikescan/spikescan.h": "#include <stddef.h>\n/* a compiled step; a latent variable */\n",
    "include/spikescan/spikescan.hpp": "#include <spikescan/spikescan.h>\n#include <vector>\n",
    "kernels/element/real.h": "#include <cstdint>\n",
    "kernels/element/firing.h": '#include "include/spikescan/spikescan.h"\n#include "kernels/element/real.h"\n',
    "kernels/backend.h": '#include "kernels/element/firing.h"\n',
    "kernels/cpu/pass.cpp": '#include <omp.h>\n#include "kernels/backend.h"\n',
    "kernels/cuda/device.h": '#include <cuda_runtime.h>\n#  include "simt/simt.h"\n#if __CUDA_ARCH__ < 800\n',
    "host/api.cpp": '#include "kernels/backend.h"\n#include "kernels/element/real.h"\n',
    "python/xla/call.cpp": '#include "spikescan/spikescan.h"\n// numpy and jax are fine here\n',
    "bench/scan.cpp": '#include "support/copy.h"\n',
    "bench/support/copy.h": '#include "spikescan/spikescan.h"\n',
    "examples/cpp/tour.cpp": "#include <spikescan/spikescan.hpp>\n",
    "examples/demo/main.cpp": '#include "bench/support/copy.h"\n',
    "tests/simt/simt.h": "#include <cuda_runtime_api.h>\n",
    "tests/host/api_test.cpp": '#include "kernels/backend.h"\n#include "simt/simt.h"\n',
    "tests/bench/scan_test.cpp": '#include "bench/scan.cpp"\n',
    "tests/reference/passes.cpp": '#include "spikescan/spikescan.h"\n',
    "tests/cpp/face_test.cpp": "#include <spikescan/spikescan.hpp>\n",
}

# One fault each, as a file that is added to the good tree, and what the complaint must say.
PLANTED = [
    ("host/bad.cpp", '#include "kernels/cpu/pass.cpp"\n', "host/ may include only"),
    ("host/bad.cpp", "#include <spikescan/spikescan.hpp>\n", "include/spikescan/spikescan.hpp"),
    ("host/bad.cpp", "  #  include <cuda_runtime.h>\n", "CUDA's"),
    ("host/bad.cpp", "#include <omp.h>\n", "OpenMP's"),
    ("host/bad.cpp", '#include "simt/simt.h"\n', "tests/simt/simt.h"),
    ("host/bad.cpp", '#include "kernels/gone.h"\n', "names no file"),
    ("host/bad.cpp", "#include SOME_MACRO\n", "cannot be followed"),
    ("host/bad.cpp", "// as a torch.Tensor\n", "framework"),
    ("kernels/cpu/bad.h", '#include "host/api.cpp"\n', "kernels/cpu/ may include only"),
    ("kernels/cpu/bad.h", '#include "kernels/cuda/device.h"\n', "kernels/cuda/device.h"),
    ("kernels/cpu/bad.h", '#include "../cuda/device.h"\n', "kernels/cuda/device.h"),
    ("kernels/cuda/bad.cu", '#include "kernels/cpu/pass.cpp"\n', "kernels/cuda/ may include only"),
    ("kernels/cuda/bad.cu", '#include "host/api.cpp"\n', "host/api.cpp"),
    ("kernels/cuda/bad.cu", '#include "simt/simt.h"\n', "tests/simt/simt.h"),
    ("kernels/cuda/bad.cu", "#if __CUDA_ARCH__ >= 900\n", "one PTX"),
    ("kernels/element/bad.h", '#include "kernels/backend.h"\n', "kernels/element/ may include only"),
    ("kernels/bad.h", '#include "kernels/cpu/pass.cpp"\n', "kernels/ may include only"),
    ("kernels/bad.h", "using Array = jaxlib::Array;\n", "jaxlib"),
    ("kernels/bad/bad.h", '#include "kernels/cpu/pass.cpp"\n', "kernels/ may include only"),
    ("include/spikescan/bad.h", '#include "../../kernels/backend.h"\n', "include/spikescan/ may include only"),
    ("include/spikescan/bad.h", "/* for NumPy */\n", "NumPy"),
    ("python/bad.cpp", '#include "kernels/backend.h"\n', "python/ may include only"),
    ("python/bad.cpp", "#include <spikescan/spikescan.hpp>\n", "python/ may include only"),
    ("bench/bad.cpp", '#include "host/api.cpp"\n', "bench/ may include only"),
    ("bench/command/sweep_device.cpp", '#include "host/api.cpp"\n', "bench/ may include only"),
    ("tests/bench/bad.cpp", '#include "host/api.cpp"\n', "tests/bench/ may include only"),
    ("examples/cpp/bad.cpp", '#include "bench/support/copy.h"\n', "examples/ may include only"),
    ("examples/demo/bad.cpp", '#include "kernels/backend.h"\n', "examples/demo/ may include only"),
    ("tests/reference/bad.cpp", '#include "kernels/element/real.h"\n', "tests/reference/ may include only"),
    ("tests/cpp/bad.cpp", '#include "host/api.cpp"\n', "tests/cpp/ may include only"),
    ("include/bad.h", "int a;\n", "no layer"),
    ("host/bad.cpp", "// the steps of SPEC section 1\n", "docs/model.md"),
    ("tests/python/bad.py", "# every shape (RELIABILITY R6)\n", "docs/model.md"),
    ("tools/bad", "# as DESIGN.md has it\n", "docs/model.md"),
]


def self_test():
    """The good tree passes, each planted fault is found, and a tree without a layer's files is refused."""
    for number, (path, text, words) in enumerate([(None, None, None)] + PLANTED):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            write(root, GOOD_TREE)
            if path is None:
                found, seen = complaints(root)
                assert found == [], found
                assert seen.keys() == LAYERS.keys(), seen
                assert all(seen.values()), seen
                continue
            assert path not in GOOD_TREE
            write(root, {path: text})
            found, _ = complaints(root)
            assert len(found) == 1 and found[0].startswith(path) and words in found[0], (number, path, text, found)
    assert judge([], dict.fromkeys(LAYERS, 1)) == 0
    assert judge([], dict.fromkeys(LAYERS, 1) | {"host/": 0}) == 1, "an empty layer must be found"
    assert judge(["a sentence"], dict.fromkeys(LAYERS, 1)) == 1
    return 0


def judge(found, seen):
    found = found + [f"{layer}: no include was looked at" for layer, count in seen.items() if count == 0]
    for sentence in found:
        print(sentence)
    print(f"{sum(seen.values())} includes looked at, {len(found)} complaints")
    return 1 if found else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    return judge(*complaints(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
