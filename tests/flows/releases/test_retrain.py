"""Retraining releases on evidence only, and whatever fails, the champion stays."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.flows import shop
from throughline.cli import main
from throughline.evaluation.measure.difference import BETTER, NOT_SHOWN, WORSE
from throughline.releasing import releases
from throughline.releasing.outputs import sha256
from throughline.releasing.promotion import champion_file, created

# The first test builds the shop, and may wait for another process that builds it.
pytestmark = pytest.mark.timeout(900)
VERDICT = {"reason": "as the test says", "metric": "accuracy", "difference": 0.1, "by_seed": [0.1]}


@pytest.fixture
def released(built: Path) -> Path:
    """The shop with its first release."""
    created(built, shop.NAME)
    return built


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address on this machine and what was sent to it."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def judged(monkeypatch: pytest.MonkeyPatch, verdict: str) -> None:
    """Let every comparison end with a verdict, without the trainings of further seeds."""
    monkeypatch.setattr(
        "throughline.releasing.retraining._compared", lambda *_: {"verdict": verdict, **VERDICT}
    )


def another_model(root: Path) -> None:
    """Commit a change that makes another model."""
    shop.another_model(root)
    shop.commit(root, "Another model")


def retrain(**settings: Any) -> Any:
    """Retrain the shop; the final state of the flow run."""
    # Not at the top: Prefect reads its settings when it is first imported.
    from flows.retrain import retrain as flow

    return flow(shop.NAME, workers=1, return_state=True, **settings)


class TestVerdicts:
    def test_nothing_changed_ends_early(
        self, released: Path, webhook: tuple[str, list[dict[str, Any]]], capsys: Any
    ) -> None:
        url, received = webhook
        state = retrain(webhook=url)
        assert (state.name, state.type.value) == ("Unchanged", "COMPLETED")
        assert "validate" not in capsys.readouterr().out
        assert [verdict["outcome"] for verdict in received] == ["unchanged"]
        assert received[0]["release"] == "shop@v1"

    def test_better_is_released_with_its_evidence(
        self, released: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        another_model(released)
        judged(monkeypatch, BETTER)
        assert retrain().name == "Released"
        record = releases.read(released, shop.NAME, "v2")
        assert (record["replaced"], record["verdict"]["verdict"]) == ("v1", BETTER)
        assert sha256(champion_file(released, shop.NAME)) == record["model"]["sha256"]
        assert shop.git(released, "status", "--short") == ""
        log = shop.git(released, "log", "--format=%s").splitlines()
        assert log[:2] == ["Release shop@v2", "Retrain shop"]
        assert retrain().name == "Unchanged"

    @pytest.mark.parametrize("verdict", [WORSE, pytest.param(NOT_SHOWN, marks=pytest.mark.slow)])
    def test_anything_else_keeps_the_champion_and_says_why(
        self, released: Path, verdict: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = sha256(champion_file(released, shop.NAME))
        another_model(released)
        judged(monkeypatch, verdict)
        state = retrain()
        assert state.name == "Kept"
        assert verdict in state.message
        assert releases.champion(released, shop.NAME) == "v1"
        assert sha256(champion_file(released, shop.NAME)) == before
        assert retrain().name == "Unchanged"

    @pytest.mark.slow
    def test_no_evidence_releases_where_it_is_set_so(
        self, released: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        another_model(released)
        judged(monkeypatch, NOT_SHOWN)
        assert retrain(release_without_evidence=True).name == "Released"

    @pytest.mark.slow
    def test_a_rollback_is_not_undone_by_the_next_retraining(
        self, released: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from throughline.releasing.stages.moving import rolled_back

        another_model(released)
        judged(monkeypatch, BETTER)
        retrain()
        rolled_back(released, "shop@v1")
        assert retrain().name == "Unchanged"
        assert releases.champion(released, shop.NAME) == "v1"

    @pytest.mark.slow
    def test_shifted_inputs_stop_before_training_where_it_is_set_so(
        self, released: Path, capsys: Any
    ) -> None:
        file = released / "feed/shop.csv"
        header, *rows = file.read_text().splitlines()
        moved = [f"{float(row.split(',')[0]) + 9},{row.split(',', 1)[1]}" for row in rows]
        file.write_text("\n".join([header, *moved]) + "\n")
        state = retrain(stop_on_drift=True)
        assert (state.name, "x1" in state.message) == ("Kept", True)
        assert "train" not in capsys.readouterr().out


class TestFailure:
    def test_a_source_that_is_gone_fails_and_keeps_the_champion(
        self, released: Path, webhook: tuple[str, list[dict[str, Any]]]
    ) -> None:
        url, received = webhook
        (released / "feed/shop.csv").unlink()
        state = retrain(webhook=url)
        assert (state.name, state.type.value) == ("Failed", "FAILED")
        assert "feed/shop.csv" in state.message
        assert [verdict["outcome"] for verdict in received] == ["failed"]
        assert releases.champion(released, shop.NAME) == "v1"
        assert champion_file(released, shop.NAME).exists()

    @pytest.mark.slow
    def test_a_remote_that_is_away_leaves_no_half_release(
        self, released: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blocked = released.parent / "blocked"
        blocked.write_text("a file where the remote's folder should be")
        run(released, "dvc", "remote", "add", "-q", "-d", "store", str(blocked))
        another_model(released)
        judged(monkeypatch, BETTER)
        assert retrain(push=True).type.value == "FAILED"
        assert releases.versions(released, shop.NAME) == ["v1"]

        blocked.unlink()
        assert retrain(push=True).name == "Released"
        assert any(blocked.rglob("*"))

    @pytest.mark.slow
    def test_killed_before_the_verdict_it_is_judged_by_the_next(
        self, released: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        another_model(released)
        with monkeypatch.context() as patch:
            patch.setattr("throughline.releasing.retraining._judged", lambda *_: 1 / 0)
            assert retrain().is_failed()
        judged(monkeypatch, BETTER)
        assert retrain().name == "Released"

    def test_a_webhook_that_nobody_answers_undoes_nothing(
        self, released: Path, capsys: Any
    ) -> None:
        assert retrain(webhook="http://127.0.0.1:9/nobody").name == "Unchanged"
        assert "webhook" in capsys.readouterr().err


class TestMistakes:
    def test_unknown_pipelines_and_loose_files_cost_no_server(
        self, released: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "throughline.running.prefect.server.Server",
            lambda _: pytest.fail("a server was started"),
        )
        assert main(["retrain", "shopp"]) == 2
        assert "Did you mean 'shop'" in capsys.readouterr().err
        (released / "params.yaml").write_text("seed: 1\n")
        assert main(["retrain", "shop"]) == 2
        assert "--no-commit" in capsys.readouterr().err


class TestPrefectKnows:
    def test_the_verdict_is_an_artifact_and_an_event(self, released: Path) -> None:
        from prefect.client.orchestration import get_client

        retrain()
        with get_client(sync_client=True) as client:
            artifacts = client.request(
                "POST", "/artifacts/filter", json={"artifacts": {"key": {"any_": ["shop-verdict"]}}}
            ).json()
        newest = max(artifacts, key=lambda artifact: artifact["created"])
        assert "unchanged" in newest["data"]
