"""What must not change by accident: the identity of everything that holds data, and what others rely on."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import Template

pytestmark = pytest.mark.xdist_group("synthesised")

FILE = Path(__file__).with_name("interface.json")
HOLDING_DATA = ("S3::Bucket", "DynamoDB::Table", "SQS::Queue", "Cognito::UserPool", "SSM::Parameter")
REPLACING = ("KeySchema", "BucketName", "TableName", "QueueName", "Name", "UsernameAttributes", "Value")


def interface(template: Template) -> dict[str, Any]:
    """Another logical id, or another value of these properties, would give an empty resource in its place."""
    found = {
        name: {
            "type": resource["Type"],
            **{key: resource["Properties"][key] for key in REPLACING if key in resource["Properties"]},
        }
        for kind in HOLDING_DATA
        for name, resource in template.of(kind).items()
    }
    return {"resources": found, "outputs": sorted(template.document["Outputs"])}


def test_nothing_that_holds_data_is_replaced_or_overwritten_by_a_deployment(synthesised: Template) -> None:
    """A new resource is added to interface.json; a line that changes there means that data is lost."""
    found, kept = interface(synthesised), json.loads(FILE.read_text(encoding="utf-8"))

    assert found == kept, json.dumps(found, indent=2)
