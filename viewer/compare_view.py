"""The page of two rounds, of one run or of two: their figures, and how both policies answer."""

import re
from typing import Any, NamedTuple

from starlette.requests import Request

from rounds.errors import UserError
from rounds.folder import finished_rounds, round_dir
from rounds.report import round_lines
from rounds.rows import HELD_OUT
from rounds.verdicts import comparisons, settle
from viewer.pairs_view import page_number
from viewer.site import RoundFiles, Site, round_files
from viewer.tables import RoundTables, Row

SIDE = re.compile(r"(?P<run>[^/\\]+):(?P<number>\d{1,6})")
ON_A_PAGE = 20
WORD = re.compile(r"\w+")


class Side(NamedTuple):
    """One of the two rounds; `name` is RUN:NUMBER, as an address has it."""

    name: str
    files: RoundFiles
    tables: RoundTables

    def policy(self) -> str | None:
        """The id of the policy that the round trained, else of the one it had."""
        facts = self.files.manifest or {}
        policy = facts.get("trained") or facts.get("policy")
        return policy["policy_id"] if policy else None


def compare_page(site: Site, request: Request) -> dict[str, Any]:
    """What the template `compare.html` shows."""
    rounds = [
        f"{run}:{int(folder.name)}"
        for run in site.siblings()
        for folder in finished_rounds(site.run_dir.parent / run)
    ]
    own = [name for name in rounds if name.startswith(f"{site.run_dir.name}:")]
    left = request.query_params.get("left") or (own[-2:][0] if own else "")
    right = request.query_params.get("right") or (own[-1] if own else "")
    split = request.query_params.get("split", "test")
    if split not in HELD_OUT:
        raise UserError(f"split={split}: expected gate or test")
    page = page_number(request.query_params.get("page", "1"))
    shown = {"rounds": rounds, "left": left, "right": right, "split": split, "page": page}
    if not rounds:
        return {**shown, "found": [], "figures": [], "answers": [], "count": 0, "pages": 1}
    sides = _side(site, left), _side(site, right)
    answers = changed_answers(*sides, split)
    first = (page - 1) * ON_A_PAGE
    return {
        **shown,
        "found": [
            fault for side in sides for fault in (*side.files.faults, *side.tables.faults.values())
        ],
        "figures": _lines(*sides),
        "answers": _judged(*sides, split, answers[first : first + ON_A_PAGE]),
        "count": len(answers),
        "pages": max(1, -(-len(answers) // ON_A_PAGE)),
    }


def changed_answers(left: Side, right: Side, split: str) -> list[Row]:
    """The held-out prompts that both policies answered, those whose answers share fewest words
    first.
    """
    there: list[dict[str, Row]] = []
    for side in (left, right):
        rows = side.tables.rows(
            "SELECT prompt_id, candidate_id, text FROM candidates "
            "WHERE split = ? AND policy_id = ?",
            [split, side.policy()],
        )
        there.append({row["prompt_id"]: row for row in rows})
    both: list[Row] = [
        {"prompt_id": name, "left": row, "right": there[1][name]}
        for name, row in there[0].items()
        if name in there[1]
    ]
    for each in both:
        each["shared"] = _shared(each["left"]["text"], each["right"]["text"])
    return sorted(both, key=lambda each: (each["shared"], each["prompt_id"]))


def _judged(left: Side, right: Side, split: str, answers: list[Row]) -> list[Row]:
    """The answers with their prompt and with what a judge said of the two, where one was asked."""
    for each in answers:
        prompts = [
            side.tables.rows(
                "SELECT messages FROM prompts WHERE prompt_id = ?", [each["prompt_id"]]
            )
            for side in (right, left)
        ]
        each["messages"] = next((rows[0]["messages"] for rows in prompts if rows), [])
        each["verdict"] = _verdict(left, right, split, each)
    return answers


def _verdict(left: Side, right: Side, split: str, answers: Row) -> str:
    """Which of two answers the judge preferred; what stands in its place where it did not say."""
    if answers["left"]["text"] == answers["right"]["text"]:
        return "the same answer"
    ids = {answers[side]["candidate_id"]: side for side in ("left", "right")}
    for side in (right, left):
        rows = side.tables.rows(
            "SELECT * FROM verdicts WHERE prompt_id = ? AND split = ? ORDER BY file_row_number",
            [answers["prompt_id"], split],
        )
        for (a, b), verdicts in comparisons(rows, None).items():  # type: ignore[arg-type]
            if {a, b} == ids.keys():
                settled = settle(verdicts)
                won = {"a": ids[a], "b": ids[b], "tie": "tie"}.get(settled.outcome)
                return won or f"undecided: {settled.reason}"
    return "not compared"


def _side(site: Site, name: str) -> Side:
    match = SIDE.fullmatch(name)
    if not match or match["run"] not in site.siblings():
        raise UserError(f"{name!r}: expected RUN:ROUND with one of {', '.join(site.siblings())}")
    folder = round_dir(site.run_dir.parent / match["run"], int(match["number"]))
    if not folder.is_dir():
        raise UserError(f"{name}: this round is not there")
    return Side(name, round_files(folder), site.tables(folder))


def _lines(left: Side, right: Side) -> list[tuple[str, str, str]]:
    """The figures of both, side by side."""
    figures = [
        dict(round_lines(each.files.metrics)) if each.files.metrics else {}
        for each in (left, right)
    ]
    names = list(dict.fromkeys([*figures[0], *figures[1]]))
    return [(name, figures[0].get(name, "–"), figures[1].get(name, "–")) for name in names]


def _shared(first: str, second: str) -> float:
    """The share of words that two texts have in common; 1 for equal ones."""
    if first == second:
        return 1.0
    words = set(WORD.findall(first.lower())), set(WORD.findall(second.lower()))
    union = len(words[0] | words[1])
    return len(words[0] & words[1]) / union if union else 0.0
