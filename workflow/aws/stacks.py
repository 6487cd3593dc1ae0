"""CloudFormation stacks: looked at, planned as change sets, carried out, watched, removed."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.errors import PartcheckError

POLL_SECONDS = 2.0
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it stands: its id, its status, what it tells others, when it last changed."""

    id: str
    name: str
    status: str
    outputs: Mapping[str, str]
    changed_at: datetime | None = None

    @property
    def in_review(self) -> bool:
        """Whether it was planned and never made."""
        return self.status == "REVIEW_IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a deployment would do."""

    action: str
    kind: str
    logical_id: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one resource of a stack."""

    id: str
    kind: str
    logical_id: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a stack made."""

    kind: str
    logical_id: str
    physical_id: str


class CloudFormationStacks:
    """The stacks of one account and region."""

    def __init__(self, cloudformation: Any = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._cloudformation = cloudformation or client("cloudformation")
        self._sleep = sleep

    def find(self, name: str) -> Stack | None:
        """The stack with this name or id, or None."""
        try:
            [one] = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return _stack(one)

    def beginning_with(self, prefix: str) -> list[Stack]:
        """All stacks whose name begins so."""
        pages = self._cloudformation.get_paginator("describe_stacks").paginate()
        return [
            _stack(one) for page in pages for one in page["Stacks"] if one["StackName"].startswith(prefix)
        ]

    def plan(
        self, name: str, template_url: str, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> tuple[str, list[Change]]:
        """A change set that waits to be carried out, and what it would do (nothing: all is as it should)."""
        there = self.find(name)
        made = self._cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"partcheck-{int(time.time() * 1000)}",
            ChangeSetType="UPDATE" if there and not there.in_review else "CREATE",
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        return str(made["Id"]), self._changes(str(made["Id"]))

    def _changes(self, change_set: str) -> list[Change]:
        while True:
            answer = self._cloudformation.describe_change_set(ChangeSetName=change_set)
            if answer["Status"] == "FAILED":
                reason = str(answer.get("StatusReason", ""))
                if any(text in reason for text in _NOTHING_TO_DO):
                    return []
                raise PartcheckError(f"CloudFormation refuses the template: {reason}")
            if answer["Status"] == "CREATE_COMPLETE":
                break
            self._sleep(POLL_SECONDS)
        changes = list(answer["Changes"])
        while token := answer.get("NextToken"):
            answer = self._cloudformation.describe_change_set(ChangeSetName=change_set, NextToken=token)
            changes += answer["Changes"]
        return [_change(one["ResourceChange"]) for one in changes]

    def carry_out(self, change_set: str) -> None:
        """Begin with a planned change set."""
        self._cloudformation.execute_change_set(ChangeSetName=change_set)

    def drop_plan(self, name: str, change_set: str) -> None:
        """Forget a planned change set, with the stack if there is no more to it."""
        self._cloudformation.delete_change_set(ChangeSetName=change_set)
        there = self.find(name)
        if there and there.in_review:
            self.remove(name)

    def remove(self, name: str) -> None:
        """Begin to delete a stack; what is to outlive it stays."""
        self._cloudformation.delete_stack(StackName=name)

    def resources(self, name: str) -> list[Resource]:
        """Everything that a stack made."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        return [
            Resource(one["ResourceType"], one["LogicalResourceId"], one["PhysicalResourceId"])
            for page in pages
            for one in page["StackResourceSummaries"]
            if one.get("PhysicalResourceId")
        ]

    def events(self, stack_id: str) -> list[Event]:
        """What happened to a stack, oldest first."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        found = [_event(one) for page in pages for one in page["StackEvents"]]
        return found[::-1]

    def followed(self, stack_id: str, known: set[str]) -> Iterator[tuple[Stack, list[Event]]]:
        """The stack, time and again, with what happened since, until nothing more happens."""
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


def _stack(one: dict[str, Any]) -> Stack:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in one.get("Outputs") or ()}
    changed = one.get("LastUpdatedTime") or one.get("CreationTime")
    return Stack(one["StackId"], one["StackName"], one["StackStatus"], outputs, changed)


def _change(one: dict[str, Any]) -> Change:
    replaces = one.get("Replacement") in ("True", "Conditional")
    return Change(one["Action"], one["ResourceType"], one["LogicalResourceId"], replaces)


def _event(one: dict[str, Any]) -> Event:
    return Event(
        one["EventId"],
        one["ResourceType"],
        one["LogicalResourceId"],
        one["ResourceStatus"],
        str(one.get("ResourceStatusReason") or ""),
    )
