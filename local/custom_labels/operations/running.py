"""Models switched on and off."""

from typing import Any

from local.custom_labels.account import Account


def start(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    version = account.power.start(
        request["ProjectVersionArn"], request["MinInferenceUnits"], request.get("MaxInferenceUnits")
    )
    return {"Status": version.status}


def stop(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    return {"Status": account.power.stop(request["ProjectVersionArn"]).status}
