#!/usr/bin/env python3
"""Draws what the demo wrote: for each neuron the raster over the whole recording, and spikes and membrane potentials of
its loudest 40 ms.

usage: plot.py FOLDER [PNG]      default: FOLDER/<name of the recording>.png
"""
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

TICKS = (100, 200, 500, 1000, 2000, 4000, 8000)  # Hz
TRACED = (250, 1000, 4000)  # Hz: the channels whose membrane potentials are drawn
COLOURS = ("tab:blue", "tab:orange", "tab:green")
DEVICES = {"cpu": "CPU", "cuda": "GPU"}


def hertz(value):
    return f"{value / 1000:.3g} kHz" if value >= 1000 else f"{value:.0f} Hz"


class Drawing:
    def __init__(self, folder):
        self.folder = folder
        self.report = json.loads((folder / "report.json").read_text(errors="replace"))
        self.rate = self.report["sample_rate"]
        self.centres = np.array(self.report["centres"])
        self.seconds = self.load("sound").size / self.rate
        self.start = self.report["window_start"] / self.rate
        self.stop = self.start + self.report["window"] / self.rate
        wanted = [hz for hz in TRACED if hz <= self.centres[-1]] or [self.centres[-1]]
        self.traced = [int(np.argmin(np.abs(np.log(self.centres / hz)))) for hz in wanted]

    def load(self, name):
        return np.load(self.folder / f"{name}.npy")

    def frequency_axis(self, axes, label):
        ticks = [hz for hz in TICKS if self.centres[0] <= hz <= self.centres[-1] * 1.001]
        axes.set_yticks(np.interp(np.log(ticks), np.log(self.centres), np.arange(len(self.centres))))
        axes.set_yticklabels([f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in ticks])
        axes.set_ylim(-0.5, len(self.centres) - 0.5)
        if label:
            axes.set_ylabel("channel (Hz)")

    def image(self, axes, values, colours, label, **limits):
        span = (0, values.shape[0] * self.report["bin"] / self.rate, -0.5, len(self.centres) - 0.5)
        drawn = axes.imshow(values.T, origin="lower", aspect="auto", extent=span, cmap=colours, interpolation="nearest",
                            **limits)
        axes.figure.colorbar(drawn, ax=axes, label=label, pad=0.015, fraction=0.05)
        self.frequency_axis(axes, True)

    def mark_window(self, axes):
        for edge in (self.start, self.stop):
            axes.axvline(edge, color="tab:red", linewidth=0.8)

    def sound(self, overview, closeup):
        wave = self.load("sound")
        time = np.arange(wave.size) / self.rate
        for axes in (overview, closeup):
            axes.plot(time, wave, linewidth=0.4 if axes is overview else 0.9, color="0.25")
            axes.set_ylabel("sound pressure\n(full scale = 1)")
        overview.set_xlim(0, self.seconds)
        closeup.set_xlim(self.start, self.stop)
        self.mark_window(overview)
        name = self.report["sounds"][0].replace("$", r"\$")  # or it would be read as mathematics
        overview.set_title(f"{name}: {self.seconds:.2f} s at {self.rate / 1000:.4g} kHz")
        closeup.set_title(f"its loudest {1e3 * (self.stop - self.start):.0f} ms (between the red lines)")

    def neuron(self, row, raster, spikes, membrane):
        rate = self.load(f"{row['neuron']}_rate")
        milliseconds = 1e3 * self.report["bin"] / self.rate
        limit = max(float(np.quantile(rate, 0.995)), 1e-3)
        self.image(raster, 100 * rate, "Greys", f"steps with a spike, %\n(bins of {milliseconds:.3g} ms)", vmin=0,
                   vmax=100 * limit)
        self.mark_window(raster)
        raster.set_title(f"{row['neuron']}, {row['rule']}: fires in {100 * row['firing_rate']:.1f} % of the steps")

        fired = self.load(f"{row['neuron']}_spikes")
        steps, channels = np.nonzero(fired)
        spikes.scatter(self.start + steps / self.rate, channels, s=1.2, marker=".", color="black", linewidths=0)
        self.frequency_axis(spikes, False)
        spikes.set_xlim(self.start, self.stop)
        spikes.set_title("every spike")

        values = self.load(f"{row['neuron']}_membrane")
        time = self.start + np.arange(values.shape[0]) / self.rate
        for channel, colour in zip(self.traced, COLOURS):
            membrane.plot(time, values[:, channel], color=colour, linewidth=0.9, label=hertz(self.centres[channel]))
        membrane.axhline(row["threshold"], color="0.2", linestyle="--", linewidth=0.9, label="threshold")
        membrane.set_xlim(self.start, self.stop)
        membrane.set_ylabel("V - R" if row["neuron"] == "psu_lif" else "V")
        membrane.set_title("membrane potential")

    def draw(self, target):
        rows = [row for row in self.report["rows"] if row["pass"] == "forward"]
        figure = plt.figure(figsize=(17, 3.1 * (len(rows) + 1)), layout="constrained")
        grid = figure.add_gridspec(len(rows) + 1, 3, width_ratios=(1.5, 1, 1), height_ratios=[0.7] + [1] * len(rows))
        top = figure.add_subplot(grid[0, 0])
        self.sound(top, figure.add_subplot(grid[0, 1]))
        drive = figure.add_subplot(grid[0, 2])
        self.image(drive, self.load("drive"), "magma", "drive")
        drive.set_title("what the filterbank hands to the neurons")
        drive.set_xlabel("time (s)")
        for i, row in enumerate(rows):
            raster, spikes, membrane = (figure.add_subplot(grid[i + 1, j]) for j in range(3))
            self.neuron(row, raster, spikes, membrane)
            if i == 0:
                membrane.legend(loc="upper right", fontsize=8, ncols=2)
            if i == len(rows) - 1:
                for axes in (raster, spikes, membrane):
                    axes.set_xlabel("time (s)")
        first = rows[0]
        figure.suptitle(f"spikescan: four stochastic parallelizable neurons listening, on the {DEVICES[first['backend']]}"
                        f" (B = {first['B']}, T = {first['T']}, C = {first['C']})")
        figure.savefig(target, dpi=110)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip().splitlines()[-1])
    drawing = Drawing(Path(sys.argv[1]))
    target = Path(sys.argv[2]) if len(sys.argv) == 3 else drawing.folder / f"{drawing.report['sounds'][0]}.png"
    drawing.draw(target)
    print(f"picture: {target.resolve()}")


if __name__ == "__main__":
    main()
