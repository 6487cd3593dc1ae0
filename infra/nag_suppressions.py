"""Suppressed cdk-nag findings: rule, construct and the reason, each for a reviewer to judge."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from workflow.inspections.model_reference import KEY_PREFIX
from workflow.models.model import OWN_MODEL_FILES

SOLUTIONS, SERVERLESS = "AwsSolutions", "Serverless"
REGION_AND_ACCOUNT = "<AWS::Region>:<AWS::AccountId>"

BUCKET_OBJECTS = (
    "Photos keep the names that their uploaders choose. The permissions are for reading, writing or deleting "
    "objects of this one bucket, and the bucket's own policy limits which roles write and delete."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NagSuppression:
    """One rule, suppressed at one construct and everything below it. An empty path is the stack itself."""

    pack: str
    rule: str
    path: str
    reason: str


SUPPRESSIONS = (
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-SQS3",
        path="Queues/Verdicts",
        reason=(
            "Other systems read this queue. Each of them decides after how many attempts it discards a "
            "message."
        ),
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-SQS3",
        path="Queues/Escalations",
        reason="People read this queue, so that no consumer fails repeatedly on a message.",
    ),
    NagSuppression(
        pack=SERVERLESS,
        rule="Serverless-SQSRedrivePolicy",
        path="Queues",
        reason=(
            "Each queue that feeds a function has a dead-letter queue. The other queues are those dead- "
            "letter queues, and the queues that people and other systems read at their own pace."
        ),
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-SF1",
        path="StateMachine/Inspection",
        reason=(
            "Errors are logged, without data. The stage's own archive holds the redacted history of each "
            "execution. Logging every event would copy names of photos and people into the log."
        ),
    ),
    *(
        NagSuppression(
            pack=pack,
            rule=rule,
            path="Functions",
            reason=(
                "The runtime is the newest version that the test suite and the pinned wheels are tested "
                "with. It is supported until October 2029, and it is set in one place."
            ),
        )
        for pack, rule in ((SOLUTIONS, "AwsSolutions-L1"), (SERVERLESS, "Serverless-LambdaLatestVersion"))
    ),
    NagSuppression(
        pack=SERVERLESS,
        rule="Serverless-LambdaDLQ",
        path="Functions",
        reason=(
            "A failed call loses no event: Step Functions waits for the call and records the failure, SQS "
            "keeps the message. Scheduled calls carry no event and run again within minutes."
        ),
    ),
    NagSuppression(
        pack=SERVERLESS,
        rule="Serverless-LambdaAsyncFailureDestination",
        path="Functions",
        reason=(
            "Only scheduled calls are asynchronous. They carry no data, the next one does the work of a "
            "failed one, and alarms are raised if they fail or stop."
        ),
    ),
    NagSuppression(
        pack=SERVERLESS,
        rule="Serverless-LambdaEventSourceMappingDestination",
        path="Functions",
        reason=(
            "The source is an SQS queue with a dead-letter queue of its own. Such mappings have no "
            "destination."
        ),
    ),
    NagSuppression(
        pack=SERVERLESS,
        rule="Serverless-EventBusDLQ",
        path="EventRules",
        reason=(
            "The rules that carry messages have dead-letter queues. Scheduled events are empty, and the next "
            "event does the work of a lost one. An alarm is raised if a scheduled function stops."
        ),
    ),
    NagSuppression(
        pack=SERVERLESS,
        rule="Serverless-SNSRedrivePolicy",
        path="Alarms",
        reason=(
            "SNS retries an e-mail for hours, and a dead-letter queue would remain unread. The alarm's state "
            "stays visible in CloudWatch and in `partcheck stage status`."
        ),
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-IAM5[Resource::*]",
        path="Functions",
        reason=(
            "Writing X-Ray traces, and ManageModelCapacity's DescribeProjects, have no resource in IAM, only "
            "'*'."
        ),
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-IAM5[Resource::*]",
        path="StateMachine",
        reason="Delivering logs and writing X-Ray traces have no resource in IAM but '*'.",
    ),
    *(
        NagSuppression(
            pack=SOLUTIONS,
            rule=f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:rekognition:{REGION_AND_ACCOUNT}:{models}]",
            path="Functions",
            reason=(
                "Models are trained and promoted without a deployment, so that their ARNs are unknown at "
                "synthesis. The permissions cover models of this account and region."
            ),
        )
        for models in ("project/*", "project/*/version/*/*")
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-SMG4",
        path="",
        reason=(
            "A new session secret signs all users out, so an administrator rotates it at a suitable time "
            "(docs/runbook.md). The client secret of a user pool changes only with the client."
        ),
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-COG8",
        path="Authentication/Pool",
        reason=(
            "The plus plan adds risk scores for sign-ins, at a price per user. Users cannot sign up "
            "themselves, and every user has a second factor."
        ),
    ),
    *(
        NagSuppression(
            pack=SOLUTIONS,
            rule=f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
            path="ReviewApp/ServiceRole",
            reason=(
                "This is Elastic Beanstalk's own service role. AWS updates these policies together with the "
                "service, and only the service may assume the role."
            ),
        )
        for policy in (
            "service-role/AWSElasticBeanstalkEnhancedHealth",
            "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
        )
    ),
    *(
        NagSuppression(
            pack=SOLUTIONS,
            rule=f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:{resource}]",
            path="ReviewApp/Role",
            reason=(
                "Elastic Beanstalk chooses the names of environments, logs and objects. A server may fetch "
                "the application, report its own health and write its own logs, in this account and region."
            ),
        )
        for resource in (
            "s3:::elasticbeanstalk-<AWS::Region>-<AWS::AccountId>/*",
            f"elasticbeanstalk:{REGION_AND_ACCOUNT}:application/*",
            f"elasticbeanstalk:{REGION_AND_ACCOUNT}:environment/*",
            f"logs:{REGION_AND_ACCOUNT}:log-group:/aws/elasticbeanstalk/*",
        )
    ),
    *(
        NagSuppression(
            pack=SOLUTIONS,
            rule=rule,
            path=path,
            reason="The servers' logs, with each request, go to CloudWatch, where they are kept for 30 days.",
        )
        for rule, path in (
            ("AwsSolutions-EB4", "ReviewApp/Environment"),
            ("AwsSolutions-EB4", "ReviewApp/PrivateEnvironment"),
            ("AwsSolutions-ELB2", "CloudFrontEntrance/Balancer"),
            ("AwsSolutions-CFR3", "CloudFrontEntrance/Distribution"),
        )
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-CFR1",
        path="CloudFrontEntrance/Distribution",
        reason="Reviewers may be in any country. Each of them has an account with a second factor.",
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-CFR2",
        path="CloudFrontEntrance/Distribution",
        reason=(
            "Every page but the sign-in needs an account with a second factor, and the app limits sizes, "
            "methods, hosts and origins itself."
        ),
    ),
    NagSuppression(
        pack=SOLUTIONS,
        rule="AwsSolutions-CFR4",
        path="CloudFrontEntrance/Distribution",
        reason=(
            "Without a domain there is CloudFront's own certificate, for which AWS chooses the oldest TLS "
            "version. A domain has TLS 1.2 and newer."
        ),
    ),
)


def suppress(stack: Stack, buckets: Mapping[str, s3.Bucket], state_machine_id: str) -> None:
    """Acknowledge every suppression whose construct exists in this stack."""
    for suppression in (*SUPPRESSIONS, *_of_resources(stack, buckets, state_machine_id)):
        construct = _find_construct(stack, suppression.path)
        if construct is not None:
            Validations.of(construct).acknowledge(
                Acknowledgment(id=f"{suppression.pack}::{suppression.rule}", reason=suppression.reason)
            )


def _of_resources(
    stack: Stack, buckets: Mapping[str, s3.Bucket], state_machine_id: str
) -> list[NagSuppression]:
    """Build the suppressions whose rule contains the logical id of a resource of this stack."""
    rule = "AwsSolutions-IAM5[Resource::{}]"
    arns = {
        name: f"<{stack.get_logical_id(bucket.node.default_child)}.Arn>" for name, bucket in buckets.items()
    }
    objects = [f"{arn}/*" for arn in arns.values()]
    executions = (
        f"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<{state_machine_id}.Name>:*"
    )
    return [
        *(
            NagSuppression(pack=SOLUTIONS, rule=rule.format(resource), path=path, reason=BUCKET_OBJECTS)
            for resource in objects
            for path in ("Functions", "ReviewApp/Role")
        ),
        *(
            NagSuppression(
                pack=SOLUTIONS,
                rule=rule.format(f"{arns['training']}/{pattern}"),
                path="Functions",
                reason=f"{files} are named after models, which are trained later. The permission is to read.",
            )
            for pattern, files in ((f"{KEY_PREFIX}*", "References"), (OWN_MODEL_FILES, "Files"))
        ),
        NagSuppression(
            pack=SOLUTIONS,
            rule=rule.format(executions),
            path="Functions",
            reason=(
                "Executions are named after photos. The permissions cover those of this one state machine."
            ),
        ),
        NagSuppression(
            pack=SOLUTIONS,
            rule=rule.format(
                f"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:{state_machine_id}-*"
            ),
            path="Functions",
            reason=(
                "The state machine needs this function's ARN, so that the function can know only how the "
                "machine's name begins. It answers a wait only with a token that this wait gave it."
            ),
        ),
    ]


def _find_construct(stack: Construct, path: str) -> IConstruct | None:
    construct: IConstruct | None = stack
    for name in filter(None, path.split("/")):
        construct = construct.node.try_find_child(name) if construct is not None else None
    return construct
