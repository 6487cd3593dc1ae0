"""The permissions of each role of a template, with the account's ARNs, and those that a call needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

REGION, ACCOUNT = "eu-central-1", "123456789012"
STATE_MACHINE_SUFFIX = "-Ab1cD2eF3gH4"
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}
_AT = f"{REGION}:{ACCOUNT}"
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_AT}:table/{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_AT}:{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_AT}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_AT}:log-group:{{}}:*",
    # CloudFormation adds random characters to the logical id.
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{_AT}:stateMachine:{{}}{STATE_MACHINE_SUFFIX}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{_AT}:secret:{{}}",
}
_REF_IS_ARN = ("AWS::StepFunctions::StateMachine", "AWS::SecretsManager::Secret")


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One action on one resource by one role. The resource is a pattern in a policy, an ARN in a call."""

    role: str
    action: str
    resource: str

    def allows(self, other: "Permission") -> bool:
        """Return True if this permission of a policy covers that of a call."""
        if self.action != other.action or self.role != other.role:
            return False
        return self.resource == other.resource or fnmatchcase(other.resource, self.resource)


@dataclass(frozen=True, slots=True)
class TemplateAccount:
    """An account with a deployed template. Physical names are derived from logical ids."""

    resources: Mapping[str, Any]

    def value(self, value: Any) -> str:
        """Resolve a value of the template. Raise KeyError for an unknown intrinsic function."""
        match value:
            case str(text):
                return text
            case {"Ref": name}:
                return _PSEUDO.get(name) or self._reference(name)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arn(name)
            case {"Fn::GetAtt": [name, "Name"]}:
                return f"{name}{STATE_MACHINE_SUFFIX}"
            case {"Fn::Join": [between, parts]}:
                return str(between).join(map(self.value, parts))
        raise KeyError(f"{value} is not supported")

    def arn(self, name: str) -> str:
        kind = self.resources[name]["Type"]
        return _ARNS[kind].format(name.lower() if kind == "AWS::S3::Bucket" else name)

    def _reference(self, name: str) -> str:
        resource = self.resources[name]
        if resource["Type"] == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        if resource["Type"] in _REF_IS_ARN:
            return self.arn(name)
        return name.lower() if resource["Type"] == "AWS::S3::Bucket" else name

    def find_logical_id(self, resource_type: str, prefix: str) -> str:
        """Return the logical id of the only resource with this type and prefix."""
        [logical_id] = [
            name
            for name, resource in self.resources.items()
            if resource["Type"] == f"AWS::{resource_type}" and name.startswith(prefix)
        ]
        return logical_id

    def environment(self, function: str) -> dict[str, str]:
        """Return a function's environment variables."""
        variables = self.resources[function]["Properties"]["Environment"]["Variables"]
        return {name: self.value(value) for name, value in variables.items()}

    def permissions(self) -> Iterator[Permission]:
        """Yield every permission of every role. Fail on unexpected elements of a policy."""
        for policy in self.resources.values():
            if policy["Type"] != "AWS::IAM::Policy":
                continue
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement.keys() <= {"Sid", "Effect", "Action", "Resource"}, statement
                assert statement["Effect"] == "Allow", statement
                for role in policy["Properties"]["Roles"]:
                    for action in _as_list(statement["Action"]):
                        for resource in _as_list(statement["Resource"]):
                            yield Permission(role["Ref"], action, self.value(resource))


def required_permissions(
    service: str, operation: str, request: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield the actions that a call needs, each with the ARN that IAM checks."""
    match service:
        case "dynamodb":
            yield from _of_dynamodb(operation, request)
        case "s3":
            yield from _of_s3(operation, request)
        case "rekognition":
            yield from _of_rekognition(operation, request)
        case "sqs":
            yield f"sqs:{operation}", f"arn:aws:sqs:{_AT}:{request['QueueUrl'].rpartition('/')[2]}"
        case "ssm":
            yield f"ssm:{operation}", f"arn:aws:ssm:{_AT}:parameter{request['Name']}"
        case "sfn" | "stepfunctions":
            yield f"states:{operation}", _of_states(request)
        case "lambda":
            yield f"lambda:{operation}Function", f"arn:aws:lambda:{_AT}:function:{request['FunctionName']}"
        case "cloudwatch-logs":
            yield f"logs:{operation}", f"arn:aws:logs:{_AT}:log-group:{request['logGroupName']}:log-stream:"
        case _:
            raise KeyError(f"{service} {operation}: its permissions are unknown")


def _of_dynamodb(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "TransactWriteItems":
        kinds = {"Put": "PutItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}
        for item in request["TransactItems"]:
            [(kind, part)] = item.items()
            yield f"dynamodb:{kinds[kind]}", _table(part["TableName"])
    elif "RequestItems" in request:
        yield from ((f"dynamodb:{operation}", _table(name)) for name in request["RequestItems"])
    else:
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        yield f"dynamodb:{operation}", _table(request["TableName"]) + index


def _of_rekognition(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"rekognition:{operation}", request.get("ProjectVersionArn") or request.get("ProjectArn") or "*"
    if "Image" in request:  # The model reads the photo with the permissions of its caller.
        photo = request["Image"]["S3Object"]
        where = _object(photo["Bucket"], photo["Name"])
        yield from (("s3:GetObject", where), ("s3:GetObjectVersion", where))


def _of_s3(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "ListObjectVersions":
        yield "s3:ListBucketVersions", f"arn:aws:s3:::{request['Bucket']}"
        return
    where, version = _object(request["Bucket"], request["Key"]), "Version" if "VersionId" in request else ""
    if operation == "CopyObject":
        source = request["CopySource"]
        origin = _object(source["Bucket"], source["Key"])
        yield from (("s3:GetObjectVersion", origin), ("s3:GetObjectVersionTagging", origin))
        yield from (("s3:PutObject", where), ("s3:PutObjectTagging", where))
    else:
        yield f"s3:{operation.replace('HeadObject', 'GetObject')}{version}", where
    if operation in ("GetObject", "HeadObject", "CopyObject"):
        # Without the permission to list, S3 answers 403 for a missing object.
        looked_in = request["CopySource"]["Bucket"] if operation == "CopyObject" else request["Bucket"]
        yield "s3:ListBucket", f"arn:aws:s3:::{looked_in}"
        if version or operation == "CopyObject":
            yield "s3:ListBucketVersions", f"arn:aws:s3:::{looked_in}"


def _of_states(request: Mapping[str, Any]) -> str:
    """IAM checks the state machine, not its alias. Task tokens of tests begin with its ARN."""
    if "executionArn" in request:
        return str(request["executionArn"])
    machine = request.get("stateMachineArn") or request["taskToken"].partition("|")[0]
    return ":".join(machine.split(":")[:7])


def _table(name: str) -> str:
    return _ARNS["AWS::DynamoDB::Table"].format(name)


def _object(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
