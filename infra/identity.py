"""Events stream → identity → profiles stream, and merges → profiles stream.

Merges are announced from the identity table's change stream, so that none can be committed and forgotten.
"""

import json

from constructs import Construct

from infra import grants, stream_mapping
from infra.shared import Shared

_CLAIMS_AND_MERGES = ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "ConditionCheckItem")


class Identity(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        storage, streams, settings = shared.storage, shared.streams, shared.settings
        self.identity = shared.function(
            self,
            "Identity",
            name="identity",
            source="identity",
            memory_mb=1024,
            timeout_seconds=60,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_STREAM": streams.profiles.stream_name,
                "DEAD_LETTERS_BUCKET": storage.dead_letters_bucket.bucket_name,
            },
        )
        grants.use_table(self.identity, storage.control_table, *grants.READ)
        grants.use_table(self.identity, storage.identity_table, *_CLAIMS_AND_MERGES)
        grants.put_records(self.identity, streams.profiles)
        grants.put_objects(self.identity, storage.dead_letters_bucket)
        self.events_mapping = stream_mapping.of_stream(
            self,
            "Events",
            stream=streams.events,
            function=self.identity,
            batch_size=200,
            # The two hops together keep events waiting for freshnessSeconds.
            window_seconds=settings.freshness_seconds // 2,
            parallel=2,
            on_failure=storage.dead_letters_bucket,
        )

        self.merges = shared.function(
            self,
            "Merges",
            name="merges",
            source="merges",
            memory_mb=512,
            timeout_seconds=60,
            environment={"PROFILES_STREAM": streams.profiles.stream_name},
        )
        grants.put_records(self.merges, streams.profiles)
        self.facts_mapping = stream_mapping.of_table(
            self,
            "Facts",
            table=storage.identity_table,
            function=self.merges,
            pattern=json.dumps({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["merge"]}}}}),
            batch_size=100,
            window_seconds=0,
            on_failure=storage.dead_letters_bucket,
        )
