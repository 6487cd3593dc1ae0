"""Start and stop model versions."""

from typing import Any

from custom_labels.account import CustomLabelsAccount


def start_version(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    version = account.model_runner.start(
        request["ProjectVersionArn"], request["MinInferenceUnits"], request.get("MaxInferenceUnits")
    )
    return {"Status": version.status}


def stop_version(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    return {"Status": account.model_runner.stop(request["ProjectVersionArn"]).status}
