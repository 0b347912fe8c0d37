"""The ctypes mirror equals the header: a C program prints sizes, offsets and enum values, Python compares."""

import ctypes
import re
import shutil
import subprocess
import sys

import pytest
from places import ROOT

from spikescan import _abi

HEADER = ROOT / "include/spikescan/spikescan.h"
CC = shutil.which("cc") or shutil.which("gcc")

ENUMS = {
    "status": {name: i for i, name in enumerate(_abi.STATUSES)},
    "backend": {f"backend_{name}": value for name, value in _abi.BACKENDS.items()},
    "dtype": _abi.DTYPES,
    "recurrence": _abi.RECURRENCES,
    "rule": _abi.RULES,
    "surrogate": _abi.SURROGATES,
    "gradient": _abi.GRADIENTS,
}


def run_c(tmp_path, body):
    source = tmp_path / "probe.c"
    source.write_text(f'#include <stdio.h>\n#include "{HEADER}"\nint main(void) {{\n{body}\nreturn 0;\n}}\n')
    subprocess.run([CC, "-o", tmp_path / "probe", source], check=True)
    lines = subprocess.run([tmp_path / "probe"], check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.split() for line in lines)


def layout_of(structs):
    """(C statements that print the layout, the layout as ctypes has it)."""
    statements, mirror = [], {}
    for name, struct in structs.items():
        statements.append(f'printf("{name} %zu\\n", sizeof({name}));')
        mirror[name] = ctypes.sizeof(struct)
        for field, *_ in struct._fields_:
            statements.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
            mirror[f"{name}.{field}"] = getattr(struct, field).offset
    return "\n".join(statements), mirror


@pytest.mark.skipif(CC is None, reason="no C compiler here")
def test_structs_have_the_headers_layout(tmp_path):
    statements, mirror = layout_of(_abi.STRUCTS)
    assert {k: int(v) for k, v in run_c(tmp_path, statements).items()} == mirror


@pytest.mark.skipif(CC is None, reason="no C compiler here")
def test_a_moved_field_is_noticed(tmp_path):
    class Wrong(ctypes.Structure):
        _fields_ = [("data", ctypes.c_void_p), ("stride_batch", ctypes.c_int64), ("dtype", ctypes.c_int)]

    statements, mirror = layout_of({"spikescan_tensor": Wrong})
    assert {k: int(v) for k, v in run_c(tmp_path, statements).items()} != mirror


@pytest.mark.skipif(CC is None, reason="no C compiler here")
def test_enums_have_the_headers_values(tmp_path):
    names = {f"SPIKESCAN_{name.upper()}": value for values in ENUMS.values() for name, value in values.items()}
    printed = run_c(tmp_path, "\n".join(f'printf("{name} %d\\n", (int){name});' for name in names))
    assert {k: int(v) for k, v in printed.items()} == names


def test_every_enum_of_the_header_is_mirrored():
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.S)
    declared = dict(re.findall(r"typedef enum spikescan_(\w+) \{(.*?)\}", text, re.S))
    assert set(declared) == set(ENUMS)
    for name, body in declared.items():
        assert len(re.findall(r"\bSPIKESCAN_\w+ = ", body)) == len(ENUMS[name]), name


def test_every_struct_of_the_header_is_mirrored():
    declared = set(re.findall(r"typedef struct (spikescan_\w+) \{", HEADER.read_text()))
    assert declared == set(_abi.STRUCTS)


def test_frameworks_are_imported_when_their_module_is_asked_for():
    program = (
        "import sys, spikescan; before = set(sys.modules); spikescan.torch; spikescan.plot.raster\n"
        "assert not before & {'torch', 'jax', 'matplotlib', 'nir'} and {'torch', 'matplotlib'} <= set(sys.modules)\n"
        "assert not hasattr(spikescan, 'cupy')\n"
    )
    for module in ("torch", "matplotlib"):
        pytest.importorskip(module)
    subprocess.run([sys.executable, "-c", program], check=True)


def test_versions_agree():
    import spikescan

    text = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{spikescan.__version__}"' in text
    assert spikescan.version() == spikescan.__version__
