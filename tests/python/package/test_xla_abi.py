"""python/xla/ffi_abi.h against the header that jaxlib ships: sizes, offsets, numbers, and the version asked for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from places import ROOT

jaxlib = pytest.importorskip("jaxlib", reason="JAX is not installed")
CXX = shutil.which("c++") or shutil.which("g++")
INCLUDE = Path(jaxlib.__file__).parent / "include"
OURS = ROOT / "python/xla/ffi_abi.h"
pytestmark = pytest.mark.skipif(CXX is None, reason="no C++ compiler here")

HEADERS = "".join(path.read_text() for path in INCLUDE.rglob("ffi/api/c_api*.h"))
# our struct -> (XLA's, fields in which ours differ in name)
STRUCTS = {
    # Named anew in jaxlib 0.11.
    "Extension": (
        "XLA_FFI_InternalExtension" if "XLA_FFI_InternalExtension" in HEADERS else "XLA_FFI_Extension_Base", {},
    ),
    "ApiVersion": ("XLA_FFI_Api_Version", {}),
    "Metadata": ("XLA_FFI_Metadata", {}),
    "MetadataExtension": ("XLA_FFI_Metadata_Extension", {}),
    "ErrorCreateArgs": ("XLA_FFI_Error_Create_Args", {}),
    "ErrorDestroyArgs": ("XLA_FFI_Error_Destroy_Args", {}),
    "StreamGetArgs": ("XLA_FFI_Stream_Get_Args", {}),
    "ScheduleArgs": ("XLA_FFI_ThreadPool_Schedule_Args", {}),
    "NumThreadsArgs": ("XLA_FFI_ThreadPool_NumThreads_Args", {}),
    "Api": (
        "XLA_FFI_Api",
        {
            "error_create": "XLA_FFI_Error_Create",
            "error_destroy": "XLA_FFI_Error_Destroy",
            "stream_get": "XLA_FFI_Stream_Get",
            "thread_pool_schedule": "XLA_FFI_ThreadPool_Schedule",
            "thread_pool_num_threads": "XLA_FFI_ThreadPool_NumThreads",
        },
    ),
    "ByteSpan": ("XLA_FFI_ByteSpan", {}),
    "Scalar": ("XLA_FFI_Scalar", {}),
    "Buffer": ("XLA_FFI_Buffer", {}),
    "Args": ("XLA_FFI_Args", {}),
    "Rets": ("XLA_FFI_Rets", {}),
    "Attrs": ("XLA_FFI_Attrs", {}),
    "CallFrame": ("XLA_FFI_CallFrame", {}),
}
# What only holds a place in the table of functions.
PLACES = {"error_get_message", "handler_register", "type_register", "execution_context_get", "state_set", "state_get"}
PLACES |= {"device_memory_allocate", "device_memory_free"}
# These grew at their end in later versions: ours is a prefix.
GROWN = {"Metadata", "Api", "CallFrame"}
NUMBERS = {
    "kMetadata": "XLA_FFI_Extension_Metadata",
    "kInvalidArgument": "XLA_FFI_Error_Code_INVALID_ARGUMENT",
    "kResourceExhausted": "XLA_FFI_Error_Code_RESOURCE_EXHAUSTED",
    "kUnimplemented": "XLA_FFI_Error_Code_UNIMPLEMENTED",
    "kInternal": "XLA_FFI_Error_Code_INTERNAL",
    "kU8": "XLA_FFI_DataType_U8",
    "kU32": "XLA_FFI_DataType_U32",
    "kS32": "XLA_FFI_DataType_S32",
    "kF16": "XLA_FFI_DataType_F16",
    "kF32": "XLA_FFI_DataType_F32",
    "kBF16": "XLA_FFI_DataType_BF16",
    "kScalar": "XLA_FFI_AttrType_SCALAR",
    "kExecute": "XLA_FFI_ExecutionStage_EXECUTE",
    "kCommandBufferCompatible": "XLA_FFI_HANDLER_TRAITS_COMMAND_BUFFER_COMPATIBLE",
}


def declared():
    """struct -> fields, as our header has them."""
    text = re.sub(r"//.*", "", OURS.read_text())
    structs = {}
    for name, body in re.findall(r"struct (\w+) \{(.*?)\n\};", text, re.S):
        fields = []
        for line in filter(None, (part.strip() for part in body.split(";"))):
            pointer = re.match(r".*\(\*(\w+)\)", line)
            fields += [pointer[1]] if pointer else [part.split()[-1].lstrip("*") for part in line.split(",")]
        structs[name] = fields
    return structs


def assertions(planted=""):
    lines = [planted]
    for name, fields in declared().items():
        theirs, renamed = STRUCTS[name]
        compare = "<=" if name in GROWN else "=="
        lines.append(f"static_assert(sizeof(ours::{name}) {compare} sizeof({theirs}));")
        for field in fields:
            if field not in PLACES:
                place = f"offsetof({theirs}, {renamed.get(field, field)})"
                lines.append(f"static_assert(offsetof(ours::{name}, {field}) == {place});")
    lines += [f"static_assert(int(ours::{a}) == int({b}));" for a, b in NUMBERS.items()]
    # XLA takes handlers of its own major version that are not newer than itself.
    lines.append("static_assert(ours::kMajor == XLA_FFI_API_MAJOR && ours::kMinor <= XLA_FFI_API_MINOR);")
    return "\n".join(lines)


def compiles(tmp_path, body):
    source = tmp_path / "compare.cpp"
    source.write_text(
        f'#include "xla/ffi/api/c_api.h"\n#include "{OURS}"\nnamespace ours = spikescan_xla::ffi;\n{body}\n'
    )
    command = [CXX, "-std=c++20", "-fsyntax-only", "-Wno-invalid-offsetof", f"-I{INCLUDE}", source]
    return subprocess.run(command, capture_output=True, text=True)


def test_our_declaration_is_jaxlibs(tmp_path):
    assert set(declared()) == set(STRUCTS)
    done = compiles(tmp_path, assertions())
    assert done.returncode == 0, done.stderr


def test_every_number_is_compared():
    text = re.sub(r"//.*", "", OURS.read_text())
    enumerators = set(re.findall(r"\b(k[A-Z]\w*) = \d+", text)) - {"kMajor", "kMinor"}
    assert enumerators == set(NUMBERS)


def test_a_moved_field_is_noticed(tmp_path):
    planted = "static_assert(offsetof(ours::Buffer, data) == offsetof(XLA_FFI_Buffer, rank));"
    assert "static assertion failed" in compiles(tmp_path, assertions(planted)).stderr
