"""What a deployment carries: built for Lambda, light enough, and with everything in it that our code imports.

The wheels come from the package index the first time; afterwards .build has them.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra import build, paths

PERSONAS = paths.SHARED_LAYER / "python" / "personas"


@pytest.fixture(scope="session")
def vendor() -> Path:
    build.layer(paths.VENDOR_LAYER, paths.ROOT / "requirements" / "runtime.lock")
    return paths.VENDOR_LAYER / "python"


@pytest.fixture(scope="session")
def archive() -> Path:
    build.layer(paths.ARCHIVE_LAYER, paths.ROOT / "requirements" / "archive.lock")
    return paths.ARCHIVE_LAYER / "python"


@pytest.fixture(scope="session")
def batch() -> Path:
    build.layer(paths.BATCH_LAYER, paths.ROOT / "requirements" / "batch.lock")
    return paths.BATCH_LAYER / "python"


@pytest.fixture(scope="session")
def deliver() -> Path:
    build.deliver()
    return paths.DELIVER


def test_a_function_with_all_layers_is_lighter_than_lambda_allows(vendor, archive, batch):
    own = sum(file.stat().st_size for file in [*PERSONAS.rglob("*.py"), *paths.FUNCTIONS.glob("*/**/*.py")])
    assert sum(map(build.weight, (vendor, archive, batch))) + own < build.UNZIPPED_LIMIT


def test_deliver_is_lighter_than_lambda_allows(deliver):
    assert build.weight(deliver) < build.UNZIPPED_LIMIT


def test_deliver_loads_from_what_is_packaged(deliver):
    script = "process.exit(typeof require('./index.js').handler === 'function' ? 0 : 1)"
    loaded = subprocess.run(["node", "-e", script], cwd=deliver, capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr


def test_deliver_carries_its_locked_packages_and_no_tests(deliver):
    assert (deliver / "node_modules" / "@segment" / "action-destinations").is_dir()
    assert (deliver / "index.js").is_file()
    assert not (deliver / "test").exists()


def test_every_compiled_file_is_for_arm64_and_python_313(vendor, archive, batch):
    compiled = [file for layer in (vendor, archive, batch) for file in layer.rglob("*.so")]
    assert compiled
    for file in compiled:
        header = file.read_bytes()[:20]
        assert header[:4] == b"\x7fELF", file
        assert int.from_bytes(header[18:20], "little") == 183, f"{file} is not for arm64"
        assert "cpython-313-aarch64" in file.name or ".abi3." in file.name, file


def test_the_layers_hold_every_package_that_deployed_code_imports(vendor, archive, batch):
    python = {path.name.removesuffix(".py") for layer in (vendor, archive, batch) for path in layer.iterdir()}
    assert imported_by_deployed_code() - set(sys.stdlib_module_names) - python == set()


def test_what_is_trimmed_from_pyarrow_is_not_missed_when_parquet_is_written_and_asked_in_sql():
    """The same trimming of the wheel for this machine, with a whole table through it; and without numpy."""
    spec = find_spec("pyarrow")
    assert spec is not None
    assert spec.origin is not None
    trimmed = paths.BUILD / "trimmed"
    shutil.rmtree(trimmed, ignore_errors=True)
    shutil.copytree(Path(spec.origin).parent, trimmed / "pyarrow", copy_function=os.link)
    build.trim(trimmed)
    script = (
        "import sys; sys.modules['numpy'] = None\n"
        "import duckdb, io, pyarrow as pa, pyarrow.parquet as pq, pyarrow.compute as pc\n"
        "rows = pa.Table.from_pylist([{'lane': n % 4, 'data': b'x' * n} for n in range(1000)])\n"
        "file = io.BytesIO(); pq.write_table(rows, file, compression='zstd'); file.seek(0)\n"
        "database = duckdb.connect(); database.register('rows', rows)\n"
        "asked = database.execute('SELECT lane::JSON::VARCHAR, count(data) FROM rows GROUP BY lane')\n"
        "assert sorted(asked.fetchall()) == [(str(n), 250) for n in range(4)]\n"
        "read = pq.read_table(file); assert read.equals(rows); print(pc.sum(read['lane']), pa.__file__)\n"
    )
    environment = {"PYTHONPATH": str(trimmed), "PATH": os.environ["PATH"]}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    shutil.rmtree(trimmed)
    assert ran.stdout.split() == ["1500", str(trimmed / "pyarrow" / "__init__.py")], ran.stderr


def test_where_only_pip_knows_the_index_the_layer_is_the_same(archive, monkeypatch):
    monkeypatch.setattr(build, "_UV_PLATFORM", "a platform that uv does not know")
    target = paths.BUILD / "layers" / "by-pip"
    build.layer(target, paths.ROOT / "requirements" / "archive.lock")
    by_pip = {file.relative_to(target / "python") for file in target.rglob("*.so*")}
    shutil.rmtree(target)
    target.with_name("by-pip.made-from").unlink()
    assert by_pip == {file.relative_to(archive) for file in archive.rglob("*.so*")}


def test_building_again_builds_nothing(vendor, capsys):
    build.layer(paths.VENDOR_LAYER, paths.ROOT / "requirements" / "runtime.lock")
    assert "up to date" in capsys.readouterr().out


def test_a_failed_build_leaves_no_layer_behind(tmp_path):
    lock = tmp_path / "wrong.lock"
    lock.write_text("no-such-package-of-personas==1.0 --hash=sha256:" + "0" * 64 + "\n")
    target = paths.BUILD / "layers" / "failing"
    with pytest.raises(build.BuildFailed):
        build.layer(target, lock)
    assert not target.exists()
    shutil.rmtree(target.with_name("failing.new"))


def test_the_local_engine_is_not_deployed(assembly):
    """The synthesized assembly holds copies of what would be uploaded."""
    (shared,) = [folder for folder in assembly.folder.glob("asset.*") if (folder / "python" / "personas").is_dir()]
    deployed = {path.relative_to(shared / "python" / "personas").parts[0] for path in shared.rglob("*.py")}
    assert "local" not in deployed
    assert {"core", "stores", "aws.py", "clock.py"} <= deployed
    dictionary = PERSONAS / "dictionaries" / "1.zstd-dictionary"
    assert (shared / dictionary.relative_to(paths.SHARED_LAYER)).read_bytes() == dictionary.read_bytes()


def imported_by_deployed_code() -> set[str]:
    """First names of absolute imports, our own left out."""
    names: set[str] = set()
    files = [file for file in PERSONAS.rglob("*.py") if "local" not in file.relative_to(PERSONAS).parts]
    for file in [*files, *paths.FUNCTIONS.glob("*/**/*.py")]:
        if "node_modules" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    siblings = {path.stem for path in paths.FUNCTIONS.glob("*/*") if re.fullmatch(r"[a-z_]+(\.py)?", path.name)}
    return names - siblings - {"personas"}
