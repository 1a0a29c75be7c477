"""Where the sources of deployed code lie, and where the build puts what is made from them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"
SHARED_LAYER = ROOT / "layers" / "personas"
BUILD = ROOT / ".build"
VENDOR_LAYER = BUILD / "layers" / "vendor"
ARCHIVE_LAYER = BUILD / "layers" / "archive"
BATCH_LAYER = BUILD / "layers" / "batch"
DELIVER = BUILD / "deliver"
EMPTY_LAYER = ROOT / "infra" / "empty_layer"
"""Stands in for the vendor layers in a local synth: third-party code is in the environment of the local engine."""
