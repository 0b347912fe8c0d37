"""All figures of a record into a folder: README.md, pictures, data."""

from pathlib import Path

from report import change, copies, errors, headline, layers, lengths, load, memory, roofline, style
from report.figure import NOT_MEASURED

PARTS = (lengths, copies, memory, errors, roofline, layers, headline)


def all_figures(record, previous=None):
    made = [part.figure(record, backend) for part in PARTS for backend in record["devices"] or ["cpu"]]
    return made + change.figures(record, previous)


def about(record):
    """What was measured where."""
    machine = record["machine"]
    lines = [
        f"Record: `{load.named(record)}`, made {record['date']} from commit {(record['commit'] or 'unknown')[:12]}"
        f"{' with changes not committed' if record.get('dirty') else ''}.",
        "",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}.",
    ]
    for backend, facts in record["devices"].items():
        known = ", ".join(f"{key} {value}" for key, value in facts.items() if value not in ("0", ""))
        lines.append(f"{backend}: {known}.")
    if record.get("quick"):
        lines += ["", "**A quick run, made for a test: the figures mean nothing.**"]
    return lines


def peers(record):
    """Who was measured doing what, and who was not."""
    works = {}
    for row in record["rows"]:
        if row.get("work") and row["pass"] == "forward":
            works.setdefault((load.slug(row), row.get("peer") or "this library"), []).append(row["work"])
    body = []
    for slug in style.order({slug for slug, _ in works}):
        for (maker, who), found in works.items():
            if maker == slug:
                body.append(f"- {style.label(slug)}, {who}: {' / '.join(dict.fromkeys(found))}.")
    lines = ["## Who was compared, and doing what", "", *(body or [f"Other libraries: {NOT_MEASURED}."])]
    absent = record.get("absent_peers") or []
    if absent:
        lines += ["", "Not measured, or not in all of it:", ""]
        lines += [
            f"- {style.label(one['peer'])}{' ' + one['version'] if one.get('version') else ''}: {one['reason']}"
            for one in absent
        ]
    return lines


def section(figure, files):
    lines = [f"## {figure.title}", "", figure.text]
    if f"{figure.stem}.png" in files:
        lines += ["", f"![{figure.title}]({figure.stem}.png)"]
    if figure.table:
        lines += ["", *"\n".join(figure.table).strip().split("\n")]
    lines += [line for sentence in figure.missing for line in ("", f"{sentence[:1].upper()}{sentence[1:]}.")]
    if files:
        lines += ["", "Data: " + ", ".join(f"[{name}]({name})" for name in files) + "."]
    return lines


def write(record, folder, previous=None):
    """The report's path."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"# Measurements on {record['machine']['name']}", "", *about(record)]
    for figure in all_figures(record, previous):
        lines += ["", *section(figure, figure.write(folder))]
    lines += ["", *peers(record)]
    path = folder / "README.md"
    path.write_text("\n".join(lines) + "\n")
    return path
