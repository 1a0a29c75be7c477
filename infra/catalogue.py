"""Glue's catalogue of the archive's logs, and the Athena workgroup that asks it.

The logs are three tables with partition projection: Athena works out a day's folder from the query, so that there is no
crawler, no partition is ever registered, and nothing is paid for what nobody asks. `space` is an injected partition: a
query has to say which space it is about. The tables of each space are views in a database of its own, which
archive-catalogue keeps up to date.
"""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from infra.settings import Settings
from infra.storage import Storage

_LONGEST_SCAN = 200_000_000_000
"""Bytes that one query may read before Athena ends it: a dollar."""
_FIRST_DAY = "2026-01-01"
"""No stage is older, and each day without a condition is a folder to list."""

_STRING, _MOMENT = "string", "timestamp"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "events": {
        "profile": _STRING,
        "account": _STRING,
        "lane": "smallint",
        "seq": _STRING,
        "place": "int",
        "version": "int",
        "taken_back": "boolean",
        "source": _STRING,
        "message_id": _STRING,
        "type": _STRING,
        "event": _STRING,
        "at": _MOMENT,
        "received": _MOMENT,
        "user_id": _STRING,
        "anonymous_id": _STRING,
        "identifiers": _STRING,
        "body": _STRING,
    },
    "identity": {
        "lane": "smallint",
        "kind": _STRING,
        "profile": _STRING,
        "canonical": _STRING,
        "digest": _STRING,
        "type": _STRING,
        "value": _STRING,
        "collection": _STRING,
        "source": _STRING,
        "message_id": _STRING,
        "event": _STRING,
        "event_name": _STRING,
        "event_at": _MOMENT,
        "received": _MOMENT,
        "committed": _MOMENT,
        "version": "int",
        "seq": "bigint",
        "rule": _STRING,
    },
    "traits": {
        "lane": "smallint",
        "profile": _STRING,
        "collection": _STRING,
        "version": "bigint",
        "at": _MOMENT,
        "committed": _MOMENT,
        "seq": "bigint",
        "identifiers": _STRING,
        "traits": _STRING,
    },
}
"""Of the logs' objects, without the partitions; a test holds them to what is written. Athena finds columns by name."""


class Catalogue(Construct):
    def __init__(self, scope: Construct, id: str, *, settings: Settings, storage: Storage) -> None:
        super().__init__(scope, id)
        self.database_name = settings.name("").rstrip("-").replace("-", "_")
        account = Stack.of(self).account
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name, description=f"The logs of Personas, stage {settings.stage}"
            ),
        )
        for log, columns in COLUMNS.items():
            table = self._table(log, columns, storage.archive_bucket.bucket_name, account)
            table.add_resource_dependency(database)
        self.workgroup = athena.CfnWorkGroup(
            self,
            "WorkGroup",
            name=settings.name("tables"),
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=_LONGEST_SCAN,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    # The work bucket's lifecycle removes results after seven days.
                    output_location=f"s3://{storage.work_bucket.bucket_name}/athena/",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=storage.key.key_arn
                    ),
                ),
            ),
        )

    def _table(self, log: str, columns: Mapping[str, str], bucket: str, account: str) -> glue.CfnTable:
        location = f"s3://{bucket}/{log}/"
        column = glue.CfnTable.ColumnProperty
        return glue.CfnTable(
            self,
            log.capitalize(),
            catalog_id=account,
            database_name=self.database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=log,
                table_type="EXTERNAL_TABLE",
                partition_keys=[column(name=name, type=_STRING) for name in ("space", "day")],
                parameters={
                    "classification": "parquet",
                    "EXTERNAL": "TRUE",
                    "projection.enabled": "true",
                    "projection.space.type": "injected",
                    "projection.day.type": "date",
                    "projection.day.format": "yyyy-MM-dd",
                    "projection.day.range": f"{_FIRST_DAY},NOW+1DAYS",
                    "storage.location.template": f"{location}space=${{space}}/day=${{day}}/",
                },
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[column(name=name, type=type) for name, type in columns.items()],
                    location=location,
                    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        )
