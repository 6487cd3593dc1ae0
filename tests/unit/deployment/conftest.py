"""The in-memory AWS of the adapters' tests."""

from tests.unit.workflow.aws.conftest import tables as tables
