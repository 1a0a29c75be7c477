"""The four layers: shared code, third-party code, pyarrow, DuckDB.

Powertools is built in: it comes from the same lock file as everything else (requirements/runtime.lock), so that tests
and functions run one version, and no deployment depends on a layer in somebody else's account. pyarrow has a layer of
its own, because only the functions that touch the archive should carry its 90 MB, and so has DuckDB with its 60 MB:
all four together are 195 MB, where Lambda takes 250, so that no function needs a container image.
"""

from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import paths
from infra.settings import Settings


class NotBuilt(RuntimeError):
    """A deployable synth needs what `python -m infra.build` makes."""


class Layers(Construct):
    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(scope, id)
        self._shared = self._layer("Shared", paths.SHARED_LAYER, "Code that the functions share")
        self._vendor = self._layer(
            "Vendor", built(paths.VENDOR_LAYER, settings), "Third-party code, Powertools included"
        )
        self._archive = self._layer("Archive", built(paths.ARCHIVE_LAYER, settings), "pyarrow")
        self._batch = self._layer("Batch", built(paths.BATCH_LAYER, settings), "DuckDB")
        self.python = (self._shared, self._vendor)
        self.parquet = (self._shared, self._vendor, self._archive)
        self.batch = (*self.parquet, self._batch)

    def _layer(self, id: str, source: Path, description: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            id,
            description=description,
            code=lambda_.Code.from_asset(
                str(source),
                # The local engine is never deployed.
                exclude=["/python/personas/local", "__pycache__", "*.pyc"],
                ignore_mode=IgnoreMode.GIT,
            ),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )


def built(folder: Path, settings: Settings) -> Path:
    """The folder if it has been built; the empty layer in a local synth. Raises NotBuilt."""
    if settings.local:
        return paths.EMPTY_LAYER
    if not folder.is_dir():
        raise NotBuilt(f"{folder.relative_to(paths.ROOT)} is missing: run `.venv/bin/python -m infra.build` first")
    return folder
