"""The table of who may do what, read from the template: `python -m infra.access` writes docs/security.md."""

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.settings import Deployment

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security.md"
TEMPLATE = Path(__file__).with_name("security.md.template")
EVERYTHING = Deployment(stage="prod", domain="review.example.com", hosted_zone_id="Z0123456789ABC")
EVERYBODY = {
    *("logs:CreateLogStream", "logs:PutLogEvents"),
    *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
}
_LOGICAL = re.compile(
    r"^(?:Storage|Books|Messages|Knobs|Machine|Functions|ReviewSite|People)?(\w+?)[0-9A-F]{8}$"
)


def page(template: Mapping[str, Any]) -> str:
    """docs/security.md."""
    return TEMPLATE.read_text(encoding="utf-8").replace("$roles", _table(template))


def _table(template: Mapping[str, Any]) -> str:
    rows = ["| Who | may | on |", "|---|---|---|"]
    for role, statements in sorted(_roles(template).items()):
        for statement in statements:
            actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
            named = ", ".join(sorted({_resource(one) for one in resources}))
            rows.append(f"| {role} | {', '.join(f'`{action}`' for action in actions)} | {named} |")
            role = ""
    return "\n".join(rows)


def _roles(template: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The statements of each role, by a name for people."""
    resources = template["Resources"]
    found: dict[str, list[dict[str, Any]]] = {}
    for one in resources.values():
        if one["Type"] == "AWS::IAM::Policy":
            statements = one["Properties"]["PolicyDocument"]["Statement"]
            kept = [
                statement for statement in statements if not set(_listed(statement["Action"])) <= EVERYBODY
            ]
            for role in one["Properties"]["Roles"]:
                found.setdefault(_role(role["Ref"]), []).extend(kept)
    return found


def _role(logical_id: str) -> str:
    return _short(logical_id).removesuffix("Role") or "The review app"


def _resource(value: Any) -> str:
    """A resource as people read it: `Ledger`, `Ledger/index/by_state`, `Inbound/*`."""
    match value:
        case str(text):
            return f"`{text}`"
        case {"Fn::GetAtt": [logical, *_]} | {"Ref": logical}:
            return _short(str(logical))
        case {"Fn::Join": [_, parts]}:
            first, *rest = (part if isinstance(part, str) else _part(part) for part in parts)
            named = (
                f"<{one}>" if not isinstance(part, str) else one
                for one, part in zip(rest, parts[1:], strict=True)
            )
            return "".join((first, *named))
    return json.dumps(value)


def _part(value: dict[str, Any]) -> str:
    pseudo = {"AWS::Partition": "aws", "AWS::Region": "region", "AWS::AccountId": "account"}
    name = value.get("Ref") or value["Fn::GetAtt"][0]
    return pseudo.get(name) or _short(name)


def _short(logical_id: str) -> str:
    found = _LOGICAL.match(logical_id)
    return found[1] if found else logical_id


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    from infra.app import synthesise

    with tempfile.TemporaryDirectory() as scratch:
        written = synthesise(EVERYTHING, Path(scratch), with_packages=False)
        PAGE.write_text(page(json.loads(written.read_text(encoding="utf-8"))), encoding="utf-8")
