"""Takes pictures of every kind of page, wide and narrow, and says where one does not fit.

`python -m benchmarks.pages [PROJECT] [PIPELINE ...]` opens the pages of built pipelines in a
headless Chromium and writes docs/pages/NAME-PAGE-WIDTH.webp. By default the project is this one and
the pipelines are all that have a report. The exit code is 1 where a page is wider than its window.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.browser import Browser, chromium
from throughline.paths import pipelines
from throughline.report.page import INDEX, PAGES, existing

WIDTHS = (1400, 390)
FOLDER = Path("docs/pages")
# Of a longer page the beginning.
HIGHEST = 2400
# Names of elements that reach beyond the window, and of texts of a chart that do.
WIDER = """(() => {
  const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > width) found.push("the page");
  for (const each of document.querySelectorAll("main *")) {
    if (each.closest(".scroll > *, pre > *") || each.closest("svg")) continue;
    if (each.getBoundingClientRect().right > width + 1) found.push(each.tagName.toLowerCase());
  }
  for (const chart of document.querySelectorAll("svg.chart")) {
    const left = chart.getBoundingClientRect().left;
    for (const text of chart.querySelectorAll("text"))
      if (text.getBoundingClientRect().left < left - 2) found.push(`“${text.textContent}”`);
  }
  return [...new Set(found)];
})()"""

# Once a page that runs a model has answered, or has said why not; of other pages, at once.
READY = """new Promise((told) => {
  const begun = Date.now();
  const look = () => {
    const waits = document.getElementById("request") && !document.querySelector("#request pre");
    if (waits && !document.querySelector(".warning") && Date.now() - begun < 60000)
      setTimeout(look, 50);
    else told(true);
  };
  look();
})"""


def pages(project: Path, names: list[str]) -> dict[str, Path]:
    """The pages that are there, by the name of their picture."""
    reports = project / "reports"
    found = {"index": reports / INDEX}
    for name in names:
        found |= {
            f"{name}-{word}": reports / name / PAGES[word] for word in existing(reports / name)
        }
    return {name: path for name, path in found.items() if path.exists()}


def main(project: Path = Path(), *names: str) -> int:
    """Write the pictures; returns the exit code."""
    program = chromium()
    if program is None:
        print("skipped: there is no Chromium here; install one, such as Debian's `chromium`")
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    wide = 0
    with Browser(program) as browser:
        for name, path in pages(project, list(names) or pipelines(project)).items():
            for width in WIDTHS:
                browser.open(path, width)
                browser.run(READY)
                beyond = browser.run(WIDER)
                wide += bool(beyond)
                picture = FOLDER / f"{name}-{width}.webp"
                picture.write_bytes(browser.picture(HIGHEST, 0.5 if width > 500 else 0.75))
                print(f"{picture}: {', '.join(beyond) + ' too wide' if beyond else 'fits'}")
    return int(wide > 0)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2]), *sys.argv[2:]))
