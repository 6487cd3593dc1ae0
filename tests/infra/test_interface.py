"""Identities that must not change by accident: resources with data, and the stack's outputs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import Template

pytestmark = pytest.mark.xdist_group("synthesised")

FILE = Path(__file__).with_name("interface.json")
HOLDING_DATA = ("S3::Bucket", "DynamoDB::Table", "SQS::Queue", "Cognito::UserPool")
REPLACING = ("KeySchema", "BucketName", "TableName", "QueueName", "Name", "UsernameAttributes")


def interface(template: Template) -> dict[str, Any]:
    """Return the logical ids and properties whose change would create an empty resource instead."""
    found = {
        name: {
            "type": resource["Type"],
            **{key: resource["Properties"][key] for key in REPLACING if key in resource["Properties"]},
        }
        for kind in HOLDING_DATA
        for name, resource in template.of(kind).items()
    }
    return {"resources": found, "outputs": sorted(template.document["Outputs"])}


def test_a_deployment_replaces_or_overwrites_no_resource_with_data(synthesised: Template) -> None:
    """Add new resources to interface.json. A changed line there means that data is lost."""
    found, kept = interface(synthesised), json.loads(FILE.read_text(encoding="utf-8"))

    assert found == kept, json.dumps(found, indent=2)
