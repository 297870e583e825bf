"""Damaged files, projects and words through every reader and the command.

    python -m benchmarks.fuzzing --count 5000

Each input has 1 GB of memory and 20 s of a processor. It is made by a generator of its number, so
`--first N --count 1` makes input N again and `--first N` goes on where a run was stopped. Exit code
1 where one input broke a promise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.fuzzing.promises import Fuzzing

TOLD_EVERY = 250


def main() -> int:
    """Try all inputs and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--told", action="store_true", help="Print what each input came to.")
    options = parser.parse_args()
    verdicts: Counter[str] = Counter()
    longest, largest, broken, begun = 0.0, 0, 0, time.monotonic()
    index = options.first
    last = options.first + options.count
    with tempfile.TemporaryDirectory() as top:
        fuzzing = Fuzzing(Path(top))
        if wrong := fuzzing.sound():
            print("Sound inputs must be taken, or the others say nothing:", *wrong, sep="\n  ")
            return 2
        try:
            for index in range(options.first, last):
                verdict = fuzzing.tried(index)
                kind = verdict.kind.partition(":")[0]
                verdicts[f"{kind} {'BROKEN' if verdict.broken else verdict.said}"] += 1
                longest = max(longest, verdict.seconds)
                largest = max(largest, verdict.peak_bytes)
                if options.told or options.count == 1:
                    print(f"{index}: {verdict.kind}: {verdict.said}; {fuzzing.output()!r:.300}")
                if verdict.broken:
                    broken += 1
                    print(f"{index}: BROKEN by {verdict.kind}: {verdict.said}", flush=True)
                tried = index + 1 - options.first
                if tried % TOLD_EVERY == 0:
                    print(f"{tried} tried; {_on(index + 1, last)}", flush=True)
        except KeyboardInterrupt:
            print(f"stopped; {_on(index, last)}")
            return 130
    for name, count in sorted(verdicts.items()):
        print(f"{count:6} {name}")
    print(
        f"{sum(verdicts.values())} inputs in {time.monotonic() - begun:.0f} s; at most "
        f"{longest:.1f} s of a processor and {largest / 2**20:.0f} MiB with the libraries; "
        f"{broken} broke a promise"
    )
    return 1 if broken else 0


def _on(first: int, last: int) -> str:
    return f"go on: --first {first} --count {last - first}"


if __name__ == "__main__":
    sys.exit(main())
