"""What sets the line in motion: uploads, failures, the clock."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.functions import Functions
from infra.line import Line
from infra.messages import FAILURES
from lambdas import catalog

ENDED_BADLY = ["FAILED", "TIMED_OUT", "ABORTED"]


class Intake(Construct):
    """S3's `Object Created` events become messages of the intake queue, unchanged, folder markers aside.

    An execution that ends badly wakes the reconciler: no Catch sees a state machine's own limits. What runs
    by the clock comes again a minute later anyway, so a missed call is not repeated.
    """

    def __init__(self, scope: Construct, name: str, line: Line, functions: Functions) -> None:
        super().__init__(scope, name)
        queues = line.messages.queues
        events.Rule(
            self,
            "Uploads",
            description="Every upload but folder markers, whose keys end in a slash",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [line.storage.inbound.bucket_name]},
                    "object": {"key": [{"anything-but": {"suffix": "/"}}]},
                },
            ),
            targets=[targets.SqsQueue(queues["intake"], dead_letter_queue=line.messages.dead["intake"])],
        )
        events.Rule(
            self,
            "Failures",
            description="Executions that ended badly, for the reconciler",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [line.machine.arn], "status": ENDED_BADLY},
            ),
            targets=[targets.SqsQueue(queues[FAILURES], dead_letter_queue=line.messages.dead[FAILURES])],
        )
        for one in catalog.FUNCTIONS:
            if one.schedule_minutes:
                self._scheduled(one, functions)

    def _scheduled(self, one: catalog.Function, functions: Functions) -> None:
        events.Rule(
            self,
            f"Clock{one.placeholder.removesuffix('Function')}",
            schedule=events.Schedule.rate(Duration.minutes(one.schedule_minutes)),
            targets=[
                targets.LambdaFunction(functions[one], retry_attempts=0, max_event_age=Duration.minutes(1))
            ],
        )
