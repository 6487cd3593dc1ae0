"""What cdk-nag finds and we keep as it is: rule, place and the reason, each for a reviewer to judge."""

from dataclasses import dataclass

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

SOLUTIONS, SERVERLESS = "AwsSolutions", "Serverless"
HERE = "<AWS::Region>:<AWS::AccountId>"

BUCKET_OBJECTS = (
    "Photos have the names that whoever uploads them gives; the rights are for reading, writing or deleting "
    "objects of this one bucket, and the bucket's own policy forbids overwriting and limits deletion."
)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One rule, at one construct and what is below it (the stack itself: an empty path)."""

    pack: str
    rule: str
    path: str
    reason: str


KEPT = (
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-SQS3",
        "Messages/Verdicts",
        "Other systems read this queue; whoever reads it decides after how many tries it gives a message up.",
    ),
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-SQS3",
        "Messages/Escalations",
        "People read this queue; nothing fails at reading it.",
    ),
    Acknowledged(
        SERVERLESS,
        "Serverless-SQSRedrivePolicy",
        "Messages",
        "Each queue that feeds a function has a dead-letter queue. The rest are those dead-letter queues, "
        "and the queues that people and other systems read at their own pace.",
    ),
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-SF1",
        "Machine/Inspection",
        "Errors are logged, without data. The whole history of each execution is kept in the line's own "
        "archive, redacted; logging every event would copy names of photos and people into the log.",
    ),
    *(
        Acknowledged(
            pack,
            rule,
            "Functions",
            "The runtime is the newest that the whole suite and the pinned wheels are tested with; it is "
            "supported until October 2029, and it is changed in one place.",
        )
        for pack, rule in ((SOLUTIONS, "AwsSolutions-L1"), (SERVERLESS, "Serverless-LambdaLatestVersion"))
    ),
    Acknowledged(
        SERVERLESS,
        "Serverless-LambdaDLQ",
        "Functions",
        "No event is lost with a failed call: Step Functions and SQS call and wait, and keep what fails; "
        "what runs by the clock carries no event and runs again within minutes.",
    ),
    Acknowledged(
        SERVERLESS,
        "Serverless-LambdaEventSourceMappingDestination",
        "Functions",
        "The source is an SQS queue with a dead-letter queue of its own; such mappings have no destination.",
    ),
    Acknowledged(
        SERVERLESS,
        "Serverless-EventBusDLQ",
        "Intake",
        "The rules with messages have dead-letter queues. The clock's events are empty, and the next one "
        "does the work of one that was lost; an alarm tells when the reconciler does not run.",
    ),
    Acknowledged(
        SERVERLESS,
        "Serverless-SNSRedrivePolicy",
        "Alarms",
        "SNS tries an e-mail for hours, and a dead letter would be another thing that nobody looks at: the "
        "alarm's state stays in CloudWatch and in `partcheck status`.",
    ),
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-IAM5[Resource::*]",
        "Functions",
        "Writing X-Ray traces, and TendModel's DescribeProjects, have no resource in IAM, only '*'.",
    ),
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-IAM5[Resource::*]",
        "Machine",
        "Delivering logs and writing X-Ray traces have no resource in IAM: AWS offers only '*'.",
    ),
    *(
        Acknowledged(
            SOLUTIONS,
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:rekognition:{HERE}:{models}]",
            "Functions",
            "Models are trained and promoted without a deployment, so that their ARNs are not known here; "
            "the rights are for models of this account and region.",
        )
        for models in ("project/*", "project/*/version/*/*")
    ),
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-SMG4",
        "",
        "A rotated session secret signs everybody out, so an administrator does it at a time of their choice "
        "(docs/runbook.md); a user pool's client secret changes only with the client.",
    ),
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-COG8",
        "People/Pool",
        "The plus plan adds risk scores for sign-ins, at a price for each user. Nobody signs up alone here, "
        "and everybody has a second factor.",
    ),
    *(
        Acknowledged(
            SOLUTIONS,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
            "ReviewSite/ServiceRole",
            "Elastic Beanstalk's own service role: AWS keeps these policies in step with what the service "
            "does, and only the service may assume the role.",
        )
        for policy in (
            "service-role/AWSElasticBeanstalkEnhancedHealth",
            "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
        )
    ),
    *(
        Acknowledged(
            SOLUTIONS,
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:{resource}]",
            "ReviewSite/Role",
            "Elastic Beanstalk chooses the names of environments, logs and objects; a machine may fetch the "
            "application, report its own health and write its own logs, in this account and region.",
        )
        for resource in (
            "s3:::elasticbeanstalk-<AWS::Region>-<AWS::AccountId>/*",
            f"elasticbeanstalk:{HERE}:application/*",
            f"elasticbeanstalk:{HERE}:environment/*",
            f"logs:{HERE}:log-group:/aws/elasticbeanstalk/*",
        )
    ),
    Acknowledged(
        SOLUTIONS,
        "AwsSolutions-EB4",
        "ReviewSite/Environment",
        "The machines' logs go to CloudWatch, where they are kept for 30 days and can be searched.",
    ),
)


def acknowledge(stack: Stack, buckets: list[s3.Bucket], machine_id: str) -> None:
    """Record every acknowledgement whose place exists in this stack."""
    for kept in (*KEPT, *_by_resource(stack, buckets, machine_id)):
        place = _found(stack, kept.path)
        if place is not None:
            Validations.of(place).acknowledge(
                Acknowledgment(id=f"{kept.pack}::{kept.rule}", reason=kept.reason)
            )


def _by_resource(stack: Stack, buckets: list[s3.Bucket], machine_id: str) -> list[Acknowledged]:
    """Those whose rule names a resource of this stack by its logical id."""
    rule = "AwsSolutions-IAM5[Resource::{}]"
    objects = [f"<{stack.get_logical_id(bucket.node.default_child)}.Arn>/*" for bucket in buckets]
    executions = f"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<{machine_id}.Name>:*"
    return [
        *(
            Acknowledged(SOLUTIONS, rule.format(one), place, BUCKET_OBJECTS)
            for one in objects
            for place in ("Functions", "ReviewSite/Role")
        ),
        Acknowledged(
            SOLUTIONS,
            rule.format(executions),
            "Functions",
            "Executions are named after photos; the rights are for those of this one state machine.",
        ),
    ]


def _found(stack: Construct, path: str) -> IConstruct | None:
    place: IConstruct | None = stack
    for name in filter(None, path.split("/")):
        place = place.node.try_find_child(name) if place is not None else None
    return place
