"""EventBridge rules that start the pipeline's functions: uploads and schedules."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.functions import Functions
from infra.stage_environment import StageEnvironment
from lambdas import catalog
from workflow.inspections import ignored_keys


class EventRules(Construct):
    """Rules that pass S3's `Object Created` events to the intake queue, but for ignored names.

    Neither EventBridge nor Lambda repeats a scheduled call that failed: the next one comes a minute later.
    Failed executions need no rule, because the reconciler finds them by its schedule.
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
