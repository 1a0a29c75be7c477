"""The Profile API and the Control API. Neither answers browsers of other origins."""

from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra import grants
from infra.http_api import ThrottledApi
from infra.shared import Shared


class Apis(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        self._profile(shared)
        self._control(shared)

    def _profile(self, shared: Shared) -> None:
        storage = shared.storage
        self.profile_function = shared.function(
            self,
            "ProfileFunction",
            name="profile-api",
            source="profile_api",
            memory_mb=1024,
            timeout_seconds=20,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
            },
        )
        grants.use_table(self.profile_function, storage.control_table, "GetItem", "Query")
        for table in (storage.identity_table, storage.profiles_table):
            grants.use_table(self.profile_function, table, *grants.READ)
        self.profile = ThrottledApi(
            self,
            "Profile",
            settings=shared.settings,
            key=storage.key,
            name="profile",
            description="Segment's Profile API",
            function=self.profile_function,
            routes=[("/v1/spaces/{proxy+}", apigateway.HttpMethod.GET)],
            requests_per_second=500,
        )

    def _control(self, shared: Shared) -> None:
        storage, streams = shared.storage, shared.streams
        self.control_function = shared.function(
            self,
            "ControlFunction",
            name="control-api",
            source="control_api",
            memory_mb=1024,
            timeout_seconds=28,  # an HTTP API waits for 30
            environment={
                "ACTIVATION_TABLE": storage.activation_table.table_name,
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "PROFILES_STREAM": streams.profiles.stream_name,
                "WORKSPACE_ID": shared.settings.name("workspace"),
                "WORKSPACE_PLAN": shared.settings.plan,
                "WORKSPACE_TOKEN_SECRET": storage.workspace_token.secret_arn,
            },
        )
        grants.use_table(self.control_function, storage.control_table, *grants.READ, *grants.WRITE, *grants.CHECK)
        grants.use_table(self.control_function, storage.identity_table, *grants.READ, "Scan", "PutItem", "UpdateItem")
        grants.use_table(self.control_function, storage.profiles_table, *grants.READ)
        grants.use_table(self.control_function, storage.activation_table, "BatchGetItem")
        grants.put_records(self.control_function, streams.profiles)
        grants.read_secret(self.control_function, storage.workspace_token)
        self.control = ThrottledApi(
            self,
            "Control",
            settings=shared.settings,
            key=storage.key,
            name="control",
            description="Segment's Public API, and what a customer data platform needs besides",
            function=self.control_function,
            routes=[("/{proxy+}", apigateway.HttpMethod.ANY)],
            requests_per_second=50,
        )
