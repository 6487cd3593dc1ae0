"""Parameters are cached, and the routing policy is validated."""

import json
from typing import Any

import pytest

from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.parameters import CachedParameterStore
from workflow.errors import ConfigurationError


def parameter(value: str) -> dict[str, Any]:
    return {"Parameter": {"Name": "/line/policy", "Type": "String", "Value": value}}


def test_a_parameter_is_cached_for_its_maximum_age() -> None:
    with stubbed("ssm") as (client, stub):
        stub.add_response(
            "get_parameter", parameter("arn:model"), {"Name": "/line/policy", "WithDecryption": False}
        )
        parameters = CachedParameterStore(client, max_age=60)

        assert [parameters.text("/line/policy"), parameters.text("/line/policy")] == ["arn:model"] * 2


def test_the_routing_policy_is_parsed_and_an_invalid_one_is_refused() -> None:
    labels = {"ok": {"verdict": "ok", "threshold": 0.9}}
    with stubbed("ssm") as (client, stub):
        stub.add_response("get_parameter", parameter(json.dumps({"version": "1", "labels": labels})))
        assert CachedParameterStore(client).routing_policy("/line/policy").version == "1"
        stub.add_response("get_parameter", parameter("{}"))
        with pytest.raises(ConfigurationError, match="'version'"):
            CachedParameterStore(client).routing_policy("/line/policy")
