"""What each role of a template may do, with ARNs as the account would have them, and what a call needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

REGION, ACCOUNT = "eu-central-1", "123456789012"
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
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{_AT}:stateMachine:{{}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{_AT}:secret:{{}}",
}
_REF_IS_ARN = ("AWS::StepFunctions::StateMachine", "AWS::SecretsManager::Secret")


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One action on one resource, of one role: in a policy a pattern, in a call an ARN."""

    role: str
    action: str
    resource: str

    def allows(self, other: "Right") -> bool:
        """Whether this right of a policy covers that need of a call."""
        if self.action != other.action or self.role != other.role:
            return False
        return self.resource == other.resource or fnmatchcase(other.resource, self.resource)


@dataclass(frozen=True, slots=True)
class Account:
    """An account in which a template was deployed: names follow from the logical ids."""

    resources: Mapping[str, Any]

    def value(self, told: Any) -> str:
        """What a value of the template is there; KeyError for a function that is not known here."""
        match told:
            case str(text):
                return text
            case {"Ref": name}:
                return _PSEUDO.get(name) or self._reference(name)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self.arn(name)
            case {"Fn::GetAtt": [name, "Name"]}:
                return str(name)
            case {"Fn::Join": [between, parts]}:
                return str(between).join(map(self.value, parts))
        raise KeyError(f"{told} is not understood")

    def arn(self, name: str) -> str:
        kind = self.resources[name]["Type"]
        return _ARNS[kind].format(name.lower() if kind == "AWS::S3::Bucket" else name)

    def _reference(self, name: str) -> str:
        resource = self.resources[name]
        if resource["Type"] == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        if resource["Type"] == "AWS::SSM::Parameter":
            return str(resource["Properties"]["Name"])
        if resource["Type"] in _REF_IS_ARN:
            return self.arn(name)
        return name.lower() if resource["Type"] == "AWS::S3::Bucket" else name

    def named(self, kind: str, beginning: str) -> str:
        """The logical id of the one resource of a type whose id begins so."""
        [found] = [
            name
            for name, one in self.resources.items()
            if one["Type"] == f"AWS::{kind}" and name.startswith(beginning)
        ]
        return found

    def environment(self, function: str) -> dict[str, str]:
        """What a function is told."""
        told = self.resources[function]["Properties"]["Environment"]["Variables"]
        return {name: self.value(value) for name, value in told.items()}

    def rights(self) -> Iterator[Right]:
        """Every right of every role, statement by statement; what a policy says otherwise is a fault."""
        for policy in self.resources.values():
            if policy["Type"] != "AWS::IAM::Policy":
                continue
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement.keys() <= {"Sid", "Effect", "Action", "Resource"}, statement
                assert statement["Effect"] == "Allow", statement
                for role in policy["Properties"]["Roles"]:
                    for action in _listed(statement["Action"]):
                        for resource in _listed(statement["Resource"]):
                            yield Right(role["Ref"], action, self.value(resource))


def needs(service: str, operation: str, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The actions that one call needs, each with the ARN of what it is done to, as IAM looks at it."""
    match service:
        case "dynamodb":
            yield from _of_dynamodb(operation, told)
        case "s3":
            yield from _of_s3(operation, told)
        case "rekognition":
            yield from _of_rekognition(operation, told)
        case "sqs":
            yield f"sqs:{operation}", f"arn:aws:sqs:{_AT}:{told['QueueUrl'].rpartition('/')[2]}"
        case "ssm":
            yield f"ssm:{operation}", f"arn:aws:ssm:{_AT}:parameter{told['Name']}"
        case "sfn":
            yield f"states:{operation}", _of_states(told)
        case "lambda":
            yield f"lambda:{operation}Function", f"arn:aws:lambda:{_AT}:function:{told['FunctionName']}"
        case "cloudwatch-logs":
            yield f"logs:{operation}", f"arn:aws:logs:{_AT}:log-group:{told['logGroupName']}:log-stream:"
        case _:
            raise KeyError(f"{service} {operation}: nobody said which right it needs")


def _of_dynamodb(operation: str, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "TransactWriteItems":
        kinds = {"Put": "PutItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}
        for item in told["TransactItems"]:
            [(kind, part)] = item.items()
            yield f"dynamodb:{kinds[kind]}", _table(part["TableName"])
    elif "RequestItems" in told:
        yield from ((f"dynamodb:{operation}", _table(name)) for name in told["RequestItems"])
    else:
        index = f"/index/{told['IndexName']}" if "IndexName" in told else ""
        yield f"dynamodb:{operation}", _table(told["TableName"]) + index


def _of_rekognition(operation: str, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"rekognition:{operation}", told.get("ProjectVersionArn") or told.get("ProjectArn") or "*"
    if "Image" in told:  # The model reads the photo with the rights of whoever asks it.
        photo = told["Image"]["S3Object"]
        where = _object(photo["Bucket"], photo["Name"])
        yield from (("s3:GetObject", where), ("s3:GetObjectVersion", where))


def _of_s3(operation: str, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "ListObjectVersions":
        yield "s3:ListBucketVersions", f"arn:aws:s3:::{told['Bucket']}"
        return
    where, version = _object(told["Bucket"], told["Key"]), "Version" if "VersionId" in told else ""
    if operation == "CopyObject":
        source = told["CopySource"]
        origin = _object(source["Bucket"], source["Key"])
        yield from (("s3:GetObjectVersion", origin), ("s3:GetObjectVersionTagging", origin))
        yield from (("s3:PutObject", where), ("s3:PutObjectTagging", where))
    else:
        yield f"s3:{operation.replace('HeadObject', 'GetObject')}{version}", where
    if operation in ("GetObject", "HeadObject", "CopyObject"):
        # S3 tells only those who may list that something is missing.
        looked_in = told["CopySource"]["Bucket"] if operation == "CopyObject" else told["Bucket"]
        yield "s3:ListBucket", f"arn:aws:s3:::{looked_in}"
        if version or operation == "CopyObject":
            yield "s3:ListBucketVersions", f"arn:aws:s3:::{looked_in}"


def _of_states(told: Mapping[str, Any]) -> str:
    """IAM looks at the state machine, whatever alias is named; tests' tokens begin with its ARN."""
    if "executionArn" in told:
        return str(told["executionArn"])
    machine = told.get("stateMachineArn") or told["taskToken"].partition("|")[0]
    return ":".join(machine.split(":")[:7])


def _table(name: str) -> str:
    return _ARNS["AWS::DynamoDB::Table"].format(name)


def _object(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
