#!/usr/bin/env python3
"""Runs the demo over a tone made here and over input that it has to refuse. usage: demo_test.py DEMO SCRATCH_FOLDER

Figures of speed are looked at for being there, never for being fast.
"""
import json
import math
import shutil
import struct
import subprocess
import sys
import unittest
import wave
from pathlib import Path

import numpy as np

DEMO, SCRATCH = Path(sys.argv[1]), Path(sys.argv[2])
PLOT = Path(__file__).resolve().parent / "plot.py"
TONE = 500.0  # Hz
RATE = 16000
NEURONS = ["lif", "cuba_lif", "spsn", "psu_lif"]


def write_wave(name, samples, rate=RATE, channels=2):
    path = SCRATCH / name
    with wave.open(str(path), "wb") as out:
        out.setparams((channels, 2, rate, 0, "NONE", ""))
        out.writeframes(b"".join(struct.pack("<h", round(20000 * s)) * channels for s in samples))
    return path


def tone(seconds, rate=RATE):
    return [math.sin(2 * math.pi * TONE * t / rate) for t in range(int(seconds * rate))]


def run(*arguments):
    command = [str(DEMO), "--seconds", "0", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)


class Tone(unittest.TestCase):
    """One run, looked at from several sides."""

    @classmethod
    def setUpClass(cls):
        cls.out = SCRATCH / "out"
        cls.done = run("--out", cls.out, write_wave("tone.wav", tone(0.4)))
        assert cls.done.returncode == 0, cls.done.stderr
        cls.report = json.loads((cls.out / "report.json").read_text())

    def test_table(self):
        lines = [line.split() for line in self.done.stdout.splitlines()]
        rows = [line for line in lines if line and line[0] in NEURONS]
        self.assertEqual([(row[0], row[2]) for row in rows], [(n, p) for n in NEURONS for p in ("forward", "backward")])
        for row in rows:
            self.assertIn(row[3], ("cpu", "cuda"))
            self.assertEqual(row[4:7], ["1", str(int(0.4 * RATE)), "64"])
            # Above threshold a tenth of the time; the refractory rule does not fire far above it.
            self.assertTrue(1.0 < float(row[7].rstrip("%")) < 20.0, row)
            for figure in (row[8], row[10], row[11].rstrip("%")):
                self.assertTrue(math.isfinite(float(figure)), row)

    def test_report_agrees_with_the_arrays(self):
        self.assertEqual(self.report["sounds"], ["tone"])
        for row in self.report["rows"]:
            self.assertGreater(row["median_seconds"], 0)
            self.assertGreater(row["share_of_copy"], 0)
            rate = np.load(self.out / f"{row['neuron']}_rate.npy")
            # 0.4 s is a whole number of bins, so nothing is left out; the means are float32.
            self.assertEqual(rate.shape, (int(0.4 * RATE) // self.report["bin"], 64))
            self.assertAlmostEqual(float(rate.mean()), row["firing_rate"], places=5)

    def test_closeup(self):
        for name in NEURONS:
            spikes = np.load(self.out / f"{name}_spikes.npy")
            membrane = np.load(self.out / f"{name}_membrane.npy")
            self.assertEqual(spikes.shape, (self.report["window"], 64))
            self.assertEqual(membrane.shape, spikes.shape)
            self.assertTrue(np.isfinite(membrane).all())
            self.assertEqual(set(np.unique(spikes)), {0, 1})
        # heaviside is no matter of chance: it fires exactly where V - R is above the threshold, 1.
        np.testing.assert_array_equal(np.load(self.out / "psu_lif_spikes.npy") == 1,
                                      np.load(self.out / "psu_lif_membrane.npy") > 1)

    def test_the_channel_of_the_tone_is_driven_most(self):
        centres = self.report["centres"]
        self.assertAlmostEqual(centres[0], 80)
        loudest = centres[int(np.load(self.out / "drive.npy").mean(axis=0).argmax())]
        self.assertLess(abs(math.log(loudest / TONE)), math.log(1.08), loudest)  # neighbours are 7 % apart

    def test_picture(self):
        done = subprocess.run([sys.executable, str(PLOT), str(self.out)], capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr)
        picture = Path(done.stdout.removeprefix("picture: ").strip())
        self.assertEqual(picture, (self.out / "tone.png").resolve())
        self.assertEqual(picture.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_progress_goes_to_standard_error_in_plain_lines(self):
        self.assertIn("psu_lif: timing backward\n", self.done.stderr)
        self.assertNotIn("\r", self.done.stderr + self.done.stdout)


class Sounds(unittest.TestCase):
    def test_other_rates_and_a_batch_of_unequal_lengths(self):
        low = [write_wave(f"low{i}.wav", tone(0.1 + 0.05 * i, 8000), rate=8000, channels=1) for i in range(2)]
        done = run("--out", SCRATCH / "low", *low)
        self.assertEqual(done.returncode, 0, done.stderr)
        row = json.loads((SCRATCH / "low" / "report.json").read_text())["rows"][0]
        self.assertEqual((row["B"], row["T"]), (2, 1200))


class Refused(unittest.TestCase):
    """One sentence that names the file, a non-zero exit, and nothing written."""

    def refused(self, words, *arguments):
        out = SCRATCH / "refused"
        done = run("--out", out, *arguments)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("demo: "), lines)
        self.assertIn(words, lines[0])
        self.assertEqual(done.stdout, "")
        self.assertFalse(out.exists())

    def test_files(self):
        (SCRATCH / "empty.wav").write_bytes(b"")
        (SCRATCH / "text.wav").write_text("this is no sound\n" * 100)
        self.refused("there is no file", SCRATCH / "missing.wav")
        self.refused("is a folder", SCRATCH)
        self.refused("is empty", SCRATCH / "empty.wav")
        self.refused("cannot be read as audio", SCRATCH / "text.wav")

    def test_sounds(self):
        self.refused("holds no samples", write_wave("none.wav", []))
        self.refused("is too short: 160 samples, 10.0 ms", write_wave("short.wav", tone(0.01)))
        self.refused("is silent", write_wave("silent.wav", [0.0] * RATE))
        self.refused("500 samples a second", write_wave("slow.wav", tone(1, 500), rate=500))
        self.refused("need the same", write_wave("a.wav", tone(0.1)), write_wave("b.wav", tone(0.1, 8000), rate=8000))

    def test_not_finite(self):
        samples = np.full(RATE, np.nan, dtype="<f4").tobytes()
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, RATE, 4 * RATE, 4, 32)
        body = b"WAVE" + form + struct.pack("<4sI", b"data", len(samples)) + samples
        (SCRATCH / "nan.wav").write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
        self.refused("not finite", SCRATCH / "nan.wav")

    def test_options(self):
        for arguments in (["--loud"], ["--out"], ["--seconds", "soon"], ["--seconds", "-1"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.startswith("usage: demo"), done.stderr)


if __name__ == "__main__":
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    unittest.main(argv=[sys.argv[0]], verbosity=2)
