"""Builds what a deployment carries besides our own code: three layers of third-party wheels, and the deliver package.

    .venv/bin/python -m infra.build

No Docker: uv installs the locked wheels for arm64 and Python 3.13 on any machine. Idempotent: a folder under .build is
made again only when what it is made from has changed, and it appears complete or not at all.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from infra import paths

UNZIPPED_LIMIT = 250 * 1024 * 1024
"""What a function and its layers may weigh together on Lambda, in bytes."""

# Lambda's Python 3.13 runs on Amazon Linux 2023, whose glibc is 2.34; pyarrow's wheels ask for 2.28.
_PYTHON = "3.13"
_UV_PLATFORM = "aarch64-manylinux_2_28"
_PIP_PLATFORMS = [f"--platform=manylinux_2_{glibc}_aarch64" for glibc in range(28, 16, -1)]

# zstandard has its code twice: the other one is for PyPy.
_NEVER_LOADED = ("bin", "**/__pycache__", "**/tests", "**/*.pyi", "zstandard/*cffi*")

# Remote file systems (an archive row goes to S3 through boto3), Flight, headers, Cython sources, and the second and
# third copy of each library: wheels hold no symbolic links, and only the name with the ABI's number is ever looked up.
_NOT_OF_PYARROW = (
    "pyarrow/include",
    "pyarrow/includes",
    "pyarrow/src",
    "pyarrow/**/*.px[dix]",
    "pyarrow/**/*.pyx",
    "pyarrow/*flight*",
    "pyarrow/libarrow_s3.so*",
    "pyarrow/_s3fs.*",
    "pyarrow/_gcsfs.*",
    "pyarrow/_azurefs.*",
    "pyarrow/_hdfs.*",
    "pyarrow/_pyarrow_cpp_tests.*",
    "pyarrow/lib*.so",
    "pyarrow/lib*.so.*.*.*",
)
_KEPT = ("pyarrow/lib.*.so",)


class BuildFailed(RuntimeError):
    """A tool that the build calls ended with an error; its own words are on the terminal."""


def main() -> None:
    layer(paths.VENDOR_LAYER, paths.ROOT / "requirements" / "runtime.lock")
    layer(paths.ARCHIVE_LAYER, paths.ROOT / "requirements" / "archive.lock")
    layer(paths.BATCH_LAYER, paths.ROOT / "requirements" / "batch.lock")
    deliver()


def layer(target: Path, lock: Path) -> None:
    """Wheels of a lock file as a layer: everything under python/."""

    def install(folder: Path) -> None:
        python = folder / "python"
        asked = ["--no-deps", "--require-hashes", "--requirement", str(lock), "--target", str(python)]
        asked += ["--only-binary", ":all:", "--python-version", _PYTHON]
        try:
            _run([sys.executable, "-m", "uv", "pip", "install", *asked, "--python-platform", _UV_PLATFORM], quiet=True)
        except BuildFailed:  # as in the Makefile: by pip where only pip knows the index
            shutil.rmtree(python, ignore_errors=True)
            _run([sys.executable, "-m", "pip", "install", "--quiet", *asked, *_PIP_PLATFORMS])
        trim(python)

    _make(target, [lock, Path(__file__)], install)


def deliver() -> None:
    """The Node function with its production dependencies, as locked."""
    source = paths.FUNCTIONS / "deliver"
    own = [file for file in sorted(source.rglob("*")) if file.is_file() and _is_deployed(file.relative_to(source))]

    def install(folder: Path) -> None:
        for file in own:
            copy = folder / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        _run(
            [
                "npm",
                "ci",
                "--omit=dev",
                "--ignore-scripts",
                "--prefer-offline",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ],
            folder,
        )

    _make(paths.DELIVER, [*own, Path(__file__)], install)


def trim(python: Path) -> None:
    """Takes away what no function loads."""
    kept = {path for pattern in _KEPT for path in python.glob(pattern)}
    for pattern in (*_NEVER_LOADED, *_NOT_OF_PYARROW):
        for path in sorted(python.glob(pattern)):
            if path in kept or not path.exists():
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def weight(folder: Path) -> int:
    """Bytes in all files of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _is_deployed(path: Path) -> bool:
    return not {"node_modules", "test", "tests"} & set(path.parts)


def _make(target: Path, sources: Iterable[Path], install: Callable[[Path], None]) -> None:
    """Idempotent. The mark beside the folder says from what it was made."""
    made_from = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    mark = target.with_name(f"{target.name}.made-from")
    name = target.relative_to(paths.ROOT)
    if target.is_dir() and mark.is_file() and mark.read_text() == made_from:
        print(f"{name}: up to date")  # noqa: T201 - this is a command
        return
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    install(fresh)
    mark.unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    mark.write_text(made_from)
    print(f"{name}: {weight(target) / 1024 / 1024:.0f} MB")  # noqa: T201 - this is a command


def _run(command: list[str], folder: Path = paths.ROOT, *, quiet: bool = False) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=quiet)  # noqa: S603 - fixed commands, no shell
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise BuildFailed(f"{' '.join(command[:4])} …: {error}") from error


if __name__ == "__main__":
    try:
        main()
    except BuildFailed as error:
        sys.exit(f"build: {error}")
