"""`throughline try`: the page that asks a pipeline's model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.errors import BadData, MissingFile, ThroughlineError
from throughline.paths import Workspace, replaced

# Of a model; a browser holds its text, its bytes and the runtime's copy at the same time.
MOST_BYTES = 256 << 20
KNOWN = ("task", "target", "window", "reading", "states", "samples")


def tried(root: Path, name: str) -> Path:
    """Write `reports/NAME/try.html`, which asks the pipeline's model in a browser.

    Raises:
        MissingFile: no such pipeline, or its model has not been made.
        BadRequest: the file is no model.
        BadData: it is too large for a browser, or the runtime cannot be had.
        Unreachable: the registry of the runtime does not answer.
    """
    from throughline.sources.registry import Surroundings
    from throughline.trial.runtime import runtime
    from throughline.trial.trial_page import page

    workspace = Workspace(root, name)
    model = _model(workspace)
    description = _shown(workspace)
    content = page(description, model, runtime(Surroundings.of(root)))
    path = root / "reports" / name / "try.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as draft:
        # A title of a stranger's model may hold half a character.
        draft.write_bytes(content.encode("utf-8", "replace"))
    return path


def _model(workspace: Workspace) -> bytes:
    path = workspace.model
    if not path.exists():
        from throughline.pipeline.loading import load

        load(workspace)
        raise MissingFile(
            f"A model is asked once it is there: {path}",
            "none",
            f"Run `throughline run {workspace.name}` first",
        )
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise BadData(
            f"A model that runs in a browser has at most {MOST_BYTES >> 20} MiB: {path}",
            f"{size >> 20} MiB",
            f"Ask it by `throughline predict {path} ROWS`",
        )
    return path.read_bytes()


def _shown(workspace: Workspace) -> dict[str, Any]:
    """What `described` says, once a page can hold it: a stranger's metadata may be anything."""
    from throughline.serving.bounds import stranger
    from throughline.serving.errors import BadRequest
    from throughline.trial.trial_page import in_script

    try:
        with stranger(workspace.model, passes=(Exception,)):
            description = described(workspace)
        in_script(description)
        return description
    except (ThroughlineError, BadRequest):
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BadData(
            f"'{workspace.model}' must have metadata that a page can show",
            f"{type(error).__name__}: {error}",
            "Make it anew by `throughline export`",
        ) from None


def described(workspace: Workspace) -> dict[str, Any]:
    """What the page is told of the model, see `page.page`."""
    from throughline.serving.predictor import Predictor
    from throughline.trial.examples import examples
    from throughline.trial.trial_page import REPORT

    predictor = Predictor(workspace.model)
    known = predictor.metadata
    description: dict[str, Any] = {
        "pipeline": workspace.name,
        "title": str(known.get("title") or workspace.name),
        "model": workspace.model.relative_to(workspace.root).as_posix(),
        "inputs": [{"name": name, **entry} for name, entry in predictor.inputs.items()],
        "outputs": predictor.outputs,
        "report": (workspace.root / "reports" / workspace.name / REPORT).exists(),
        **{key: known[key] for key in KNOWN if key in known},
    }
    return description | {"examples": examples(workspace, description)}
