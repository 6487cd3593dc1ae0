"""Operations by name: what the protocol may call."""

from collections.abc import Callable
from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.operations import (
    copies,
    datasets,
    detection,
    entries,
    policies,
    projects,
    running,
    tags,
    versions,
)

Operation = Callable[[Account, dict[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "CreateProject": projects.create,
    "DescribeProjects": projects.describe,
    "DeleteProject": projects.delete,
    "CreateDataset": datasets.create,
    "DescribeDataset": datasets.describe,
    "DistributeDatasetEntries": datasets.distribute,
    "DeleteDataset": datasets.delete,
    "ListDatasetEntries": entries.show,
    "ListDatasetLabels": entries.show_labels,
    "UpdateDatasetEntries": entries.update,
    "CreateProjectVersion": versions.create,
    "DescribeProjectVersions": versions.describe,
    "DeleteProjectVersion": versions.delete,
    "CopyProjectVersion": copies.copy,
    "StartProjectVersion": running.start,
    "StopProjectVersion": running.stop,
    "DetectCustomLabels": detection.detect,
    "PutProjectPolicy": policies.put,
    "ListProjectPolicies": policies.show,
    "DeleteProjectPolicy": policies.delete,
    "TagResource": tags.tag,
    "UntagResource": tags.untag,
    "ListTagsForResource": tags.show,
}
