"""The page on which people label, blind: one comparison at a time, a key a verdict, undo.

What is voted is appended to the run's labels at once; the page holds nothing.
"""

from collections import Counter
from getpass import getuser
from pathlib import Path
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rounds.errors import UserError
from rounds.folder import finished_rounds, round_folders, round_number, run_config
from rounds.ids import digest
from rounds.label_row import CHOICES, Label
from rounds.labels import (
    append_label,
    labels_file,
    labels_path,
    read_labels,
    standing_labels,
    take_back,
)
from rounds.people import opinions
from rounds.question import NAME, figures, missing_text
from viewer.people import agreement
from viewer.queues import QUEUES, Entry, GateQueue, gate_queue, items, left_for, of_gate
from viewer.site import Site

QUEUE_NAMES = {
    "random": "at random",
    "gate": "what the gate decides by",
    "undecided": "flips and abstentions",
    "margin": "shortest margin",
    "disagreement": "others say other than the judge",
}


AT_ONCE = 20


class Asked(NamedTuple):
    """Who labels what: the queue, its round, the file of labels, and the person."""

    queue: str
    folder: Path
    labels: Path
    by: str
    name: str
    gate: GateQueue | None


def label_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `label.html` shows: the next comparison of a queue, and what is said so
    far."""
    given = dict(request.query_params)
    rounds = [round_number(folder) for folder in round_folders(site.run_dir)]
    if not rounds:
        return {"rounds": []}
    asked = _asked(site, given)
    read = read_labels(asked.labels)
    entries = _entries(site, asked, read.labels)
    left = left_for(entries, read.labels, asked.by)
    item = _first(asked, left)
    own = [label for label in standing_labels(read.labels) if label["by"] == asked.by]
    of_queue = {frozenset(entry.pair) for entry in entries}
    done = sum(frozenset((each["candidate_a"], each["candidate_b"])) in of_queue for each in own)
    return {
        "rounds": rounds,
        "queues": QUEUE_NAMES,
        "asked": asked,
        "number": round_number(asked.folder),
        "item": item,
        "first": item and shown_first(item, asked.by),
        "done": len(own) if asked.queue == "gate" else done,
        "total": len(entries) + (len(own) if asked.queue == "gate" else 0),
        "last": _last(site, own),
        "splits": Counter(entry.split for entry in entries),
        "differing": _differing(site, own),
        "torn": read.torn,
        "people": agreement(site.tables, round_folders(site.run_dir), read.labels),
        "gate": _gate(asked.gate, read.labels) if asked.queue == "gate" else None,
    }


def _first(asked: Asked, left: list[Entry]) -> Any:
    """The first entry whose answers are in the round's tables."""
    for first in range(0, len(left), AT_ONCE):
        if found := items(asked.folder, asked.queue, left[first : first + AT_ONCE]):
            return found[0]
    return None


def vote(site: Site, given: dict[str, Any]) -> Response:
    """Append a label, or take the person's last one back.

    `given`: {"queue", "round", "name", "by", "undo": its label_id}, or with "a" and "b" (the
    candidates), "verdict" and "note" in place of undo. Raises UserError for a value that is wrong.
    """
    fields = {name: str(given.get(name) or "") for name in ("queue", "round", "name", "by")}
    asked = _asked(site, fields)
    labels = read_labels(asked.labels).labels
    if "undo" in given:
        own = [label for label in standing_labels(labels) if label["by"] == asked.by]
        if not own or own[-1]["label_id"] != given["undo"]:
            raise UserError("this label is not your last one any more; load the page again")
        undone = take_back(asked.labels, own[-1], asked.by)["undoes"]
        return JSONResponse({"undone": undone, "note": own[-1]["note"]})
    if given.get("verdict") not in CHOICES:
        raise UserError(f"verdict {given.get('verdict')!r}: expected one of {', '.join(CHOICES)}")
    pair = given.get("a"), given.get("b")
    entries = [each for each in _entries(site, asked, labels) if each.pair == pair]
    found = items(asked.folder, asked.queue, entries[:1])
    if not found:
        raise UserError("this comparison is not in the queue any more; load the page again")
    item = found[0]
    note = str(given.get("note") or "").strip() or None
    said = {name: value for name, value in item.items() if name != "judge"}
    said |= {"shown_first": shown_first(item, asked.by), "verdict": given["verdict"]}
    label = append_label(asked.labels, {**said, "by": asked.by, "note": note})
    return JSONResponse({"label_id": label["label_id"]})


def shown_first(item: Any, by: str) -> str:
    """Which candidate this person sees first: by chance, and the same when the page is reloaded."""
    drawn = digest("shown first", by, item["candidate_a"], item["candidate_b"])
    return "ab"[int(drawn, 16) % 2]


def _asked(site: Site, given: dict[str, str]) -> Asked:
    queue = given.get("queue") or "random"
    if queue not in QUEUE_NAMES:
        raise UserError(f"queue={queue}: expected one of {', '.join(QUEUE_NAMES)}")
    by = (given.get("by") or _user()).strip()
    gate = gate_queue(site.run_dir) if queue == "gate" else None
    if queue == "gate" and gate is None:
        raise UserError("the gate's queue: no round has judged a trained policy yet")
    if gate is not None:
        path = labels_file(site.run_dir, gate.labels)
        _inside(site, path)
        return Asked(queue, gate.folder, path, by, NAME, gate)
    said = given.get("round") or ""
    if said and not (said.isdecimal() and len(said) < 10):
        raise UserError(f"round={said}: expected the number of a round")
    finished = finished_rounds(site.run_dir) or round_folders(site.run_dir)
    if not finished:
        raise UserError("no round has begun")
    folder = site.folder(int(said)) if said else finished[-1]
    name = given.get("name") or "people"
    path = labels_path(site.run_dir, name)
    _inside(site, path)
    return Asked(queue, folder, path, by, name, None)


def _inside(site: Site, path: Path) -> None:
    """A page writes nothing outside the run's labels, whatever the folder's own files say."""
    if path.resolve().parent != site.run_dir.resolve() / "labels":
        raise UserError(
            f"{path}: labels outside the run's folder are not written from a page; name them by a "
            "name in gate.people.labels"
        )


def _entries(site: Site, asked: Asked, labels: list[Label]) -> list[Entry]:
    """The queue, answered ones among them (but for the gate's, which says what is left)."""
    if asked.gate is not None:
        return of_gate(asked.gate, labels)
    seed = int(run_config(site.run_dir).get("seed") or 0)
    return QUEUES[asked.queue](site.entries(asked.folder), labels, asked.by, seed)


def _last(site: Site, own: list[Label]) -> dict[str, Any] | None:
    """The person's last label with what the judge had said: hidden until then."""
    if not own:
        return None
    last = own[-1]
    judged = site.entry(last["round"], last["candidate_a"], last["candidate_b"])
    sides = {last["candidate_a"]: "a", last["candidate_b"]: "b"}
    outcome = judged and judged.outcome
    if judged and outcome in ("a", "b"):
        outcome = sides[judged.pair["ab".index(outcome)]]
    sure = judged and judged.probability
    if sure is not None and judged and judged.outcome == "b":
        sure = 1 - sure
    return {"label": last, "judge": judged, "outcome": outcome, "probability": sure}


def _differing(site: Site, own: list[Label]) -> list[Label]:
    """What this person says otherwise than the judge, where both decided for one answer."""
    said = []
    for label in own:
        if label["verdict"] not in ("a", "b"):
            continue
        shown = _last(site, [label])
        if shown and shown["outcome"] in ("a", "b") and shown["outcome"] != label["verdict"]:
            said.append(label)
    return said


def _gate(gate: GateQueue | None, labels: list[Label]) -> dict[str, Any] | None:
    if gate is None:
        return None
    now = gate.question.standing(opinions(labels))
    text = missing_text(now) if now.decision is None else f"decided: {now.decision}"
    return {**figures(gate.question, now), "text": text}


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # no name for this user id
        return "someone"
