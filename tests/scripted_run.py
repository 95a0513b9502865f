"""A whole run on one scripted endpoint that writes and judges: no vLLM, no training, in seconds."""

import json
from pathlib import Path
from typing import Any

import yaml
from scripted import Raw, Scripted, honest_judge, varied_policy


def answers_all(body: dict[str, Any]) -> Any:
    """The policy where a chat is asked for, the judge where a verdict is."""
    return honest_judge(body) if "response_format" in body else varied_policy(body)


def is_judged(body: dict[str, Any]) -> bool:
    """Whether it is a question to the judge, of a round and not of the trying out before it."""
    return "response_format" in body and "question number" in json.dumps(body)


def write_scripted(folder: Path, at: Scripted | str, desk: dict[str, Any], **changes: Any) -> Path:
    """The config of a run named demo: 6 prompts a round, 3 answers each; `desk` to its endpoint."""
    for split, count in (("train", 60), ("gate", 4), ("test", 4)):
        lines = [
            json.dumps(
                {"prompt": f"{split} question number {i}: what of {chr(97 + i % 26)}{i * i}?"}
            )
            for i in range(count)
        ]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    address = at if isinstance(at, str) else at.base_url
    tree = {
        "name": "demo",
        "policy": {"endpoint": "desk"},
        "prompts": {**{split: f"{split}.jsonl" for split in ("train", "gate", "test")}},
        "endpoints": {"desk": {"base_url": address, "model": "m", **desk}},
        "sampler": {"n": 3, "sampling": {"max_tokens": 64}},
        "judge": {"endpoint": "desk", "channel": "json", "health": {"sample": 0}},
        "trainer": None,
    }
    tree["prompts"]["per_round"] = 6
    path = folder / "demo.yaml"
    path.write_text(yaml.safe_dump(tree | changes))
    return path


GONE = Raw(503, headers={"Retry-After-Ms": None})
