#!/usr/bin/env python3
"""The binary interface of libspikescan.so: exported symbols, needed libraries, soname, structs begin with their size.

usage: abi_test.py LIBRARY HEADER      or      abi_test.py --self-test
"""
import re
import subprocess
import sys

# cudart is linked statically; the dynamic loader may be named for thread-local storage.
ALLOWED = re.compile(r"^(libc|libm|libstdc\+\+|libgcc_s|libgomp)\.so\.\d+$|^ld-linux[\w-]*\.so\.\d+$")


def strip_comments(header):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", header, flags=re.S)


def declared_functions(header):
    return set(re.findall(r"SPIKESCAN_API[^;({]*?\b(spikescan_\w+)\s*\(", strip_comments(header)))


def exported_symbols(nm_output):
    """Names of `nm -D --defined-only`, without versions; a version's own absolute symbol is no function."""
    return {line.split()[-1].split("@")[0] for line in nm_output.splitlines() if line.split()[-2:-1] != ["A"]}


def symbol_complaints(declared, exported):
    found = [f"declared but not exported: {name}" for name in sorted(declared - exported)]
    found += [f"exported but not declared: {name}" for name in sorted(exported - declared)]
    if not declared:
        found.append("no function was found in the header")
    return found


def expected_soname(header):
    """While the major version is 0 every minor version is an ABI of its own (CHANGELOG.md)."""
    numbers = dict(re.findall(r"#define SPIKESCAN_VERSION_(\w+) (\d+)", header))
    major, minor = numbers["MAJOR"], numbers["MINOR"]
    return f"libspikescan.so.{major}.{minor}" if major == "0" else f"libspikescan.so.{major}"


def dynamic_complaints(readelf_output, soname):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf_output)
    found = [f"needs {name}" for name in needed if not ALLOWED.match(name)]
    if not needed:
        found.append("no needed library was found, not even libc")
    sonames = re.findall(r"\(SONAME\).*\[(.*)\]", readelf_output)
    if sonames != [soname]:
        found.append(f"soname is {sonames}; {soname} expected")
    return found


def struct_complaints(header):
    """A struct with struct_size must have it first; every struct passed by pointer to a function must have one."""
    found, sized = [], 0
    # Plain by design: these are parts of sized structs, and the key in device memory has a fixed layout of 40 bytes.
    plain = {"spikescan_tensor", "spikescan_state", "spikescan_device_key"}
    for name, body in re.findall(r"typedef struct (\w+)\s*\{(.*?)\}\s*\w+\s*;", strip_comments(header), flags=re.S):
        first = body.split(";")[0].split()
        if first == ["size_t", "struct_size"]:
            sized += 1
        elif name not in plain:
            found.append(f"{name} does not start with size_t struct_size")
    if sized == 0:
        found.append("no struct with struct_size was found in the header")
    return found


def self_test():
    """Each planted fault must be found."""
    versions = "#define SPIKESCAN_VERSION_MAJOR {}\n#define SPIKESCAN_VERSION_MINOR {}\n"
    assert expected_soname(versions.format(0, 7)) == "libspikescan.so.0.7"
    assert expected_soname(versions.format(2, 7)) == "libspikescan.so.2"
    good_elf = "(NEEDED) Shared library: [libc.so.6]\n(SONAME) Library soname: [libspikescan.so.0.1]\n"
    soname = "libspikescan.so.0.1"
    assert dynamic_complaints(good_elf, soname) == []
    assert dynamic_complaints(good_elf + "(NEEDED) Shared library: [libcudart.so.13]\n", soname)
    assert dynamic_complaints(good_elf.replace("spikescan.so.0.1", "spikescan.so.0"), soname)
    assert dynamic_complaints(f"(SONAME) Library soname: [{soname}]\n", soname)
    header = ("SPIKESCAN_API const char* spikescan_a(void);\nSPIKESCAN_API int\n spikescan_b(int x);"
              " /* SPIKESCAN_API int spikescan_c(int) */")
    assert declared_functions(header) == {"spikescan_a", "spikescan_b"}
    nm = "0000 T spikescan_a\n0000 T spikescan_b@@V\n0000 A V\n"
    assert symbol_complaints(declared_functions(header), exported_symbols(nm)) == []
    assert symbol_complaints(declared_functions(header), exported_symbols(nm + "0000 W _ZNSt6vectorIfE\n"))
    assert symbol_complaints(declared_functions(header), exported_symbols("0000 T spikescan_a\n"))
    assert symbol_complaints(set(), set())
    assert struct_complaints("typedef struct s { size_t struct_size; int a; } s;") == []
    assert struct_complaints("typedef struct s { int a; size_t struct_size; } s;")
    assert struct_complaints("int a;")
    return 0


def tool(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    library, header_path = sys.argv[1:]
    with open(header_path) as file:
        header = file.read()
    declared = declared_functions(header)
    found = symbol_complaints(declared, exported_symbols(tool("nm", "-D", "--defined-only", library)))
    found += dynamic_complaints(tool("readelf", "-d", "-W", library), expected_soname(header))
    found += struct_complaints(header)
    for sentence in found:
        print(sentence)
    print(f"{len(declared)} functions declared, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
