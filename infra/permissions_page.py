"""Permission tables, read from the template: `python -m infra.permissions_page` writes docs/security.md."""

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.settings import StageSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security.md"
TEMPLATE = Path(__file__).with_name("security.md.template")
FULL_SETTINGS = StageSettings(stage="prod", domain="review.example.com", hosted_zone_id="Z0123456789ABC")
COMMON_ACTIONS = {
    *("logs:CreateLogStream", "logs:PutLogEvents"),
    *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
}
_LOGICAL_ID = re.compile(
    r"^(?:Storage|Tables|Queues|Parameters|StateMachine|Functions|ReviewApp|Authentication)?(\w+?)[0-9A-F]{8}$"
)


def render_page(template: Mapping[str, Any]) -> str:
    """Render docs/security.md."""
    return TEMPLATE.read_text(encoding="utf-8").replace("$roles", _table(template))


def _table(template: Mapping[str, Any]) -> str:
    rows = ["| Role | may | on |", "|---|---|---|"]
    for role, statements in sorted(_statements_by_role(template).items()):
        label = role
        for statement in statements:
            actions, resources = _as_list(statement["Action"]), _as_list(statement["Resource"])
            names = ", ".join(sorted({_resource_name(resource) for resource in resources}))
            rows.append(f"| {label} | {', '.join(f'`{action}`' for action in actions)} | {names} |")
            label = ""
    return "\n".join(rows)


def _statements_by_role(template: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Collect the policy statements of each role, under the role's short name."""
    by_role: dict[str, list[dict[str, Any]]] = {}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Policy":
            statements = [
                statement
                for statement in resource["Properties"]["PolicyDocument"]["Statement"]
                if not set(_as_list(statement["Action"])) <= COMMON_ACTIONS
            ]
            for role in resource["Properties"]["Roles"]:
                by_role.setdefault(_role_name(role["Ref"]), []).extend(statements)
    return by_role


def _role_name(logical_id: str) -> str:
    return _short_name(logical_id).removesuffix("Role") or "The review app"


def _resource_name(value: Any) -> str:
    """Return a readable name: `Inspections`, `Inspections/index/by_state`, `Inbound/*`."""
    match value:
        case str(text):
            return f"`{text}`"
        case {"Fn::GetAtt": [logical_id, *_]} | {"Ref": logical_id}:
            return _short_name(str(logical_id))
        case {"Fn::Join": [_, parts]}:
            first, *rest = (part if isinstance(part, str) else _join_part(part) for part in parts)
            names = (
                f"<{name}>" if not isinstance(part, str) else name
                for name, part in zip(rest, parts[1:], strict=True)
            )
            return "".join((first, *names))
    return json.dumps(value)


def _join_part(value: dict[str, Any]) -> str:
    pseudo_parameters = {"AWS::Partition": "aws", "AWS::Region": "region", "AWS::AccountId": "account"}
    name = value.get("Ref") or value["Fn::GetAtt"][0]
    return pseudo_parameters.get(name) or _short_name(name)


def _short_name(logical_id: str) -> str:
    match = _LOGICAL_ID.match(logical_id)
    return match[1] if match else logical_id


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    from infra.app import synthesise

    with tempfile.TemporaryDirectory() as scratch:
        template_file = synthesise(FULL_SETTINGS, Path(scratch), with_packages=False)
        PAGE.write_text(render_page(json.loads(template_file.read_text(encoding="utf-8"))), encoding="utf-8")
