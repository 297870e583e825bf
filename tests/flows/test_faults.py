"""Faults: after each, the next run completes, nothing is lost and nothing is falsely up to date.

`make faults` runs them and prints a verdict for each.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.flows.conftest import STAGE
from tests.flows.deployments.standing import standing
from tests.flows.test_pipeline import locks
from throughline.releasing.outputs import digest_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.usefixtures("prefect_server"),
]

Run = Callable[..., str]
FLOW = [sys.executable, "-m", "throughline", "flow", "--workers", "1"]
PROJECT = Path(__file__).resolve().parents[2]
# A stage that has written half of its output waits here, as long as this file exists.
HOLD = "hold"
HALF = f"""import time
if stage == "prepare":
    output.write_text("half")
    while pathlib.Path("{HOLD}").exists():
        time.sleep(0.1)
"""


@pytest.fixture
def held(repository: Path, run: Run) -> Path:
    """The repository with stages that stop in the midst of `prepare` while `hold` exists."""
    marker = "output.write_text("
    (repository / "code/stage.py").write_text(STAGE.replace(marker, HALF + marker, 1))
    with (repository / ".gitignore").open("a") as file:
        file.write(f"{HOLD}\n")
    (repository / HOLD).touch()
    return repository


def start(root: Path, *names: str, **environment: str) -> subprocess.Popen[str]:
    """Start a flow of its own process."""
    return subprocess.Popen(
        [*FLOW, *names],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # What a shell starts by `&` ignores Ctrl-C, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def until(condition: Callable[[], object], seconds: float = 400.0) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


def is_half_written(root: Path) -> bool:
    return any(path.read_text() == "half" for path in root.glob("data/*/prepare.txt"))


def ends_well(root: Path, run: Run) -> None:
    """What must hold after every fault: a run completes and leaves what an unharmed one leaves."""
    (root / HOLD).unlink(missing_ok=True)
    done = start(root)
    printed, _ = done.communicate(timeout=400)
    assert done.returncode == 0, printed
    # Nothing is left to do, and what is there is what an unharmed run makes.
    assert "up to date" in run(root, "dvc", "status")
    other = root.parent / "unharmed"
    shutil.copytree(root, other, ignore=shutil.ignore_patterns("data", "cache", "tmp", "dvc.lock"))
    run(other, "dvc", "repro", "-q", "--force")
    assert locks(root) == locks(other)
    for name in ("one", "two"):
        assert digest_of(root / "data" / name) == digest_of(other / "data" / name)


class TestKill9:
    def test_of_the_flow_while_a_stage_writes(self, held: Path, run: Run) -> None:
        flow = start(held)
        until(lambda: is_half_written(held))
        workers = psutil.Process(flow.pid).children(recursive=True)
        flow.kill()
        flow.wait()
        # Its workers end with it: nobody goes on writing.
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert alive == []
        ends_well(held, run)

    def test_of_the_process_that_runs_a_stage(self, held: Path, run: Run) -> None:
        flow = start(held, "one")
        until(lambda: is_half_written(held))
        (stage,) = [
            process
            for process in psutil.Process(flow.pid).children(recursive=True)
            if "code/stage.py" in " ".join(process.cmdline())
        ]
        worker = stage.parent()
        assert worker is not None
        worker.kill()
        stage.kill()
        (held / HOLD).unlink()
        # The same flow tries again in a new process.
        printed, _ = flow.communicate(timeout=400)
        assert flow.returncode == 0, printed
        ends_well(held, run)

    def test_of_dvc_repro_while_a_stage_writes(self, held: Path, run: Run) -> None:
        dvc = subprocess.Popen(["dvc", "repro", "-q"], cwd=held, start_new_session=True)
        until(lambda: is_half_written(held))
        os.killpg(dvc.pid, signal.SIGKILL)
        dvc.wait()
        ends_well(held, run)

    def test_of_prefects_server_while_a_stage_writes(self, held: Path, run: Run) -> None:
        own = {"PREFECT_API_URL": "", "PREFECT_HOME": str(held / ".cache/prefect")}
        flow = start(held, "one", **own, PREFECT_CLIENT_MAX_RETRIES="1")
        until(lambda: is_half_written(held))
        (server,) = [
            process
            for process in psutil.Process(flow.pid).children()
            if "throughline.running.prefect.server" in process.cmdline()
        ]
        server.kill()
        (held / HOLD).unlink()
        printed, _ = flow.communicate(timeout=400)
        print(f"the flow that lost its server ended with {flow.returncode}")
        assert "one prepare" in printed
        ends_well(held, run)


class TestStopped:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
    def test_it_ends_soon_with_its_stages_and_begins_no_other(
        self, held: Path, run: Run, how: signal.Signals
    ) -> None:
        flow = start(held)
        until(lambda: is_half_written(held))
        processes = psutil.Process(flow.pid).children(recursive=True)
        flow.send_signal(how)
        printed, _ = flow.communicate(timeout=60)
        assert flow.returncode != 0
        assert "Traceback" not in printed, printed
        _, alive = psutil.wait_procs(processes, timeout=20)
        assert alive == []
        ends_well(held, run)


class TestTwoAtOnce:
    def test_the_second_waits_and_finds_everything_done(self, held: Path, run: Run) -> None:
        first = start(held)
        until(lambda: is_half_written(held))
        second = start(held)
        time.sleep(8)
        assert second.poll() is None
        (held / HOLD).unlink()
        printed = [flow.communicate(timeout=400)[0] for flow in (first, second)]
        assert [first.returncode, second.returncode] == [0, 0], printed
        assert "another run is at work" in printed[1]
        assert "7 stages: 7 unchanged." in printed[1]
        assert len((held / "runs.txt").read_text().splitlines()) == 7
        ends_well(held, run)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes the rights of root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


class TestFullDisk:
    def test_in_dvcs_cache(self, repository: Path, run: Run, small_disk: Path) -> None:
        run(repository, "dvc", "config", "--local", "cache.dir", str(small_disk / "cache"))
        full = small_disk / "ballast"
        with full.open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
            while True:
                ballast.write(b"0" * 4096)
        flow = start(repository)
        printed, _ = flow.communicate(timeout=400)
        assert flow.returncode == 1, printed
        assert "No space left" in printed
        assert locks(repository) == {}
        full.unlink()
        ends_well(repository, run)

    def test_in_the_midst_of_a_stages_write(
        self, repository: Path, run: Run, small_disk: Path
    ) -> None:
        stage = repository / "code/stage.py"
        stage.write_text(
            STAGE + f"if stage == 'train':\n"
            f"    pathlib.Path('{small_disk}/big').write_bytes(b'0' * 2**21)\n"
        )
        flow = start(repository, "one")
        printed, _ = flow.communicate(timeout=400)
        assert flow.returncode == 1
        assert "No space left on device" in printed
        assert "train" not in (repository / "pipelines/one/dvc.lock").read_text()
        stage.write_text(STAGE)
        ends_well(repository, run)


class TestCorruptCache:
    def test_a_damaged_file_is_not_taken_for_the_output(self, repository: Path, run: Run) -> None:
        run(repository, "dvc", "repro", "-q")
        output = repository / "data/one/prepare.txt"
        digest = digest_of(output)
        damaged = repository / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
        damaged.chmod(0o644)
        damaged.write_text("other bytes")
        output.unlink()
        ends_well(repository, run)
        assert digest_of(output) == digest


class TestStaleLock:
    @pytest.mark.parametrize("half_written", [False, True])
    def test_of_a_process_that_is_dead(
        self, repository: Path, run: Run, half_written: bool
    ) -> None:
        dead = subprocess.Popen(["true"])
        dead.wait()
        owner = {"pid": dead.pid, "cmd": "dvc repro"}
        path = str(repository / "data/one/prepare.txt")
        content = json.dumps({"write": {path: owner}, "read": {str(repository / "code"): [owner]}})
        (repository / ".dvc/tmp").mkdir(exist_ok=True)
        (repository / ".dvc/tmp/rwlock").write_text(content[:30] if half_written else content)
        (repository / ".dvc/tmp/lock").write_text(f" {dead.pid}\n")
        (repository / ".cache/flows").mkdir(parents=True)
        (repository / ".cache/flows/one.lock").touch()
        ends_well(repository, run)


class TestStanding:
    """The server and the worker of `make up`."""

    def test_kill_9_of_the_worker_and_of_the_server(self, built: Path) -> None:
        with standing(built) as prefect:
            lost = prefect.start()
            prefect.wait(lambda: prefect.states(), 180)
            worker = psutil.Process(prefect.processes()["worker"])
            for process in [*worker.children(recursive=True), worker]:
                process.kill()
            server = psutil.Process(prefect.processes()["server"])
            for process in [*server.children(recursive=True), server]:
                process.kill()
            prefect.deploy("down")
            prefect.up()
            # The slot of the killed run comes free when its lease ends, within five minutes.
            end = time.monotonic() + 900
            final = {}
            while "COMPLETED" not in final.values():
                assert time.monotonic() < end, final
                new = prefect.start()
                prefect.wait(
                    lambda new=new: (
                        prefect.get(f"/flow_runs/{new}")["state"]["type"]
                        in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
                    ),
                    300,
                )
                final[new] = prefect.get(f"/flow_runs/{new}")["state"]["type"]
                time.sleep(20)
            print(f"\nkilled: {prefect.get(f'/flow_runs/{lost}')['state']['name']}; then {final}")
        assert (built / "models/shop/champion.onnx").exists()
