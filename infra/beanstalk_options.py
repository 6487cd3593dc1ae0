"""Elastic Beanstalk's option settings for the review app, by namespace."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_elasticbeanstalk as beanstalk

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@dataclass(frozen=True, slots=True)
class Options:
    """What differs from one deployment to the next."""

    certificate_arn: str
    vpc_id: str
    subnet_ids: str
    instance_profile: str
    service_role: str
    variables: Mapping[str, str]
    secrets: Mapping[str, str]


def options(told: Options) -> list[beanstalk.CfnEnvironment.OptionSettingProperty]:
    """The settings as CloudFormation takes them."""
    return [
        beanstalk.CfnEnvironment.OptionSettingProperty(
            namespace=f"aws:{namespace}", option_name=option, value=value
        )
        for namespace, settings in _by_namespace(told).items()
        for option, value in settings.items()
    ]


def _by_namespace(told: Options) -> dict[str, Mapping[str, str]]:
    return {
        "elasticbeanstalk:environment": {
            "EnvironmentType": "LoadBalanced",
            "LoadBalancerType": "application",
            "ServiceRole": told.service_role,
        },
        "elasticbeanstalk:application:environment": told.variables,
        "elasticbeanstalk:application:environmentsecrets": told.secrets,
        "elasticbeanstalk:environment:proxy": {"ProxyServer": "nginx"},
        "elasticbeanstalk:environment:process:default": {
            "HealthCheckPath": "/health",
            "HealthCheckInterval": "15",
            "MatcherHTTPCode": "200",
            "DeregistrationDelay": "30",
            "Port": "80",
            "Protocol": "HTTP",
        },
        "elbv2:listener:default": {"ListenerEnabled": "false"},
        "elbv2:listener:443": {
            "DefaultProcess": "default",
            "ListenerEnabled": "true",
            "Protocol": "HTTPS",
            "SSLCertificateArns": told.certificate_arn,
            "SSLPolicy": TLS_POLICY,
        },
        "elbv2:loadbalancer": {"IdleTimeout": "90"},  # Longer than the silence between live events.
        "ec2:vpc": {
            "VPCId": told.vpc_id,
            "Subnets": told.subnet_ids,
            "ELBSubnets": told.subnet_ids,
            "ELBScheme": "public",
            "AssociatePublicIpAddress": "true",
        },
        "ec2:instances": {"InstanceTypes": "t4g.small", "SupportedArchitectures": "arm64"},
        "autoscaling:launchconfiguration": {
            "IamInstanceProfile": told.instance_profile,
            "DisableIMDSv1": "true",
            "RootVolumeType": "gp3",
        },
        "autoscaling:asg": {"MinSize": "1", "MaxSize": "2"},
        "autoscaling:trigger": {  # The default counts bytes sent: looking at photos would start a server.
            "MeasureName": "CPUUtilization",
            "Unit": "Percent",
            "LowerThreshold": "30",
            "UpperThreshold": "70",
        },
        "elasticbeanstalk:command": {"DeploymentPolicy": "RollingWithAdditionalBatch"},
        "elasticbeanstalk:healthreporting:system": {"SystemType": "enhanced"},
        "elasticbeanstalk:managedactions": {
            "ManagedActionsEnabled": "true",
            "PreferredStartTime": "Sun:03:00",
            "ServiceRoleForManagedUpdates": "AWSServiceRoleForElasticBeanstalkManagedUpdates",
        },
        "elasticbeanstalk:managedactions:platformupdate": {
            "UpdateLevel": "minor",
            "InstanceRefreshEnabled": "true",
        },
        "elasticbeanstalk:cloudwatch:logs": {
            "StreamLogs": "true",
            "RetentionInDays": "30",
            "DeleteOnTerminate": "false",
        },
    }
