"""Elastic Beanstalk option settings of the review app, by namespace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_elasticbeanstalk as beanstalk

APP_PORT = "8000"  # The port in infra/review/Procfile, to which the proxy connects.
# Requests that the app refuses, most of them of scanners, do not make the environment unhealthy.
HEALTH_RULES = {
    "Version": 1,
    "Rules": {
        "Environment": {
            "Application": {"ApplicationRequests4xx": {"Enabled": False}},
            "ELB": {"ELBRequests4xx": {"Enabled": False}},
        }
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BeanstalkOptions:
    """The option values that differ between stages. `load_balancer` are those of the entrance."""

    load_balancer: Mapping[str, Mapping[str, str]]
    vpc_id: str
    subnet_ids: str
    instance_profile: str
    service_role: str
    variables: Mapping[str, str]
    secrets: Mapping[str, str]


def option_settings(
    beanstalk_options: BeanstalkOptions,
) -> list[beanstalk.CfnEnvironment.OptionSettingProperty]:
    """Return the option settings in CloudFormation's form."""
    return [
        beanstalk.CfnEnvironment.OptionSettingProperty(
            namespace=f"aws:{namespace}", option_name=option, value=value
        )
        for namespace, settings in _by_namespace(beanstalk_options)
        for option, value in settings.items()
    ]


def _by_namespace(beanstalk_options: BeanstalkOptions) -> list[tuple[str, Mapping[str, str]]]:
    return [
        *_environment_options(beanstalk_options).items(),
        *beanstalk_options.load_balancer.items(),
        *_server_options(beanstalk_options).items(),
        *_operation_options().items(),
    ]


def _environment_options(beanstalk_options: BeanstalkOptions) -> dict[str, Mapping[str, str]]:
    return {
        "elasticbeanstalk:environment": {
            "EnvironmentType": "LoadBalanced",
            "LoadBalancerType": "application",
            "ServiceRole": beanstalk_options.service_role,
        },
        "elasticbeanstalk:application:environment": {**beanstalk_options.variables, "PORT": APP_PORT},
        "elasticbeanstalk:application:environmentsecrets": beanstalk_options.secrets,
        "elasticbeanstalk:environment:proxy": {"ProxyServer": "nginx"},
        "elasticbeanstalk:environment:process:default": {
            "HealthCheckPath": "/health",
            "HealthCheckInterval": "15",
            "MatcherHTTPCode": "200",
            "DeregistrationDelay": "30",
            "Port": "80",
            "Protocol": "HTTP",
        },
    }


def _server_options(beanstalk_options: BeanstalkOptions) -> dict[str, Mapping[str, str]]:
    return {
        "ec2:vpc": {
            "VPCId": beanstalk_options.vpc_id,
            "Subnets": beanstalk_options.subnet_ids,
            "AssociatePublicIpAddress": "true",
        },
        "ec2:instances": {"InstanceTypes": "t4g.small", "SupportedArchitectures": "arm64"},
        "autoscaling:launchconfiguration": {
            "IamInstanceProfile": beanstalk_options.instance_profile,
            "DisableIMDSv1": "true",
            "RootVolumeType": "gp3",
        },
        "autoscaling:asg": {"MinSize": "1", "MaxSize": "2"},
        "autoscaling:trigger": {  # The default counts bytes sent: viewing photos would start a server.
            "MeasureName": "CPUUtilization",
            "Unit": "Percent",
            "LowerThreshold": "30",
            "UpperThreshold": "70",
        },
    }


def _operation_options() -> dict[str, Mapping[str, str]]:
    return {
        "elasticbeanstalk:command": {"DeploymentPolicy": "RollingWithAdditionalBatch"},
        "elasticbeanstalk:healthreporting:system": {
            "SystemType": "enhanced",
            "ConfigDocument": json.dumps(HEALTH_RULES),
        },
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
