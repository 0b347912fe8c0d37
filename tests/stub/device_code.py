"""The PTX that a library's object file has of its kernels, and their machine code for an architecture, by cuobjdump.

device_code.py CUOBJDUMP ARCHITECTURE OBJECT PTX CUBIN
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile


def main(cuobjdump, architecture, object_file, ptx, cubin):
    with tempfile.TemporaryDirectory() as folder:
        # It names its files after the object and writes them where it stands.
        command = [cuobjdump, "-xptx", "all", "-xelf", "all", pathlib.Path(object_file).resolve()]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        for files, target in (("*.ptx", ptx), (f"*.{architecture}.cubin", cubin)):
            found = list(pathlib.Path(folder).glob(files))
            if len(found) != 1:
                sys.exit(f"{object_file} has {len(found)} {files}, not one")
            shutil.move(found[0], target)


if __name__ == "__main__":
    main(*sys.argv[1:])
