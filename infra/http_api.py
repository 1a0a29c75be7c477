"""An API Gateway HTTP API in front of one function: throttled, with an access log."""

import json
from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.function import Function
from infra.nag import excuse
from infra.settings import Settings

Route = tuple[str, apigateway.HttpMethod]

ANY_BROWSER = apigateway.CorsPreflightOptions(
    allow_origins=["*"],
    allow_methods=[apigateway.CorsHttpMethod.POST, apigateway.CorsHttpMethod.GET, apigateway.CorsHttpMethod.OPTIONS],
    allow_headers=["content-type", "authorization"],
    max_age=Duration.days(1),
)

# No query strings and no header values: a page view's URL or a key has no place in a log.
_ACCESS_LOG = {
    "requestId": "requestId",
    "ip": "identity.sourceIp",
    "userAgent": "identity.userAgent",
    "time": "requestTime",
    "route": "routeKey",
    "status": "status",
    "bytes": "responseLength",
    "latencyMs": "responseLatency",
    "integrationLatencyMs": "integrationLatency",
    "error": "integrationErrorMessage",
}


class ThrottledApi(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        key: kms.IKey,
        name: str,
        description: str,
        function: Function,
        routes: Sequence[Route],
        requests_per_second: int,
        cors: apigateway.CorsPreflightOptions | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=settings.name(name),
            description=description,
            cors_preflight=cors,
            create_default_stage=False,
        )
        integration = HttpLambdaIntegration("Function", function.function)
        for path, method in routes:
            for route in self.api.add_routes(path=path, methods=[method], integration=integration):
                excuse(
                    route,
                    "AwsSolutions-APIG4",
                    "The function checks the key or token, because the bodies of 401 and 403 are part of the contract.",
                )
        log_group = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apis/{settings.name(name)}",
            retention=logs.RetentionDays.THREE_MONTHS if settings.production else logs.RetentionDays.TWO_WEEKS,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",  # no stage in the paths, so that they are the same everywhere
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=requests_per_second, burst_limit=2 * requests_per_second),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)  # noqa: S101 - tells mypy which resource it is
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            # The log group's own Arn attribute ends in ":*", which an access log does not take.
            destination_arn=Stack.of(self).format_arn(
                service="logs",
                resource="log-group",
                resource_name=log_group.log_group_name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            format=json.dumps({name: f"$context.{variable}" for name, variable in _ACCESS_LOG.items()}),
        )
        self.url = self.api.api_endpoint
