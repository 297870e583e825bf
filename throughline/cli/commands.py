"""`throughline`: runs one stage of a pipeline, or a command about pipelines."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

from throughline import processor
from throughline.errors import ThroughlineError
from throughline.names import named
from throughline.stages.sections import EVERY_STAGE

ROOT = Path()
# As shells count a process that a closed pipe ended.
READER_GONE = 141
MODEL_ENDING = ".onnx"


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 when all went well, 2 for a user's mistake."""
    chosen = _parser().parse_args(arguments)
    try:
        processor.fix()
        _check_names(chosen)
        code = COMMANDS[chosen.command](chosen)
        sys.stdout.flush()
        return code
    except ThroughlineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has seen enough; Python would flush once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = f" at {error.filename}" if error.filename else ""
        print(
            f"error: There must be room on the disk{place}. Received: {error.strerror}. "
            "Make room and run again; outputs are as they were.",
            file=sys.stderr,
        )
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="throughline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for stage in EVERY_STAGE:
        stage_command = commands.add_parser(stage, help=f"run stage {stage} of a pipeline")
        stage_command.add_argument("name", metavar="PIPELINE")
    check = commands.add_parser("check", help="check pipeline files without running anything")
    check.add_argument("names", nargs="*", metavar="PIPELINE")
    wire = commands.add_parser("wire", help="write the dvc.yaml beside each pipeline file")
    wire.add_argument("names", nargs="*", metavar="PIPELINE")
    commands.add_parser("code", help="write code.json: digests of the code that stages run")
    commands.add_parser("schema", help="write the JSON Schema of a pipeline file for editors")
    why = commands.add_parser("why", help="say what would rerun, and what caused it")
    why.add_argument("stage", nargs="?", choices=EVERY_STAGE)
    why.add_argument("name", nargs="?", metavar="PIPELINE")
    scoreboard = commands.add_parser("scoreboard", help="hold all figures against the texts'")
    scoreboard.add_argument("names", nargs="*", metavar="PIPELINE")
    scoreboard.add_argument("--write", action="store_true", help="also into README.md and docs/")
    scoreboard.add_argument("--with", dest="beside", type=Path, help="a project beside this one")
    scoreboard.add_argument("--output", type=Path, help="a file to write the table to")
    profile = commands.add_parser("profile", help="look at data and write a first pipeline file")
    profile.add_argument("data", type=Path, help="a file, a folder or a set of scikit-learn")
    profile.add_argument("--as", dest="name", required=True, metavar="PIPELINE")
    profile.add_argument("--target", metavar="COLUMN", help="default: the likeliest")
    canary = commands.add_parser("canary", help="prove that test rows reach nothing that is fitted")
    canary.add_argument("name", metavar="PIPELINE")
    drift = commands.add_parser("drift", help="compare new rows with those of the training")
    drift.add_argument("name", metavar="PIPELINE", help="or the path of a model file")
    drift.add_argument("data", type=Path, help="a file of new rows")
    costs = commands.add_parser("costs", help="what each stage took: seconds and peak memory")
    costs.add_argument("name", metavar="PIPELINE")
    readmit = commands.add_parser("readmit", help="mend quarantined rows and take them back")
    readmit.add_argument("name", metavar="PIPELINE")
    vectors = commands.add_parser("vectors", help="look at the word vectors of a source")
    vectors.add_argument("name", metavar="PIPELINE")
    vectors.add_argument("action", choices=("nearest", "analogy", "projector"))
    vectors.add_argument("words", nargs="+", help="a word, three words, or a folder")
    vectors.add_argument("--count", type=int, default=5, help="words; default: 5")
    decode = commands.add_parser("decode", help="print training texts as the network sees them")
    decode.add_argument("name", metavar="PIPELINE")
    decode.add_argument("--rows", type=int, default=5, help="texts; default: 5")
    parity = commands.add_parser("parity", help="hold model files against their networks")
    parity.add_argument("name", metavar="PIPELINE")
    parity.add_argument("--rows", type=int, default=1000, help="test rows; default: 1000")
    inspect = commands.add_parser("inspect", help="describe a model file")
    inspect.add_argument("model", type=Path)
    return parser


def _check_names(chosen: argparse.Namespace) -> None:
    """Refuse an argument that names a pipeline and is no name, whatever the command does with it.

    Raises:
        BadName: it would lead elsewhere, or be more than one word of a command.
    """
    given = [*getattr(chosen, "names", ()), getattr(chosen, "name", None)]
    for name in given:
        # `drift` also takes the path of a model file.
        if name is not None and not (chosen.command == "drift" and name.endswith(MODEL_ENDING)):
            named(name, "The name of a pipeline")


def _stage(chosen: argparse.Namespace) -> int:
    from throughline.stages.run import run_stage

    run_stage(chosen.command, chosen.name, ROOT)
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from throughline.cli.check import check

    return check(ROOT, chosen.names)


def _wire(chosen: argparse.Namespace) -> int:
    from throughline.paths import pipelines
    from throughline.stages.wire import wire

    for path in wire(ROOT, chosen.names or pipelines(ROOT)):
        print(f"wrote {path}")
    return 0


def _code(chosen: argparse.Namespace) -> int:
    from throughline.stages.code import refreshed

    print(refreshed(ROOT))
    return 0


def _schema(chosen: argparse.Namespace) -> int:
    from throughline.cli.check import write_schema

    print(f"wrote {write_schema(ROOT)}")
    return 0


def _why(chosen: argparse.Namespace) -> int:
    from throughline.running.why import why

    print(why(ROOT, chosen.stage, chosen.name))
    return 0


def _scoreboard(chosen: argparse.Namespace) -> int:
    from throughline.evaluation.scoreboard import scoreboard
    from throughline.paths import pipelines, replaced

    names = chosen.names or pipelines(ROOT)
    table = scoreboard(ROOT, names, write=chosen.write, beside=chosen.beside)
    if chosen.output:
        with replaced(chosen.output) as draft:
            draft.write_text(f"{table}\n", encoding="utf-8")
    print(table)
    return 0


def _inspect(chosen: argparse.Namespace) -> int:
    from throughline.export.proof.inspection import describe

    print(describe(chosen.model))
    return 0


def _parity(chosen: argparse.Namespace) -> int:
    """Print the contract; 1 when a file departs from its network."""
    from throughline.cli.parity import parity, table

    checks = parity(chosen.name, ROOT, chosen.rows)
    print(table(checks))
    return 1 if any(check.passed is False for check in checks) else 0


def _profile(chosen: argparse.Namespace) -> int:
    from throughline.paths import Workspace
    from throughline.profile.profile import profile

    for path in profile(chosen.data, chosen.name, chosen.target, Workspace(ROOT, chosen.name)):
        print(f"wrote {path}")
    return 0


def _canary(chosen: argparse.Namespace) -> int:
    from throughline.canary.canary import canary
    from throughline.paths import Workspace

    proof = canary(chosen.name, Workspace(ROOT, chosen.name))
    print(
        f"{chosen.name}: {proof.corrupted_rows} test rows corrupted; {proof.files} files of the "
        f"training side and {proof.folds} folds did not move"
    )
    if proof.others:
        print(f"Not looked at, for they train on some of these rows: {', '.join(proof.others)}")
    return 0


def _drift(chosen: argparse.Namespace) -> int:
    """Print the columns that drifted; 1 when there is one."""
    from throughline.drift.drift import drift

    found = drift(chosen.name, chosen.data, ROOT)
    beyond = [entry for entry in found if entry.beyond]
    for entry in beyond:
        print(f"{entry.column}: {', '.join(entry.beyond)} {entry.note}".rstrip())
    print(f"{len(beyond)} of {len(found)} columns drifted")
    return 1 if beyond else 0


def _readmit(chosen: argparse.Namespace) -> int:
    from throughline.cli.readmit import readmit

    print(readmit(ROOT, chosen.name))
    return 0


def _costs(chosen: argparse.Namespace) -> int:
    from throughline.paths import Workspace
    from throughline.stages.costs import costs, table

    print(table(costs(Workspace(ROOT, chosen.name))))
    return 0


def _vectors(chosen: argparse.Namespace) -> int:
    from throughline.cli.vectors import vectors
    from throughline.paths import Workspace

    vectors(Workspace(ROOT, chosen.name), chosen.action, chosen.words, chosen.count)
    return 0


def _decode(chosen: argparse.Namespace) -> int:
    from throughline.cli.decode import decode
    from throughline.paths import Workspace

    print("\n".join(decode(Workspace(ROOT, chosen.name), chosen.rows)))
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    **dict.fromkeys(EVERY_STAGE, _stage),
    "check": _check,
    "wire": _wire,
    "code": _code,
    "schema": _schema,
    "why": _why,
    "scoreboard": _scoreboard,
    "inspect": _inspect,
    "parity": _parity,
    "profile": _profile,
    "canary": _canary,
    "drift": _drift,
    "costs": _costs,
    "readmit": _readmit,
    "vectors": _vectors,
    "decode": _decode,
}


if __name__ == "__main__":
    sys.exit(main())
