"""A figure: its data, its picture and its words. Without data there is no picture, and the report says so."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Callable

from report.style import plt

NOT_MEASURED = "not measured"
KINDS = ("png", "svg")  # of a picture's files


@dataclasses.dataclass
class Figure:
    """stem: of the files. data: one dictionary a point. draw: makes the picture. table: lines of Markdown.

    missing: what a reader would look for and what was not measured, one sentence each.
    """

    stem: str
    title: str
    text: str
    data: list
    draw: Callable | None = None
    table: list = dataclasses.field(default_factory=list)
    missing: list = dataclasses.field(default_factory=list)

    def write(self, folder):
        """The files' names."""
        folder = Path(folder)
        if not self.data:
            return []
        (folder / f"{self.stem}.json").write_text(json.dumps(self.data, indent=1) + "\n")
        with open(folder / f"{self.stem}.csv", "w", newline="") as out:
            writer = csv.DictWriter(out, list(dict.fromkeys(key for point in self.data for key in point)))
            writer.writeheader()
            writer.writerows(self.data)
        names = [f"{self.stem}.json", f"{self.stem}.csv"]
        if self.draw is not None:
            picture = self.draw()
            for kind in KINDS:
                # No date, so that the same record gives the same file.
                meta = {"Date": None} if kind == "svg" else {"Software": None}
                picture.savefig(folder / f"{self.stem}.{kind}", metadata=meta)
                names.append(f"{self.stem}.{kind}")
            plt.close(picture)
        return names


def markdown_table(head, lines):
    """Lines of Markdown; numbers to the right, the first column to the left."""
    rule = "|---" + "|--:" * (len(head) - 1) + "|"
    return ["| " + " | ".join(head) + " |", rule, *("| " + " | ".join(line) + " |" for line in lines)]


def count(value):
    return f"{value:,}"
