"""Buckets: photos as they come in and as they are filed, what trains models, what executions did."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

SMOKE_NAME = "partcheck-smoke-*"


class Storage(Construct):
    """Versioned, private, encrypted buckets that outlive the stack.

    What arrives in the inbound bucket is told to EventBridge as `Object Created` events. Keys of the filed
    bucket are `<verdict>/<id, 16 hex>/<base name>`. Nobody overwrites evidence: a write to the filed bucket
    must say that nothing may lie there yet, and only `keepers` may delete a version of a photo.
    """

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.logs = _bucket(
            self,
            "Logs",
            None,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(90), noncurrent_version_expiration=Duration.days(7))
            ],
        )
        self.inbound = _bucket(self, "Inbound", self.logs)
        self.filed = _bucket(
            self,
            "Filed",
            self.logs,
            lifecycle_rules=[
                s3.LifecycleRule(
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
                            transition_after=Duration.days(180),
                        )
                    ]
                )
            ],
        )
        self.training = _bucket(self, "Training", self.logs)
        self.history = _bucket(self, "History", self.logs)
        _tell_event_bridge(self.inbound)
        for statement in _read_by_rekognition(self.training):
            self.training.add_to_resource_policy(statement)

    @property
    def buckets(self) -> dict[str, s3.Bucket]:
        """What the line works with, by the names that grants use."""
        return {
            "inbound": self.inbound,
            "filed": self.filed,
            "training": self.training,
            "history": self.history,
        }

    def kept_by(self, filing: list[iam.IRole], deleting: list[iam.IRole]) -> None:
        """Let only these roles write filed photos, or delete versions, whatever other rights somebody has."""
        self.filed.add_to_resource_policy(_only(filing, "FiledByTheLineAlone", "s3:PutObject", self.filed))
        for bucket in (self.inbound, self.filed):
            bucket.add_to_resource_policy(
                _only(deleting, "DeletedByTheLineAlone", "s3:DeleteObjectVersion", bucket)
            )


def _bucket(
    scope: Construct,
    name: str,
    logs: s3.IBucket | None,
    lifecycle_rules: list[s3.LifecycleRule] | None = None,
) -> s3.Bucket:
    tidy = s3.LifecycleRule(
        abort_incomplete_multipart_upload_after=Duration.days(7), expired_object_delete_marker=True
    )
    only_whole = s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7))
    rules = lifecycle_rules or []
    return s3.Bucket(
        scope,
        name,
        versioned=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        removal_policy=RemovalPolicy.RETAIN,
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"{name.lower()}/" if logs else None,
        lifecycle_rules=[only_whole if any(rule.expiration for rule in rules) else tidy, *rules],
    )


def _tell_event_bridge(bucket: s3.Bucket) -> None:
    """The switch of CloudFormation itself: CDK's own would add a function that sets it."""
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101
    resource.add_property_override(
        "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
    )


def _only(roles: list[iam.IRole], sid: str, action: str, bucket: s3.Bucket) -> iam.PolicyStatement:
    """Denied to everybody else, but for what `partcheck smoke` uploads, which is no evidence."""
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=[action],
        not_resources=[bucket.arn_for_objects(f"*{SMOKE_NAME}")],
        conditions={"ArnNotEquals": {"aws:PrincipalArn": [role.role_arn for role in roles]}},
    )


def _read_by_rekognition(bucket: s3.Bucket) -> list[iam.PolicyStatement]:
    """What Custom Labels asks of a bucket that is not its own console's: photos in, reports out."""
    service = iam.ServicePrincipal("rekognition.amazonaws.com")
    ours = {"StringEquals": {"aws:SourceAccount": Stack.of(bucket).account}}
    return [
        iam.PolicyStatement(
            sid="CustomLabelsFindsTheBucket",
            principals=[service],
            actions=["s3:GetBucketAcl", "s3:GetBucketLocation"],
            resources=[bucket.bucket_arn],
            conditions=ours,
        ),
        iam.PolicyStatement(
            sid="CustomLabelsReadsPhotos",
            principals=[service],
            actions=["s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:GetObjectTagging"],
            resources=[bucket.arn_for_objects("*")],
            conditions=ours,
        ),
        iam.PolicyStatement(
            sid="CustomLabelsWritesReports",
            principals=[service],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects("*")],
            conditions=ours,
        ),
    ]
