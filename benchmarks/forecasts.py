"""`python -m benchmarks.forecasts`: 20 series, drafted by `profile` and built, nothing edited.

Each is written as a CSV file, drafted and taken through every stage; its report holds the model
against the simple forecasters on the same test windows, one step ahead. Printed is MASE; the last
lines are the means, and in how many series the draft is not behind the better of exponential
smoothing and linear autoregression. Seconds are the processor's. 1 where its mean is behind the
smaller of their means.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.public_series import Case, cases
from throughline.paths import Workspace, read_json

OTHERS = ("persistence", "seasonal-persistence", "drift", "ETS", "linear-autoregression")
SIMPLE = ("ETS", "linear-autoregression")
PARAMETERS = "seed: 0\nbackend: tensorflow\ndevice: cpu\ninstructions: avx2\nthreads: 1\n"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 when the draft's mean MASE is behind."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasts", description=__doc__)
    parser.add_argument("names", nargs="*", help="of series; all without any")
    chosen = parser.parse_args(arguments)
    found: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as folder:
        print("| series | | windows | draft | " + " | ".join(OTHERS) + " | seconds |")
        print("|---|---|" + "---|" * (len(OTHERS) + 3))
        for number, (name, case) in enumerate(cases(Path(folder)).items()):
            if chosen.names and name not in chosen.names:
                continue
            began = time.process_time()
            windows, found[name] = measured(Path(folder), f"series-{number}", case)
            figures = " | ".join(_cell(found[name].get(other)) for other in ("draft", *OTHERS))
            seconds = time.process_time() - began
            print(f"| {name} | {case.what} | {windows} | {figures} | {seconds:.0f} |", flush=True)
    means = {other: _mean(found, other) for other in ("draft", *OTHERS)}
    print("| mean | | | " + " | ".join(map(_cell, means.values())) + " | |")
    better = [min(each[name] for name in SIMPLE) for each in found.values()]
    ours = [each["draft"] for each in found.values()]
    kept = sum(mine <= best for mine, best in zip(ours, better, strict=True))
    print(f"\nnot behind the better of {' and '.join(SIMPLE)}: {kept} of {len(found)}")
    return int(means["draft"] > min(means[name] for name in SIMPLE))


def measured(root: Path, name: str, case: Case) -> tuple[int, dict[str, float]]:
    """The test windows of a draft, and MASE of it and of each simple forecaster."""
    from throughline.pipeline.yaml_file import YamlFile
    from throughline.profile.profile import profile
    from throughline.stages.declared import stages_of
    from throughline.stages.run import run_stage

    workspace = Workspace(root, name)
    workspace.parameters_file.write_text(PARAMETERS)
    rows = root / f"{name}.csv"
    case.rows.to_csv(rows, index=False)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        profile(rows, name, case.target, workspace)
        for stage in stages_of(YamlFile(workspace.pipeline_file).content):
            run_stage(stage.name, name, root)
    report = read_json(workspace.evaluation / "report.json")["branches"]["main"]
    found = {each["name"]: each["metrics"]["mase"]["value"] for each in report["comparisons"]}
    return report["rows"]["test"], {"draft": report["metrics"]["mase"]["value"], **found}


def _mean(found: dict[str, dict[str, float]], other: str) -> float | None:
    """Over the series that have it; None where some have no season."""
    values = [each[other] for each in found.values() if other in each]
    return float(np.mean(values)) if len(values) == len(found) else None


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
