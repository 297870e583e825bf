"""What the intervals and verdicts of a report cover, simulated through the functions that make it.

Run: python -m benchmarks.honesty [--repetitions 400] [--only WORD]

Each line is a cell: what is drawn, how many rows, what was meant to be covered, in how many of the
repetitions with an interval it was, and in how many a report gives none, because too few rows
decide. A share of 400 repetitions is known to about 2 points.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.honesty.coverage import classes, groups, numbers, series
from benchmarks.honesty.draws import Cell, Part
from benchmarks.honesty.selection import selection
from benchmarks.honesty.verdicts import nights, verdicts

PARTS: tuple[Part, ...] = (classes, numbers, groups, series, verdicts, nights, selection)


def measure(cell: Cell, repetitions: int) -> tuple[float, float]:
    """The share of repetitions in which what the cell asks happened, of those that show something.

    Returns:
        that share, and the share of those that show nothing.
    """
    generator = np.random.default_rng(1)
    found = [cell.hit(generator) for _ in range(repetitions)]
    shown = [hit for hit in found if hit is not None]
    return sum(shown) / max(1, len(shown)), 1 - len(shown) / len(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    print("| what | rows | nominal | measured | no interval |\n|---|--:|---|--:|--:|")
    for part in PARTS:
        for cell in part():
            if asked.only in f"{part.__name__} {cell.what}":
                share, none = measure(cell, asked.repetitions)
                shown = f"{share:.1%} | {f'{none:.1%}' if none else ''} |"
                print(f"| {cell.what} | {cell.rows} | {cell.nominal} | {shown}", flush=True)


if __name__ == "__main__":
    main()
