"""EventBridge rules that start the pipeline's functions: uploads, failed executions, schedules."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.functions import Functions
from infra.queues import FAILURES
from infra.stage_environment import StageEnvironment
from lambdas import catalog
from workflow.inspections import ignored_keys

FAILED_STATUSES = ["FAILED", "TIMED_OUT", "ABORTED"]


class EventRules(Construct):
    """Rules that pass S3's `Object Created` events to the intake queue, but for ignored names.

    A failed execution starts the reconciler, because no Catch sees a state machine's own limits. A missed
    scheduled call is not retried: the next call comes a minute later.
    """

    def __init__(
        self, scope: Construct, construct_id: str, resources: StageEnvironment, functions: Functions
    ) -> None:
        super().__init__(scope, construct_id)
        queues, dead_letter_queues = resources.queues.by_name, resources.queues.dead_letter_queues
        events.Rule(
            self,
            "Uploads",
            description="Every upload but folder markers and ignored names",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [resources.storage.inbound.bucket_name]},
                    "object": {"key": ignored_keys.inspected_key_pattern()},
                },
            ),
            targets=[targets.SqsQueue(queues["intake"], dead_letter_queue=dead_letter_queues["intake"])],
        )
        events.Rule(
            self,
            "Failures",
            description="Failed executions, for the reconciler",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [resources.state_machine.arn], "status": FAILED_STATUSES},
            ),
            targets=[targets.SqsQueue(queues[FAILURES], dead_letter_queue=dead_letter_queues[FAILURES])],
        )
        for function in catalog.FUNCTIONS:
            if function.schedule_minutes:
                self._add_schedule(function, functions)

    def _add_schedule(self, function: catalog.LambdaFunction, functions: Functions) -> None:
        events.Rule(
            self,
            f"Schedule{function.placeholder.removesuffix('Function')}",
            schedule=events.Schedule.rate(Duration.minutes(function.schedule_minutes)),
            targets=[
                targets.LambdaFunction(
                    functions[function], retry_attempts=0, max_event_age=Duration.minutes(1)
                )
            ],
        )
