"""The fourteen statuses of a model version, and the valid transitions between them."""

from enum import StrEnum


class VersionStatus(StrEnum):
    """The status of a model version as DescribeProjectVersions reports it."""

    TRAINING_IN_PROGRESS = "TRAINING_IN_PROGRESS"
    TRAINING_COMPLETED = "TRAINING_COMPLETED"
    TRAINING_FAILED = "TRAINING_FAILED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    DELETING = "DELETING"
    COPYING_IN_PROGRESS = "COPYING_IN_PROGRESS"
    COPYING_COMPLETED = "COPYING_COMPLETED"
    COPYING_FAILED = "COPYING_FAILED"
    DEPRECATED = "DEPRECATED"
    EXPIRED = "EXPIRED"


_S = VersionStatus
_END_OF_LIFE = frozenset({_S.DEPRECATED, _S.EXPIRED, _S.DELETING})

TRANSITIONS: dict[VersionStatus, frozenset[VersionStatus]] = {
    _S.TRAINING_IN_PROGRESS: frozenset({_S.TRAINING_COMPLETED, _S.TRAINING_FAILED}),
    _S.TRAINING_COMPLETED: _END_OF_LIFE | {_S.STARTING},
    _S.TRAINING_FAILED: frozenset({_S.DELETING}),
    _S.STARTING: frozenset({_S.RUNNING, _S.FAILED}),
    _S.RUNNING: frozenset({_S.STOPPING, _S.FAILED}),
    _S.FAILED: _END_OF_LIFE | {_S.STARTING},
    _S.STOPPING: frozenset({_S.STOPPED, _S.FAILED}),
    _S.STOPPED: _END_OF_LIFE | {_S.STARTING},
    _S.DELETING: frozenset(),
    _S.COPYING_IN_PROGRESS: frozenset({_S.COPYING_COMPLETED, _S.COPYING_FAILED}),
    _S.COPYING_COMPLETED: _END_OF_LIFE | {_S.STARTING},
    _S.COPYING_FAILED: frozenset({_S.DELETING}),
    _S.DEPRECATED: frozenset({_S.EXPIRED, _S.DELETING}),
    _S.EXPIRED: frozenset({_S.DELETING}),
}

COUNTED_AS_RUNNING = frozenset({_S.STARTING, _S.RUNNING})
COPYABLE = frozenset(
    {_S.TRAINING_COMPLETED, _S.STOPPED, _S.RUNNING, _S.STARTING, _S.STOPPING, _S.COPYING_COMPLETED}
)


def predecessors(status: VersionStatus) -> list[VersionStatus]:
    """Return the statuses from which a model can reach this one."""
    return [before for before in VersionStatus if status in TRANSITIONS[before]]
