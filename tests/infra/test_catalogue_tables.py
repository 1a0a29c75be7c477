"""The catalogue's tables are of what is written, and nobody pays for partitions."""

import re

import pytest

from personas.stores.archive_logs import LOGS

TYPES = {
    "string": "string",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "bool": "boolean",
    "timestamp[ms, tz=UTC]": "timestamp",
}
# Athena's Parquet reader may not take it, and source and message id say the same.
LEFT_OUT = {"events": {"fingerprint"}}


@pytest.mark.parametrize("log", sorted(LOGS))
def test_each_log_has_a_table_with_the_columns_that_are_written(dev, log):
    [table] = [entry for entry in tables(dev) if entry["Name"] == log]
    written = {field.name: str(field.type) for field in LOGS[log].schema()}
    for name in {"space", *LEFT_OUT.get(log, ())}:
        del written[name]
    found = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert found == {name: TYPES[type] for name, type in written.items()}


def test_partitions_are_worked_out_and_never_registered(dev):
    for table in tables(dev):
        assert [key["Name"] for key in table["PartitionKeys"]] == ["space", "day"]
        parameters = table["Parameters"]
        assert parameters["projection.enabled"] == "true"
        assert parameters["projection.space.type"] == "injected"
        assert parameters["projection.day.range"].endswith(",NOW+1DAYS")
        template = parameters["storage.location.template"]["Fn::Join"][1]
        log = LOGS[table["Name"]]
        assert template[-1] == "/" + log.prefix("${space}", "${day}")
    kinds = {entry["Type"] for entry in dev.template["Resources"].values()}
    assert not [kind for kind in kinds if re.fullmatch("AWS::Glue::(Crawler|Partition|Job)", kind)]


def test_the_workgroup_keeps_results_encrypted_for_days_and_ends_what_reads_too_much(dev):
    [group] = [entry["Properties"] for entry in dev.named("AWS::Athena::WorkGroup").values()]
    settings = group["WorkGroupConfiguration"]
    assert group["Name"] == "personas-dev-tables"
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["BytesScannedCutoffPerQuery"] == 200_000_000_000
    assert settings["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    assert settings["ResultConfiguration"]["OutputLocation"]["Fn::Join"][1][-1] == "/athena/"


def test_databases_are_named_by_stage(assembly):
    for stage in ("dev", "prod"):
        [database] = assembly.stack(stage).named("AWS::Glue::Database").values()
        assert database["Properties"]["DatabaseInput"]["Name"] == f"personas_{stage}"


def tables(stack):
    return [entry["Properties"]["TableInput"] for entry in stack.named("AWS::Glue::Table").values()]
