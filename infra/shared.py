"""What every construct with a function is given: the settings, where data lies, the streams, the layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.function import Function
from infra.layers import Layers
from infra.settings import Settings
from infra.storage import Storage
from infra.streams import Streams


@dataclass(frozen=True, slots=True)
class Shared:
    settings: Settings
    storage: Storage
    streams: Streams
    layers: Layers

    def function(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        source: str,
        environment: Mapping[str, str],
        memory_mb: int,
        timeout_seconds: int,
        handler: str = "handler.handle",
        layers: Sequence[lambda_.LayerVersion] | None = None,
        runtime: lambda_.Runtime = lambda_.Runtime.PYTHON_3_13,
        code: Path | None = None,
    ) -> Function:
        """A Python function with the shared and the vendor layer, unless said otherwise."""
        return Function(
            scope,
            id,
            settings=self.settings,
            key=self.storage.key,
            name=name,
            source=source,
            handler=handler,
            layers=self.layers.python if layers is None else layers,
            environment=environment,
            memory_mb=memory_mb,
            timeout_seconds=timeout_seconds,
            runtime=runtime,
            code=code,
        )
