# SPDX-License-Identifier: Apache-2.0
"""A plan for people and for machines: why, for every element. No value of the original is in it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from deidgate.plan.model import Action, Decision, Plan

_VERB = {
    Action.DUMMY: "replace by a dummy",
    Action.EMPTY: "empty",
    Action.REMOVE: "remove",
    Action.KEEP: "keep",
    Action.CLEAN: "clean",
    Action.UID: "replace the UID",
}


def explained(plan: Plan) -> dict[str, Any]:
    """The plan as plain data for JSON, with a list of every decision in dataset order."""
    return {
        "policy": plan.policy,
        "sop_class_uid": plan.sop_class_uid,
        "codes": list(plan.codes),
        "longitudinal_temporal_information": plan.longitudinal,
        "pixels": {
            "clean": plan.pixels.clean,
            "risk": plan.pixels.risk,
            "boxes": [
                [box.row_start, box.row_stop, box.column_start, box.column_stop, box.frame] for box in plan.pixels.boxes
            ],
        },
        "decisions": [
            {
                "path": str(decision.path),
                "vr": decision.vr,
                "action": decision.action.value,
                "changes": changes(decision),
                "because": decision.because.source,
                "detail": decision.because.detail,
            }
            for decision in plan.decisions
        ],
        "added": [{"path": str(one.path), "vr": one.vr, "because": one.because.source} for one in plan.added],
    }


def explain(plan: Plan, *, only_changes: bool = False) -> str:
    """The plan as lines of text: what, where, and which rule says so.

    Parameters
    ----------
    plan : Plan
    only_changes : bool
        Leave out elements that stay as they are.
    """
    lines = [f"policy {plan.policy}", f"codes {' '.join(plan.codes)}", f"pixels {_pixels(plan)}", ""]
    for decision in plan.decisions:
        if only_changes and not changes(decision):
            continue
        why = decision.because
        detail = f" ({why.detail})" if why.detail else ""
        lines.append(
            f"{decision.action.value}  {decision.path}  {decision.vr}  {_done(decision)}: {why.source}{detail}"
        )
    lines += [f"+  {one.path}  {one.vr}  write: {one.because.source}" for one in plan.added]
    counts = Counter(decision.action for decision in plan.decisions)
    lines += ["", "  ".join(f"{action.value} {counts[action]}" for action in Action if counts[action])]
    return "\n".join(lines) + "\n"


def changes(decision: Decision) -> bool:
    """True when the element is not the same afterwards."""
    return decision.action in (Action.REMOVE, Action.EMPTY) or decision.value is not None


def _done(decision: Decision) -> str:
    if decision.action is Action.CLEAN and not changes(decision):
        return "clean, nothing to change"
    return _VERB[decision.action]


def _pixels(plan: Plan) -> str:
    asked = "to be cleaned" if plan.pixels.clean else "as they are"
    return f"{asked}, risk {plan.pixels.risk}, {len(plan.pixels.boxes)} certain boxes"
