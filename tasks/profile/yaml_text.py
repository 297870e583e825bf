"""A draft as the text of a pipeline file."""

from __future__ import annotations

from typing import Any

from tasks.profile.draft import Draft


def as_text(draft: Draft) -> str:
    """The pipeline file, one line a setting, with the notes as comments."""
    import yaml

    def flow(value: Any) -> str:
        text = yaml.safe_dump(
            value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True
        )
        return text.removesuffix("\n").removesuffix("\n...")

    lines = []
    for key, value in draft.sections.items():
        if key == "columns":
            lines += [f"# {note}" for note in draft.notes]
        if key in ("columns", "training"):
            entries = [(flow(name), inner) for name, inner in value.items()]
            lines.append(f"{key}:")
            lines += [f"  {k}: {flow(v)}" if v is not None else f"  {k}:" for k, v in entries]
        elif key == "network" and value:
            lines += [f"{key}:", *(f"  - {flow(layer)}" for layer in value)]
        elif key == "expectations":
            lines.append(f"{key}:")
            lines += [f"  {k}: {flow(v)}" for k, v in value.items() if k != "rules"]
            lines += ["  rules:", *(f"    - {flow(rule)}" for rule in value["rules"])]
        else:
            lines.append(f"{key}: {flow(value)}")
    return "\n".join(lines) + "\n"
