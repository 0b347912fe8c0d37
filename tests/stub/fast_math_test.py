"""The library's options to nvcc win over --use_fast_math: the PTX is the same with it as without.

fast_math_test.py NVCC ROOT OPTION...
Each option is needed: without it --use_fast_math has to change what a kernel of three lines becomes.
"""

import pathlib
import subprocess
import sys
import tempfile

KERNELS = "kernels/cuda/chunk_chain.cu"  # the smallest file that has any
THREE_LINES = """
__global__ void three_lines(const float* in, float* out) {
  out[0] = in[0] * in[1] + in[2];
  out[1] = in[3] / in[4];
  out[2] = sqrtf(in[5]);
}
"""
FAST = "--use_fast_math"


class Compiler:
    def __init__(self, nvcc, root, folder):
        self.command = [nvcc, "-ptx", "-arch=compute_90", "-std=c++20", "-O3", "--expt-relaxed-constexpr", f"-I{root}"]
        self.out = folder / "kernels.ptx"

    def ptx(self, source, options):
        subprocess.run([*self.command, *options, "-o", self.out, source], check=True)
        return self.out.read_text()


def require(holds, text):
    if not holds:
        sys.exit(f"fast_math_test: {text}")


def main(nvcc, root, *options):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        compiler = Compiler(nvcc, root, folder)
        small = folder / "three_lines.cu"
        small.write_text(THREE_LINES)
        for source in (pathlib.Path(root) / KERNELS, small):
            strict = compiler.ptx(source, options)
            require(compiler.ptx(source, [FAST, *options]) == strict, f"{FAST} changes {source.name}")
            require(compiler.ptx(source, [FAST]) != strict, f"{source.name} cannot show it")
        for option in options:
            others = [other for other in options if other != option]
            require(compiler.ptx(small, [FAST, *others]) != strict, f"without {option} nothing changes")


if __name__ == "__main__":
    main(*sys.argv[1:])
