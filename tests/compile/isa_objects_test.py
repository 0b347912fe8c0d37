#!/usr/bin/env python3
"""An instruction set's object offers nothing that the linker could take for everyone's code.

The linker keeps one copy of an inline function or of a template's instance that several objects define. One compiled
for AVX-512 would then run on any processor, and end the program on most. So what such an object defines under a name
that others may define as well (nm's W, V and u) has to lie in the namespace of its instruction set.
usage: isa_objects_test.py NM ISA OBJECT ...      or      isa_objects_test.py --self-test
"""
import re
import subprocess
import sys

SHARED = {"W", "V", "u"}


def strays(listing, isa):
    """Mangled names, of nm's `listing`, that another object may define."""
    # A name's first part, or that of the function or class that a local entity, a table or a guard belongs to.
    own = re.compile(rf"_Z(?:Z|G[VR]|T[VISTCthcv])*N[rVK]*9spikescan{len(isa)}{isa}")
    found = []
    for line in listing.splitlines():
        *_, kind, name = line.split()
        if kind in SHARED and not own.match(name):
            found.append(name)
    return found


def self_test():
    listing = """
0000000000000000 W _ZN9spikescan6avx5124moveEv
0000000000000000 W _ZZNK9spikescan6avx5124Lane3runEvENKUlvE_clEv
0000000000000000 u _ZGVN9spikescan6avx5125tableE
0000000000000000 T _ZN9spikescan18lane_passes_avx512Ev
                 U _ZSt4fillv
0000000000000000 W _ZSt3maxIiERKT_S2_S2_
0000000000000000 W _ZN9spikescan4avx24moveEv
0000000000000000 V _ZN9spikescan9divide_upEll
"""
    expected = ["_ZSt3maxIiERKT_S2_S2_", "_ZN9spikescan4avx24moveEv", "_ZN9spikescan9divide_upEll"]
    assert strays(listing.strip(), "avx512") == expected


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    nm, isa, *objects = sys.argv[1:]
    assert objects
    for path in objects:
        listing = subprocess.run([nm, "--defined-only", path], check=True, capture_output=True, text=True).stdout
        # Of an object for link-time optimisation nm tells nothing.
        assert f"lane_passes_{isa}" in listing, f"{path}: no entry for {isa}"
        found = strays(listing, isa)
        assert not found, f"{path}: not in the namespace {isa}: {found[:5]}"


if __name__ == "__main__":
    main()
