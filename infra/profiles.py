"""Profiles stream → profiles, the single writer of every profile."""

from constructs import Construct

from infra import grants, stream_mapping
from infra.shared import Shared


class Profiles(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        storage, streams, settings = shared.storage, shared.streams, shared.settings
        self.profiles = shared.function(
            self,
            "Profiles",
            name="profiles",
            source="profiles",
            layers=shared.layers.parquet,
            memory_mb=1769,  # one whole vCPU: folding is the CPU-bound part
            timeout_seconds=120,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "PROFILES_STREAM": streams.profiles.stream_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "DEAD_LETTERS_BUCKET": storage.dead_letters_bucket.bucket_name,
            },
        )
        grants.use_table(self.profiles, storage.control_table, *grants.READ)
        grants.use_table(self.profiles, storage.profiles_table, *grants.READ, "BatchWriteItem")
        grants.put_records(self.profiles, streams.profiles)
        grants.put_objects(self.profiles, storage.archive_bucket)
        grants.put_objects(self.profiles, storage.dead_letters_bucket)
        self.envelopes_mapping = stream_mapping.of_stream(
            self,
            "Envelopes",
            stream=streams.profiles,
            function=self.profiles,
            batch_size=500,
            window_seconds=settings.freshness_seconds - settings.freshness_seconds // 2,
            parallel=2,
            on_failure=storage.dead_letters_bucket,
        )
