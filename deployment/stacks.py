"""CloudFormation stacks: find, plan with change sets, execute, follow and delete."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.errors import PartcheckError

POLL_SECONDS = 2.0
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack with its status, its outputs and the time of its last change."""

    id: str
    name: str
    status: str
    outputs: Mapping[str, str]
    changed_at: datetime | None = None

    @property
    def in_review(self) -> bool:
        """True if the stack has a change set that was never executed."""
        return self.status == "REVIEW_IN_PROGRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """One change of a change set. `replaces` is true if it may create a new resource in place of the old."""

    action: str
    resource_type: str
    logical_id: str
    replaces: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEvent:
    """A status change of one resource of a stack."""

    id: str
    resource_type: str
    logical_id: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack."""

    resource_type: str
    logical_id: str
    physical_id: str


class CloudFormationStacks:
    """CloudFormation stacks of one account and region."""

    def __init__(self, cloudformation: Any = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._cloudformation = cloudformation or client("cloudformation")
        self._sleep = sleep

    def find(self, name: str) -> Stack | None:
        """Return the stack with this name or id, or None."""
        try:
            [description] = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return _to_stack(description)

    def find_by_prefix(self, prefix: str) -> list[Stack]:
        """Return all stacks whose name begins with the prefix."""
        pages = self._cloudformation.get_paginator("describe_stacks").paginate()
        return [
            _to_stack(description)
            for page in pages
            for description in page["Stacks"]
            if description["StackName"].startswith(prefix)
        ]

    def create_change_set(
        self, name: str, template_url: str, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> tuple[str, list[PlannedChange]]:
        """Create a change set. Return its id and its changes, which are empty if the stack is up to date.

        Raise PartcheckError if CloudFormation rejects the template. Such a change set is deleted.
        """
        stack = self.find(name)
        answer = self._cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"partcheck-{int(time.time() * 1000)}",
            ChangeSetType="UPDATE" if stack and not stack.in_review else "CREATE",
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        change_set = str(answer["Id"])
        try:
            return change_set, self._wait_for_changes(change_set)
        except PartcheckError:
            self.discard_change_set(name, change_set)
            raise

    def _wait_for_changes(self, change_set: str) -> list[PlannedChange]:
        while True:
            answer = self._cloudformation.describe_change_set(ChangeSetName=change_set)
            if answer["Status"] == "FAILED":
                reason = str(answer.get("StatusReason", ""))
                if any(text in reason for text in _NO_CHANGES):
                    return []
                details = "; ".join([reason, *self._validation_errors(change_set)])
                raise PartcheckError(f"CloudFormation rejects the template: {details}")
            if answer["Status"] == "CREATE_COMPLETE":
                break
            self._sleep(POLL_SECONDS)
        changes = list(answer["Changes"])
        while token := answer.get("NextToken"):
            answer = self._cloudformation.describe_change_set(ChangeSetName=change_set, NextToken=token)
            changes += answer["Changes"]
        return [_to_planned_change(change["ResourceChange"]) for change in changes]

    def _validation_errors(self, change_set: str) -> list[str]:
        """Return the findings of CloudFormation's early validation, which the change set's reason lacks."""
        try:
            answer = self._cloudformation.describe_events(
                ChangeSetName=change_set, Filters={"FailedEvents": True}
            )
        except ClientError:  # Roles that were written before this operation existed may not call it.
            return []
        return [
            f"{event.get('LogicalResourceId', '')} ({event.get('ValidationPath', '')}): "
            f"{event['ValidationStatusReason']}"
            for event in answer["OperationEvents"]
            if event.get("ValidationStatusReason")
        ]

    def execute_change_set(self, change_set: str) -> None:
        """Start to execute a change set."""
        self._cloudformation.execute_change_set(ChangeSetName=change_set)

    def discard_change_set(self, name: str, change_set: str) -> None:
        """Delete a change set, and its stack if the stack has nothing else."""
        self._cloudformation.delete_change_set(ChangeSetName=change_set)
        stack = self.find(name)
        if stack and stack.in_review:
            self.delete(name)

    def delete(self, name: str) -> None:
        """Start to delete a stack. Resources with a retention policy stay."""
        self._cloudformation.delete_stack(StackName=name)

    def resources(self, name: str) -> list[StackResource]:
        """Return the resources of a stack."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return [
            StackResource(
                summary["ResourceType"], summary["LogicalResourceId"], summary["PhysicalResourceId"]
            )
            for page in pages
            for summary in page["StackResourceSummaries"]
            if summary.get("PhysicalResourceId")
        ]

    def events(self, stack_id: str) -> list[StackEvent]:
        """Return the events of a stack, oldest first."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        newest_first = [_to_event(event) for page in pages for event in page["StackEvents"]]
        return newest_first[::-1]

    def follow(self, stack_id: str, known: set[str]) -> Iterator[tuple[Stack, list[StackEvent]]]:
        """Poll a stack until its operation ends. Yield the stack and its new events, not in `known`."""
        while True:
            stack = self.find(stack_id)
            if stack is None:
                return
            new = [event for event in self.events(stack_id) if event.id not in known]
            known |= {event.id for event in new}
            yield stack, new
            if not stack.status.endswith("_IN_PROGRESS") or stack.in_review:
                return
            self._sleep(POLL_SECONDS)


def _to_stack(description: dict[str, Any]) -> Stack:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs") or ()}
    return Stack(
        id=description["StackId"],
        name=description["StackName"],
        status=description["StackStatus"],
        outputs=outputs,
        changed_at=description.get("LastUpdatedTime") or description.get("CreationTime"),
    )


def _to_planned_change(change: dict[str, Any]) -> PlannedChange:
    return PlannedChange(
        action=change["Action"],
        resource_type=change["ResourceType"],
        logical_id=change["LogicalResourceId"],
        replaces=change.get("Replacement") in ("True", "Conditional"),
    )


def _to_event(event: dict[str, Any]) -> StackEvent:
    return StackEvent(
        id=event["EventId"],
        resource_type=event["ResourceType"],
        logical_id=event["LogicalResourceId"],
        status=event["ResourceStatus"],
        reason=str(event.get("ResourceStatusReason") or ""),
    )
