"""AWS's list prices in US dollars, each with the page that has it and the day on which it was read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PricingPage:
    """A pricing page of AWS: its title, and its path below aws.amazon.com."""

    title: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one unit in the region us-east-1. Prices of most regions differ by at most a fifth.

    `read_on` is the date of the AWS price list or page that had the price, empty if none was found.
    """

    usd: float
    unit: str
    page: PricingPage
    read_on: str


HOURS_PER_MONTH = 730
MILLION = 1_000_000

REKOGNITION = PricingPage("Amazon Rekognition Pricing", "rekognition/pricing")
STEP_FUNCTIONS = PricingPage("AWS Step Functions Pricing", "step-functions/pricing")
LAMBDA = PricingPage("AWS Lambda Pricing", "lambda/pricing")
DYNAMODB = PricingPage("Amazon DynamoDB Pricing for On-Demand Capacity", "dynamodb/pricing/on-demand")
S3 = PricingPage("Amazon S3 Pricing", "s3/pricing")
EVENTBRIDGE = PricingPage("Amazon EventBridge Pricing", "eventbridge/pricing")
SQS = PricingPage("Amazon SQS Pricing", "sqs/pricing")
CLOUDWATCH = PricingPage("Amazon CloudWatch Pricing", "cloudwatch/pricing")
XRAY = PricingPage("AWS X-Ray Pricing", "xray/pricing")
EC2 = PricingPage("Amazon EC2 On-Demand Pricing", "ec2/pricing/on-demand")
EBS = PricingPage("Amazon EBS Pricing", "ebs/pricing")
VPC = PricingPage("Amazon VPC Pricing", "vpc/pricing")
BALANCING = PricingPage("Elastic Load Balancing Pricing", "elasticloadbalancing/pricing")
CLOUDFRONT = PricingPage("Amazon CloudFront Pricing", "cloudfront/pricing")
SECRETS = PricingPage("AWS Secrets Manager Pricing", "secrets-manager/pricing")
FARGATE = PricingPage("AWS Fargate Pricing", "fargate/pricing")

PRICES = {
    "model": Price(usd=4.0, unit="inference unit and hour", page=REKOGNITION, read_on="2026-10"),
    "training": Price(usd=1.0, unit="training hour", page=REKOGNITION, read_on=""),
    "transition": Price(usd=0.025 / 1000, unit="state transition", page=STEP_FUNCTIONS, read_on="2026-09-06"),
    "function second": Price(usd=0.0000133334, unit="GB-second, arm64", page=LAMBDA, read_on="2026-09-19"),
    "function call": Price(usd=0.20 / MILLION, unit="call", page=LAMBDA, read_on="2026-09-20"),
    "table write": Price(
        usd=0.625 / MILLION, unit="write unit, 1 KB, on demand", page=DYNAMODB, read_on="2026-09-11"
    ),
    "table read": Price(
        usd=0.125 / MILLION, unit="read unit, 4 KB, on demand", page=DYNAMODB, read_on="2026-09-11"
    ),
    "table storage": Price(
        usd=0.25 + 0.20, unit="GB and month, with recovery", page=DYNAMODB, read_on="2026-09"
    ),
    "object write": Price(usd=0.005 / 1000, unit="PUT, COPY or LIST", page=S3, read_on="2026-09-28"),
    "object read": Price(usd=0.0004 / 1000, unit="GET", page=S3, read_on="2026-09-28"),
    "storage": Price(usd=0.023, unit="GB and month, Standard", page=S3, read_on="2026-09-28"),
    "old storage": Price(
        usd=0.004, unit="GB and month, Glacier Instant Retrieval", page=S3, read_on="2026-09-28"
    ),
    "event": Price(
        usd=1.00 / MILLION, unit="event of S3 through EventBridge", page=EVENTBRIDGE, read_on="2026-09-23"
    ),
    "message": Price(usd=0.40 / MILLION, unit="request to SQS", page=SQS, read_on="2026-09-11"),
    "log": Price(usd=0.50, unit="GB of log", page=CLOUDWATCH, read_on="2026-09-15"),
    "alarm": Price(usd=0.10, unit="metric of an alarm and month", page=CLOUDWATCH, read_on="2026-08-31"),
    "metric": Price(usd=0.30, unit="own metric and month", page=CLOUDWATCH, read_on="2026-08-31"),
    "dashboard": Price(usd=3.00, unit="dashboard and month", page=CLOUDWATCH, read_on="2026-02"),
    "trace": Price(usd=5.0 / MILLION, unit="X-Ray trace", page=XRAY, read_on="2026-09"),
    "machine": Price(usd=0.0168, unit="t4g.small and hour", page=EC2, read_on="2026-10-02"),
    "disk": Price(usd=0.08, unit="GB of gp3 and month", page=EBS, read_on="2026-10-02"),
    "address": Price(usd=0.005, unit="public IPv4 address and hour", page=VPC, read_on="2026-10-02"),
    "balancer": Price(
        usd=0.0225 + 0.008,
        unit="load balancer with one capacity unit and hour",
        page=BALANCING,
        read_on="2026-09-11",
    ),
    "edge request": Price(usd=0.01 / 10_000, unit="HTTPS request to CloudFront", page=CLOUDFRONT, read_on=""),
    "edge transfer": Price(usd=0.085, unit="GB from CloudFront", page=CLOUDFRONT, read_on=""),
    "secret": Price(usd=0.40, unit="secret and month", page=SECRETS, read_on="2026-09-11"),
    "container CPU": Price(
        usd=0.03238, unit="Fargate vCPU, arm64, and hour", page=FARGATE, read_on="2026-08-28"
    ),
    "container memory": Price(
        usd=0.00356, unit="Fargate GB, arm64, and hour", page=FARGATE, read_on="2026-08-28"
    ),
}


def usd(name: str, units: float) -> float:
    """Return the cost of some units in US dollars."""
    return PRICES[name].usd * units
