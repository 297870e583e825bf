"""The page in a real browser answers as `Predictor` does."""

from __future__ import annotations

import ast
import html
import json
import re
import shutil
import wave
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from tests.trial.chromium import Chromium
from throughline.errors import ThroughlineError
from throughline.paths import Workspace
from throughline.serving.predictor import Predictor
from throughline.serving.rows.media.image_files import read_picture
from throughline.serving.rows.media.sound import stored_sound
from throughline.sources.registry import Surroundings
from throughline.trial.runtime import Runtime, runtime
from throughline.trial.trial import described
from throughline.trial.trial_page import page

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The page, once it answers or says why it does not.
READY = 'document.querySelector("#request pre, .warning") && document.documentElement.outerHTML'
# The page of several series, once it answers for the first of them.
CHOSEN = """(() => {
  const menu = document.querySelector("#form select");
  if (menu.selectedIndex > 0) {
    menu.selectedIndex = 0;
    menu.dispatchEvent(new Event("change"));
  }
  const note = [...document.querySelectorAll("#form .note")].at(-1).textContent;
  const said = document.querySelector("#request code").textContent;
  return note.includes("of north") && said.includes("north") && document.documentElement.outerHTML;
})()"""
TOLERANCE = 1e-5
ROW = {"length": 6.25, "count": None, "</script>": "<b>", "member": True}
TEXT = {"review": 'Éclair: a NAÏVE plot, and "good" </script> film'}
WHEN = [
    f"{day:02}/03/2024 {hour:02}:00"
    for day, hour in ((1, 21), (1, 22), (1, 23), (2, 0), (2, 1), (2, 2))
]
FLAT = {"area": 75.5, "rooms": 3}
SERIES = {
    "csv": "load;when\n"
    + "".join(f"{i + 0.25:.2f};{when}\n".replace(".", ",") for i, when in enumerate(WHEN))
}
LABELS = {"hue": 0.5, "light": 0.75}
SHOPS = ("north", "south, new")


def panel() -> str:
    """Rows of two shops, whose times are the same."""
    lines = [
        f'{i + 0.5 + shop:.1f};"{name}";{when}'.replace(".", ",")
        for shop, name in enumerate(SHOPS)
        for i, when in enumerate(WHEN)
    ]
    return "\n".join(["load;shop;when", *lines]) + "\n"


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture(scope="module")
def web() -> Runtime:
    try:
        return runtime(Surroundings.of(ROOT))
    except ThroughlineError as error:
        pytest.skip(f"the runtime cannot be had: {error}")


class Seen:
    """A page after its script has run, as the browser writes it out."""

    def __init__(self, content: str) -> None:
        self.content = content

    @property
    def answers(self) -> dict[str, list[Any]]:
        found = re.search(r'data-answers="([^"]*)"', self.content)
        assert found, re.sub(r"<script.*?</script>|<style.*?</style>", "", self.content, flags=re.S)
        return dict(json.loads(html.unescape(found[1])))

    @property
    def python(self) -> str:
        found = re.search(r"<pre><code>(.*?)</code></pre>", self.content, re.S)
        assert found
        return html.unescape(found[1])


@pytest.fixture(scope="module")
def seen(
    browser: str,
    web: Runtime,
    model_of: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Seen]:
    """The pages of models of each kind, each asked something."""
    with Chromium(browser, tmp_path_factory.mktemp("chromium")) as chromium:
        pages = {}
        requests = {
            "table": ROW, "labels": LABELS, "text": TEXT, "series": SERIES,
            "panel": {"csv": panel()}, "picture": None, "sound": None, "several": FLAT,
        }  # fmt: skip
        for kind, asked in requests.items():
            model = model_of(kind)
            told = described(Workspace(model.parents[2], kind))
            if kind == "picture":
                content = "data:image/png;base64," + encoded(photo())
                told["examples"] = [{"values": {"pixels": content}, "actual": "cat"}]
            if kind == "sound":
                content = "data:audio/wav;base64," + encoded(bark())
                told["examples"] = [{"values": {"sound": content}, "actual": "dog"}]
            path = tmp_path_factory.mktemp(kind) / "try.html"
            path.write_bytes(page(told, model.read_bytes(), web).encode())
            address = path.as_uri() + ("" if asked is None else "#" + quote(json.dumps(asked)))
            pages[kind] = chromium.opened(address)
        found = {kind: Seen(chromium.told(each, READY)) for kind, each in pages.items()}
        found["other shop"] = Seen(chromium.told(pages["panel"], CHOSEN))
        return found


def photo() -> bytes:
    """A PNG of another size and proportion than the model takes."""
    from PIL import Image

    pixels = np.random.default_rng(5).integers(0, 256, (31, 23, 3), dtype=np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def bark() -> bytes:
    """A wav file of 24 bits in two channels, at another rate than the model takes."""
    draw = np.random.default_rng(6)
    stream = BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(11025)
        wide = draw.integers(-(1 << 22), 1 << 22, 100).astype("<i4")
        # The lower three of four bytes.
        file.writeframes(wide.view("u1").reshape(-1, 4)[:, :3].tobytes())
    return stream.getvalue()


def encoded(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode()


def asked_of(kind: str, predictor: Predictor) -> dict[str, Any]:
    if kind == "picture":
        return {"pixels": read_picture(photo(), "photo.png", predictor.inputs["pixels"])}
    if kind == "sound":
        stored, _ = stored_sound(bark(), "bark.wav", 8000, 40)
        return {"sound": stored[None]}
    if kind == "series":
        return {
            "when": WHEN,
            "load": [f"{i + 0.25:.2f}".replace(".", ",") for i in range(len(WHEN))],
        }
    if kind in ("panel", "other shop"):
        # One shop's rows, as if there were no other.
        first = kind == "other shop"
        rows = [f"{i + (0.5 if first else 1.5):.1f}".replace(".", ",") for i in range(len(WHEN))]
        return {"when": WHEN, "load": rows}
    asked = {"table": ROW, "labels": LABELS, "text": TEXT, "several": FLAT}[kind]
    return {name: [value] for name, value in asked.items()}


def test_each_of_several_answers_is_shown(
    seen: dict[str, Seen], model_of: Callable[[str], Path]
) -> None:
    answers = Predictor(model_of("several")).predict(asked_of("several", None))  # type: ignore[arg-type]
    heads = re.findall(
        r'<div class="headline"><b>(.*?)</b><span>(.*?)</span>', seen["several"].content
    )
    price, sold, kind = heads
    assert price[0].endswith("k€") and price[1] == "price"
    assert (sold[0], kind[0]) == (answers["sold_label"][0], answers["kind_label"][0])
    assert sold[1].startswith("sold · probability") and kind[1].startswith("kind · probability")
    # What one column does to each of them.
    drawn = re.findall(r'([^<>"]*) while area goes from', seen["several"].content)
    assert set(drawn) == {"price (k€)", "probability of sold: yes", "probability"}


@pytest.mark.parametrize(
    "kind",
    ["table", "labels", "text", "series", "panel", "other shop", "picture", "sound", "several"],
)
def test_the_page_answers_as_predict_does(
    kind: str, seen: dict[str, Seen], model_of: Callable[[str], Path]
) -> None:
    predictor = Predictor(model_of("panel" if kind == "other shop" else kind))
    expected = predictor.predict(asked_of(kind, predictor))
    received = seen[kind].answers
    assert set(received) == set(expected)
    for name, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(
                received[name], values.ravel(), atol=TOLERANCE, rtol=TOLERANCE
            )
        else:
            assert received[name] == values.ravel().tolist()


@pytest.mark.parametrize("kind", ["table", "labels", "text", "picture", "sound"])
def test_its_python_asks_the_same(
    kind: str,
    seen: dict[str, Seen],
    model_of: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    monkeypatch.chdir(model_of(kind).parents[2])
    Path("picture.png").write_bytes(photo())
    Path("sound.wav").write_bytes(bark())
    exec(compile(seen[kind].python, "request.py", "exec"), {})  # noqa: S102
    told = ast.literal_eval(capsys.readouterr().out)
    np.testing.assert_allclose(
        seen[kind].answers["probabilities"], told["probabilities"], atol=1e-5
    )


@pytest.mark.parametrize("kind", ["series", "panel", "other shop"])
def test_its_python_asks_for_the_same_window(
    kind: str,
    seen: dict[str, Seen],
    model_of: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    tmp_path: Path,
) -> None:
    """Of a file of decimal commas, too, and of the series that was chosen."""
    name = "series" if kind == "series" else "panel"
    model = model_of(name)
    (tmp_path / "models").symlink_to(model.parents[1])
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text(SERIES["csv"] if kind == "series" else panel())
    exec(compile(seen[kind].python, "request.py", "exec"), {})  # noqa: S102
    told = ast.literal_eval(capsys.readouterr().out)
    np.testing.assert_allclose(seen[kind].answers["prediction"], told["prediction"], atol=1e-5)


def test_labels_that_hold_are_named(seen: dict[str, Seen]) -> None:
    assert re.search(r'<div class="headline"><b>red, blue</b>', seen["labels"].content)
    assert seen["labels"].content.count('class="share chosen"') == 2
    assert 'aria-label="probability while hue goes from ' in seen["labels"].content


def test_what_strangers_wrote_is_shown_as_it_is(seen: dict[str, Seen]) -> None:
    assert '<span class="label">&lt;/script&gt;</span>' in seen["table"].content
    assert '<option value="&lt;b&gt;">&lt;b&gt;</option>' in seen["table"].content


def test_a_curve_shows_what_another_value_would_give(seen: dict[str, Seen]) -> None:
    assert 'aria-label="probability while length goes from ' in seen["table"].content
    assert 'aria-label="load, 1 ahead (MW) while load goes from 0 to 10"' in seen["series"].content


def test_a_forecast_is_drawn_and_has_its_times(seen: dict[str, Seen]) -> None:
    assert 'aria-label="The newest 6 values of load and their forecast"' in seen["series"].content
    assert "<td>2024-03-02 03:00</td>" in seen["series"].content
