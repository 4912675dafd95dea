# SPDX-License-Identifier: Apache-2.0
"""Write ``types.json`` from the IOD tables of the PyPI package highdicom.

Use: ``python -m deidgate.standard.generate_types``, with highdicom installed.

Only Types 1, 1C, 2 and 2C are written: an attribute that is not in the file is Type 3 or not of the IOD, which
makes no difference to a de-identifier. Equal subtrees (macros) are written once.
"""

from __future__ import annotations

import json
from importlib import metadata, util
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword

TARGET = Path(__file__).with_name("types.json")
# highdicom 0.27 and 0.28 carry the tables of this edition.
EDITION = "2026b"

# Attributes of repeating groups have no keyword in pydicom's dictionary; they are written as of group 6000.
# Source: PS3.3 C.9.2 Overlay Plane Module.
_OVERLAY_ELEMENT = {
    "OverlayRows": 0x0010,
    "OverlayColumns": 0x0011,
    "NumberOfFramesInOverlay": 0x0015,
    "OverlayDescription": 0x0022,
    "OverlayType": 0x0040,
    "OverlaySubtype": 0x0045,
    "OverlayOrigin": 0x0050,
    "ImageFrameOrigin": 0x0051,
    "OverlayBitsAllocated": 0x0100,
    "OverlayBitPosition": 0x0102,
    "OverlayActivationLayer": 0x1001,
    "ROIArea": 0x1301,
    "ROIMean": 0x1302,
    "ROIStandardDeviation": 0x1303,
    "OverlayLabel": 0x1500,
    "OverlayData": 0x3000,
}

Tree = dict[int, tuple[str, "Tree"]]


def generated() -> dict[str, Any]:
    """The content of ``types.json``, from the installed highdicom."""
    spec = util.find_spec("highdicom")
    if spec is None or spec.origin is None:
        raise SystemExit("highdicom is not installed")
    base = Path(spec.origin).parent / "_standard"
    sop, iods, modules = (
        json.loads((base / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("sop_class_iod_map", "iod_module_map", "module_attribute_map")
    )
    nodes: dict[str, int] = {}
    used = {module["key"] for name in sop.values() for module in iods[name]}
    numbers = {key: _number(_tree(modules[key]), nodes) for key in sorted(used) if key in modules}
    return {
        "edition": EDITION,
        "source": f"PS3.3 modules and IODs as of highdicom {metadata.version('highdicom')} (MIT licence)",
        "sop_classes": sop,
        "iods": {
            name: [[m["key"], m["usage"]] for m in iods[name] if m["key"] in numbers]
            for name in sorted(set(sop.values()))
        },
        "modules": numbers,
        "nodes": [json.loads(text) for text in nodes],
    }


def _tree(attributes: list[dict[str, Any]]) -> Tree:
    root: Tree = {}
    for attribute in attributes:
        here: Tree | None = root
        for keyword in attribute["path"]:
            tag = tag_for_keyword(keyword)
            here = None if here is None or tag is None else here.setdefault(tag, ("", {}))[1]
        tag = _tag(attribute["keyword"])
        if here is not None and tag is not None:
            here[tag] = (attribute["type"], here.get(tag, ("", {}))[1])
    return root


def _tag(keyword: str) -> int | None:
    if keyword in _OVERLAY_ELEMENT:
        return 0x60000000 | _OVERLAY_ELEMENT[keyword]
    return tag_for_keyword(keyword)


def _number(tree: Tree, nodes: dict[str, int]) -> int:
    """Number of the node for `tree`; equal trees are one node, and a child has a smaller number than its parent."""
    lines = []
    for tag, (type_, below) in sorted(tree.items()):
        child = _number(below, nodes) if below else -1
        speaks = type_ in ("1", "1C", "2", "2C")
        if child >= 0 and _says_nothing(child, nodes):
            child = -1
        if speaks or child >= 0:
            lines.append([f"{tag:08x}", type_ if speaks else "3", *([child] if child >= 0 else [])])
    text = json.dumps(lines, separators=(",", ":"))
    return nodes.setdefault(text, len(nodes))


def _says_nothing(number: int, nodes: dict[str, int]) -> bool:
    """True when the node says nothing."""
    return nodes.get("[]") == number


def main() -> None:
    """Write the file."""
    content = generated()
    nodes = content.pop("nodes")
    iods = content.pop("iods")
    head = json.dumps(content, indent=1)[:-2]
    iod_lines = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(modules)}" for name, modules in iods.items())
    node_lines = ",\n  ".join(json.dumps(node, separators=(",", ":")) for node in nodes)
    TARGET.write_text(
        f'{head},\n "iods": {{\n  {iod_lines}\n }},\n "nodes": [\n  {node_lines}\n ]\n}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
