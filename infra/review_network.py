"""The network of the review app."""

from aws_cdk import CfnParameter, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

ZONES_PARAMETER = "ReviewZones"


class ReviewNetwork(Construct):
    """Two public subnets for servers, and two isolated ones for a load balancer that no one reaches directly.

    There is no NAT gateway to pay for, and only the load balancer reaches the servers. Two zones are chosen
    by the deployment, because each account names zones in its own way and CloudFront does not reach all.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        zones = CfnParameter(
            Stack.of(self),
            ZONES_PARAMETER,
            type="CommaDelimitedList",
            description="The names of two availability zones that VPC origins of CloudFront support",
        )
        self.vpc = ec2.Vpc(
            self,
            "Network",
            availability_zones=[Fn.select(number, zones.value_as_list) for number in range(2)],
            nat_gateways=0,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(
                    name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                ),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDB": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(
                    self,
                    "FlowLogs",
                    retention=logs.RetentionDays.ONE_MONTH,
                    removal_policy=RemovalPolicy.DESTROY,
                )
            ),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    @property
    def server_subnets(self) -> str:
        """The ids of the servers' subnets, separated by commas."""
        return _join(self.vpc.public_subnets)

    @property
    def isolated_subnets(self) -> str:
        """The ids of the subnets without a route to the internet, separated by commas."""
        return _join(self.vpc.isolated_subnets)


def _join(subnets: list[ec2.ISubnet]) -> str:
    return ",".join(subnet.subnet_id for subnet in subnets)
