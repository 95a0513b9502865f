"""The variants of a round's training in lines."""

from typing import Any

from rounds.health_lines import Lines


def sweep_lines(metrics: dict[str, Any]) -> Lines:
    """A line for each variant that a round has trained, the one that was taken marked; none where
    there was no sweep.
    """
    sweep = (metrics.get("train") or {}).get("sweep")
    if sweep is None:
        return []
    lines = []
    for place, one in enumerate(sweep["variants"]):
        setting = ", ".join(f"{name} {value}" for name, value in one["args"].items()) or "args"
        parts = [f"fell apart: {one['fault']}"] if one["fault"] else []
        if one["held_out_accuracy"] is not None:
            right = f"{one['held_out_accuracy']:.3f} n={one['held_out_n']}"
            parts.append(f"held-out preference accuracy {right}")
        if one["kl_per_token"] is not None:
            parts.append(f"KL {one['kl_per_token']:.4f} a token")
        if place == sweep["taken"]:
            error = sweep["standard_error"]
            within = "" if error is None else f", first within {error:.3f} of the best"
            parts.append(f"taken{within}")
        lines.append((f"variant {place + 1}", f"{setting}: {', '.join(parts) or 'not measured'}"))
    return lines
