"""The fourteen statuses of a model, with the moves between them that are legal."""

from workflow.models.model import Status

__all__ = ["MOVES", "TRAINED", "USES_A_MODEL_SLOT", "Status", "comes_before", "may_move"]

_S = Status
_AGES = frozenset({_S.DEPRECATED, _S.EXPIRED, _S.DELETING})

MOVES: dict[Status, frozenset[Status]] = {
    _S.TRAINING_IN_PROGRESS: frozenset({_S.TRAINING_COMPLETED, _S.TRAINING_FAILED}),
    _S.TRAINING_COMPLETED: _AGES | {_S.STARTING},
    _S.TRAINING_FAILED: frozenset({_S.DELETING}),
    _S.STARTING: frozenset({_S.RUNNING, _S.FAILED}),
    _S.RUNNING: frozenset({_S.STOPPING, _S.FAILED}),
    _S.FAILED: _AGES | {_S.STARTING},
    _S.STOPPING: frozenset({_S.STOPPED, _S.FAILED}),
    _S.STOPPED: _AGES | {_S.STARTING},
    _S.DELETING: frozenset(),
    _S.COPYING_IN_PROGRESS: frozenset({_S.COPYING_COMPLETED, _S.COPYING_FAILED}),
    _S.COPYING_COMPLETED: _AGES | {_S.STARTING},
    _S.COPYING_FAILED: frozenset({_S.DELETING}),
    _S.DEPRECATED: frozenset({_S.EXPIRED, _S.DELETING}),
    _S.EXPIRED: frozenset({_S.DELETING}),
}

USES_A_MODEL_SLOT = frozenset({_S.STARTING, _S.RUNNING})
TRAINED = frozenset(
    {_S.TRAINING_COMPLETED, _S.STOPPED, _S.RUNNING, _S.STARTING, _S.STOPPING, _S.COPYING_COMPLETED}
)


def may_move(before: Status, after: Status) -> bool:
    return after in MOVES[before]


def comes_before(after: Status) -> list[Status]:
    """The statuses from which this one can be reached."""
    return [before for before in Status if after in MOVES[before]]
