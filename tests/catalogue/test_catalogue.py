"""The catalogue: every pipeline file is right, and the default ones need no network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from throughline.cli.check import problems_of
from throughline.errors import BadPipeline, ThroughlineError
from throughline.paths import Workspace, pipelines
from throughline.pipeline.loading import load
from throughline.stages.digests.code import FILE, refreshed
from throughline.stages.wire import wired

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "guards" / "cases"
TEXTBOOKS = ROOT / "textbooks"
PROJECTS = {name: project for project in (ROOT, TEXTBOOKS) for name in pipelines(project)}
NAMES = sorted(PROJECTS)
DEFAULT = ["circles", "digits", "iris", "line-17", "moons", "wine"]
# Every row of a text that ends in a table, and what had to become a pipeline of its own.
TABULAR = {
    *("attrition", "banknotes", "blobs", "boston", "circles", "digits", "digits-regularised"),
    *("housing", "iris", "line-17", "moons", "pima", "titanic", "titanic-sex", "visits"),
    *("visits-line", "weight-height", "wifi", "wine"),
}
PICTURES = {
    *("cifar-cnn", "clock", "faces", "filters", "imagenet", "mnist-cnn", "mnist-dense"),
    *("sports", "sports-fine-tuned"),
}
# Systems that the texts explore or draw without a single figure.
EXPLORED = {"blobs", "clock", "digits-regularised", "imagenet", "titanic", "visits-line"}
EXPLORED |= {"next-word", "passengers", "skip-grams", "vectors"}
# Other rows stand in for the texts' own, which are not to be had: their figures are no claims here.
STANDING_IN = {"jena", "load-1h", "load-36h", "stations", "weather"}
WITHOUT_FIGURES = EXPLORED | STANDING_IN


def test_every_tabular_system_is_there() -> None:
    assert set(NAMES) >= TABULAR


def test_every_system_of_pictures_is_there() -> None:
    assert set(NAMES) >= PICTURES


@pytest.mark.parametrize("project", [ROOT, TEXTBOOKS])
def test_the_digests_of_the_code_are_those_of_the_code(project: Path) -> None:
    before = (project / FILE).read_text()
    assert refreshed(project).read_text() == before, "run `throughline code`"


@pytest.mark.parametrize("name", NAMES)
class TestEveryPipelineFile:
    def test_passes_check(self, name: str) -> None:
        assert list(problems_of(Workspace(PROJECTS[name], name))) == []

    def test_is_wired(self, name: str) -> None:
        wired(Workspace(PROJECTS[name], name))

    def test_names_licence_and_origin(self, name: str) -> None:
        source = load(Workspace(PROJECTS[name], name)).main.source
        assert source.licence
        made = source.rows is not None or source.generator is not None
        generated = made or (source.sklearn or "").startswith("make_")
        assert source.citation or generated

    def test_address_is_fixed_for_ever(self, name: str) -> None:
        source = load(Workspace(PROJECTS[name], name)).main.source
        if source.url is not None:
            # A branch moves, a commit stays, and so do the files that Keras itself fetches.
            keras = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
            assert re.search(r"/[0-9a-f]{40}/", source.url) or source.url.startswith(keras)
        if source.url is not None or source.archive is not None:
            assert source.sha256 is not None

    def test_says_what_must_hold_of_its_rows(self, name: str) -> None:
        rules = [
            kind
            for rule in load(Workspace(PROJECTS[name], name)).main.expectations.rules
            for kind in rule
        ]
        assert "expect_table_row_count_to_equal" in rules
        assert len(rules) > 1

    def test_holds_the_figures_of_its_text(self, name: str) -> None:
        claims = load(Workspace(PROJECTS[name], name)).main.claims
        assert bool(claims) != (name in WITHOUT_FIGURES)
        assert all(claim.at for claim in claims)

    def test_compares_with_the_trivial_baseline(self, name: str) -> None:
        main = load(Workspace(PROJECTS[name], name)).main
        assert main.problem.baseline in [comparison.model for comparison in main.compare]


class TestDefaultPipelines:
    @pytest.mark.parametrize("name", DEFAULT)
    def test_need_no_network(self, name: str) -> None:
        assert load(Workspace(PROJECTS[name], name)).main.source.kind in ("sklearn", "rows")


class TestLeakyBoston:
    """The listing whose target is one of its features is no pipeline of ours."""

    def workspace(self, tmp_path: Path, case: str) -> Workspace:
        folder = tmp_path / "pipelines" / case
        folder.mkdir(parents=True)
        (folder / "pipeline.yaml").write_text((CASES / case / "pipeline.yaml").read_text())
        return Workspace(tmp_path, case)

    def test_by_its_name_it_is_refused_before_anything_runs(self, tmp_path: Path) -> None:
        with pytest.raises(BadPipeline, match=r"columns\.LSTAT: the target 'LSTAT' cannot"):
            load(self.workspace(tmp_path, "boston-leak"))

    def test_under_another_name_its_rows_give_it_away(self, tmp_path: Path) -> None:
        import pandas as pd

        from throughline.guards.examine import enforce, examine
        from throughline.samples.splits.parts import parts

        main = load(self.workspace(tmp_path, "boston-leak-copied")).main
        # The guard needs no real prices: any column beside its copy.
        made = {f"feature_{i}": [(7 * i + j * j) % 101 for j in range(200)] for i in range(1, 14)}
        rows = pd.DataFrame(made)
        rows["price"] = rows["feature_13"]
        assigned = parts(rows, main.split)
        found = examine(rows, assigned, list(rows.columns[:-1]), main.target, main.task, main.split)
        with pytest.raises(
            ThroughlineError, match="'feature_13' is the target 'price' in disguise"
        ):
            enforce(found)
