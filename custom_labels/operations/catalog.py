"""The catalog of operations by their names in the protocol."""

from collections.abc import Callable
from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.operations import (
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

Operation = Callable[[CustomLabelsAccount, dict[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "CreateProject": projects.create_project,
    "DescribeProjects": projects.describe_projects,
    "DeleteProject": projects.delete_project,
    "CreateDataset": datasets.create_dataset,
    "DescribeDataset": datasets.describe_dataset,
    "DistributeDatasetEntries": datasets.distribute_entries,
    "DeleteDataset": datasets.delete_dataset,
    "ListDatasetEntries": entries.list_entries,
    "ListDatasetLabels": entries.list_labels,
    "UpdateDatasetEntries": entries.update_entries,
    "CreateProjectVersion": versions.create_version,
    "DescribeProjectVersions": versions.describe_versions,
    "DeleteProjectVersion": versions.delete_version,
    "CopyProjectVersion": copies.copy_version,
    "StartProjectVersion": running.start_version,
    "StopProjectVersion": running.stop_version,
    "DetectCustomLabels": detection.detect_labels,
    "PutProjectPolicy": policies.put_policy,
    "ListProjectPolicies": policies.list_policies,
    "DeleteProjectPolicy": policies.delete_policy,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "ListTagsForResource": tags.list_tags,
}
