"""S3 buckets: inbound photos, filed photos, training data, execution history, access logs."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from workflow.inspections import smoke_photos

SMOKE_TEST_NAMES = f"{smoke_photos.NAME_PREFIX}*"


class Storage(Construct):
    """Versioned, private, encrypted buckets that outlive the stack.

    The inbound bucket sends `Object Created` events to EventBridge. Keys of the filed bucket are
    `<verdict>/<id, 16 hex>/<base name>`. `restrict_writes` limits which roles write filed photos and which
    roles delete a version of a photo. The only role that writes adds `If-None-Match` to each copy; the policy
    does not require it.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.logs = _build_bucket(
            self,
            "Logs",
            None,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(90), noncurrent_version_expiration=Duration.days(7))
            ],
        )
        self.inbound = _build_bucket(self, "Inbound", self.logs)
        self.filed = _build_bucket(
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
        self.training = _build_bucket(self, "Training", self.logs)
        self.history = _build_bucket(self, "History", self.logs)
        _enable_event_bridge(self.inbound)
        for statement in _rekognition_statements(self.training):
            self.training.add_to_resource_policy(statement)

    @property
    def buckets(self) -> dict[str, s3.Bucket]:
        """The buckets that functions and the review app use, by the names that grants use."""
        return {
            "inbound": self.inbound,
            "filed": self.filed,
            "training": self.training,
            "history": self.history,
        }

    def restrict_writes(self, filing: list[iam.IRole], deleting: list[iam.IRole]) -> None:
        """Deny writing filed photos and deleting versions to all roles but these, even to administrators."""
        self.filed.add_to_resource_policy(
            _deny_others(filing, "OnlyPipelineWrites", "s3:PutObject", self.filed)
        )
        for bucket in (self.inbound, self.filed):
            bucket.add_to_resource_policy(
                _deny_others(deleting, "OnlyPipelineDeletes", "s3:DeleteObjectVersion", bucket)
            )


def _build_bucket(
    scope: Construct,
    construct_id: str,
    logs: s3.IBucket | None,
    lifecycle_rules: list[s3.LifecycleRule] | None = None,
) -> s3.Bucket:
    abort_and_tidy = s3.LifecycleRule(
        abort_incomplete_multipart_upload_after=Duration.days(7), expired_object_delete_marker=True
    )
    abort_only = s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7))
    rules = lifecycle_rules or []
    return s3.Bucket(
        scope,
        construct_id,
        versioned=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        # Access logs may have arrived when a first deployment fails, and only empty buckets can be deleted.
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if logs else RemovalPolicy.RETAIN,
        server_access_logs_bucket=logs,
        server_access_logs_prefix=f"{construct_id.lower()}/" if logs else None,
        lifecycle_rules=[abort_only if any(rule.expiration for rule in rules) else abort_and_tidy, *rules],
    )


def _enable_event_bridge(bucket: s3.Bucket) -> None:
    """Enable events by the CloudFormation property. CDK's own option would add a Lambda function for it."""
    resource = bucket.node.default_child
    assert isinstance(resource, s3.CfnBucket)  # noqa: S101
    resource.add_property_override(
        "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
    )


def _deny_others(roles: list[iam.IRole], sid: str, action: str, bucket: s3.Bucket) -> iam.PolicyStatement:
    """Deny an action to all other principals, except on smoke test photos, which are not evidence."""
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=[action],
        not_resources=[bucket.arn_for_objects(f"*{SMOKE_TEST_NAMES}")],
        conditions={"ArnNotEquals": {"aws:PrincipalArn": [role.role_arn for role in roles]}},
    )


def _rekognition_statements(bucket: s3.Bucket) -> list[iam.PolicyStatement]:
    """Return the statements that Custom Labels needs on a bucket of ours: read photos, write reports."""
    service = iam.ServicePrincipal("rekognition.amazonaws.com")
    same_account = {"StringEquals": {"aws:SourceAccount": Stack.of(bucket).account}}
    return [
        iam.PolicyStatement(
            sid="CustomLabelsGetBucket",
            principals=[service],
            actions=["s3:GetBucketAcl", "s3:GetBucketLocation"],
            resources=[bucket.bucket_arn],
            conditions=same_account,
        ),
        iam.PolicyStatement(
            sid="CustomLabelsReadPhotos",
            principals=[service],
            actions=["s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:GetObjectTagging"],
            resources=[bucket.arn_for_objects("*")],
            conditions=same_account,
        ),
        iam.PolicyStatement(
            sid="CustomLabelsWriteReports",
            principals=[service],
            actions=["s3:PutObject"],
            resources=[bucket.arn_for_objects("*")],
            conditions=same_account,
        ),
    ]
