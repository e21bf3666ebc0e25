"""What the alerts and the board of doc/monitoring ask for, against the list in doc/metrics.md.

    monitoring.py names FILE...     each metric that a file names and the list lacks
    monitoring.py rules BOARD       the board's queries as rules, for promtool to parse
    monitoring.py panels BOARD      a line for each mistake in the layout of the board
    monitoring.py count             how many names the list has
    monitoring.py exposed <TEXT     each name, kind or label of a manager's metrics that differs from
                                    the list; what has not happened need not be in the text
"""
import json
import pathlib
import re
import sys

LIST = pathlib.Path(__file__).resolve().parents[2] / "doc" / "metrics.md"


def listed():
    """Name -> labels; a histogram has three names."""
    names = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", LIST.read_text(), re.M):
        # Behind a colon stand values of the last label.
        labels = set(re.findall(r"`([a-z_]+)`", labels.split(":")[0]))
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        for suffix in suffixes:
            names[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return names


def exposed(text):
    """Differences between a manager's metrics, in Prometheus' format, and the list."""
    kinds = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", LIST.read_text(), re.M))
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    for name in sorted(kinds.keys() | types.keys()):
        # That format has no infos.
        listed_as, exposed_as = kinds.get(name, "").replace("info", "gauge"), types.get(name, "")
        if listed_as != exposed_as:
            yield f"{name}: listed as {listed_as or 'nothing'}, exposed as {exposed_as or 'nothing'}"
    labels = listed()
    for name, selector in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.M):
        found = set(re.findall(r'([a-z_]+)="(?:[^"\\]|\\.)*"', selector))
        if found != labels.get(name):
            yield f"{name}: has the labels {sorted(found)}"


def expressions(board):
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in board["annotations"]["list"])


def missing(path):
    known = listed()
    text = pathlib.Path(path).read_text().replace('\\"', '"')
    for name, selector in re.findall(r"\b(milter_manager_\w+)(\{[^}]*\})?", text):
        if name not in known:
            yield f"{path}: {name}"
            continue
        for label in re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector):
            if label not in known[name] | {"job", "instance"}:
                yield f"{path}: {name} has no label {label}"


def rules(board):
    names = {"$__rate_interval": "5m", "$job": "milter-manager", "$instance": "mx1", "$child": "x"}
    found = []
    for number, expression in enumerate(expressions(board)):
        for name, value in names.items():
            expression = expression.replace(name, value)
        found.append({"record": f"board:{number}", "expr": expression})
    return {"groups": [{"name": "board", "rules": found}]}


def layout(board):
    taken = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"{panel['title']}: beyond the right edge"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']}: over {other}"
                    return
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) != len(ids):
        yield "two panels have the same id"


def main(what, *paths):
    if what == "names":
        print("\n".join(line for path in paths for line in missing(path)))
    elif what == "rules":
        print(json.dumps(rules(json.loads(pathlib.Path(paths[0]).read_text()))))
    elif what == "panels":
        print("\n".join(layout(json.loads(pathlib.Path(paths[0]).read_text()))))
    elif what == "count":
        print(len(listed()))
    elif what == "exposed":
        differences = list(exposed(sys.stdin.read()))
        print("\n".join(differences))
        sys.exit(1 if differences else 0)


main(*sys.argv[1:])
