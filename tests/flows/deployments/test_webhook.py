"""A secret of a webhook stands in the environment, and nowhere that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from throughline.errors import BadPipeline
from throughline.running.prefect import deployments, webhook
from throughline.running.prefect.deploy import _check_parameters

TOKEN = "s3cr3tT0kenOfAReceiver9"
SECRET = [
    f"https://hooks.slack.com/services/T00000000/B00000000/{TOKEN}",
    "https://example.org/hook?token=abc",
    "https://example.org/hook?x=" + TOKEN,
    "https://user:pass@example.org/hook",
    "https://user@example.org/hook",
    "https://prod.example.net/webhookb2/8f14e45f-ceea-467f-9f5f-2b1d1c0a8e77@x/IncomingWebhook",
    f"https://example.org/hook#{TOKEN}",
    f"https://api.telegram.org/bot123456:{TOKEN}/sendMessage",
    f"https://$HOST/{TOKEN}",
]
OPEN = [
    "",
    "https://example.org/hooks/models",
    "http://127.0.0.1:8080/verdicts?channel=models",
    "$SLACK_URL",
    "https://hooks.slack.com/services/$SLACK_TOKEN",
    "https://example.org/hook?x=${TOKEN}",
    "http://internal-address-of-the-team.example.org/retraining-verdicts-2026",
]


class TestAddress:
    @pytest.mark.parametrize("address", SECRET)
    def test_a_secret_is_refused_and_not_repeated(self, address: str) -> None:
        with pytest.raises(BadPipeline, match="export WEBHOOK=") as refusal:
            webhook.check(address)
        assert TOKEN not in str(refusal.value) and "pass" not in str(refusal.value)

    @pytest.mark.parametrize("address", OPEN)
    def test_names_of_variables_and_plain_addresses_are_not(self, address: str) -> None:
        webhook.check(address)

    def test_a_file_of_deployments_is_refused_before_it_is_sent(self, tmp_path: Path) -> None:
        each = {"name": "tea", "entrypoint": "flows/retrain.py:retrain"}
        content = {"deployments": [{**each, "parameters": {"name": "tea", "webhook": SECRET[0]}}]}
        (tmp_path / "prefect.yaml").write_text(yaml.safe_dump(content))
        with pytest.raises(BadPipeline, match=r"prefect\.yaml:\d+: webhook must hold no secret"):
            _check_parameters(deployments.read(tmp_path / "prefect.yaml"))

    def test_a_variable_that_is_not_set_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("HOOK", raising=False)
        with pytest.raises(BadPipeline, match="no HOOK"):
            webhook.resolved("https://example.org/$HOOK")


class TestCall:
    def test_variables_are_read_when_it_is_called(
        self, receiver: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host, received = receiver
        monkeypatch.setenv("HOOK_TOKEN", TOKEN)
        webhook.post(f"http://{host}/$HOOK_TOKEN", {"outcome": "kept"})
        assert received == [(f"/{TOKEN}", {"outcome": "kept"})]

    @pytest.mark.parametrize(
        "value",
        [
            f"http://127.0.0.1:9/{TOKEN}",
            TOKEN,
            f"nonsense://x/{TOKEN}",
            f"http://127.0.0.1:{TOKEN}/",
            f"http://127.0.0.1:9/a {TOKEN}",
            f"http://[{TOKEN}/",
        ],
    )
    def test_what_fails_is_told_without_the_secret(
        self, value: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.setenv("HOOK", value)
        webhook.post("$HOOK", {})
        told = capsys.readouterr().err
        assert told.startswith("webhook $HOOK: ") and TOKEN not in told
