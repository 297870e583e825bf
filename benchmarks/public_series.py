"""The 20 series of `benchmarks.forecasts`: from statsmodels, vega_datasets and public files.

Files are found by their sha256 in the folder that THROUGHLINE_MIRROR names; those of vega_datasets
are fetched from the registry where they are not there.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

# The newest rows of long series, so that each takes seconds.
NEWEST = 8_760
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
AIRPORT_HOURS = 2_880

FILES = {
    "passengers": "845fc80c0a9ac37b8daa5c307ee6a5752b9d176aceb2d718c69b28820baa5b0f",
    "retail": "a8dea18b3d67bb6173783c8a7070dc2a44f3d000ecd75af4d3c7f5ed9f6d4859",
    "load": "23f941c7dd843d05be0c029ca8063b66b8ca02d6d0f88173d96f220b09b0241d",
    "jena": "4f5da1bec9f4996d10edf85627c17bf8018e9f6ab9977688f5c00421b9235e00",
    "beijing": "fafc72ad6f154adbbb0c806b1db62cfbc72db3bcbb8eaf1161427e5fc4f9ee21",
    "airports": "dd19bbecdf262da5c35e299a384ba61023ec2f8e2b0fc7655ba6d2500ee0a932",
}
VEGA = {
    "seattle-weather": "62f0609f787158128aa2bd102967173a4953122dd4f872bf1d502cae1037df0b",
    "sf-temps": "3f91699707cfed43ef551394bebef4c2ebe5505157b9be7bff9558eea2fbaaec",
    "us-employment": "0fa5366929bf738ac420509b84ed120155f740b0fa9c265ca309dad4057d1b1b",
    "stocks": "f9953ac6693e587476b4ebf2f0b00d9bb95371ca8c39da4cc6155077b3e417cd",
}


class Case(NamedTuple):
    """A series.

    Attributes:
        what: it is, for the table.
        rows: as a user would have them.
        target: the column that is forecast.
    """

    what: str
    rows: pd.DataFrame
    target: str


def cases(root: Path) -> dict[str, Case]:
    """All series by name.

    Args:
        root: a project, for downloads.

    Raises:
        BadData: a file that is not in the mirror.
    """
    return {**_of_files(root), **_of_vega(root), **_of_statsmodels()}


def _of_files(root: Path) -> dict[str, Case]:
    columns = ["month", "thousands"]
    passengers = _read("passengers", root).set_axis(columns, axis=1).dropna()
    footed = {"skiprows": 7, "skipfooter": 9, "engine": "python", "header": None}
    retail = _read("retail", root, **footed, names=["month", "sales", "adjusted"])
    load = _read("load", root).drop_duplicates("Datetime").sort_values("Datetime")
    jena = _read("jena", root)[["Date Time", "Temperature", "Pressure", "Humidity"]]
    beijing = _read("beijing", root).drop(columns=["No", "cbwd", "Iws", "Is", "Ir"])
    airports = _read("airports", root).groupby("origin").head(AIRPORT_HOURS)
    rain, warmth = (airports[["time_hour", "origin", name]] for name in ("precip", "temp"))
    return {
        "passengers": Case("months, growing season", passengers, "thousands"),
        "retail": Case("months, season", retail[["month", "sales"]], "sales"),
        "load": Case("hours, double season", load.tail(NEWEST), "AEP_MW"),
        "jena": Case("10 minutes", jena.tail(NEWEST), "Temperature"),
        "beijing": Case("hours, blanks", beijing.tail(NEWEST), "pm2.5"),
        "airports, warmth": Case("hours, panel of 3", warmth, "temp"),
        "airports, rain": Case("hours, panel of 3, intermittent", rain, "precip"),
    }


def _read(name: str, root: Path, **options: Any) -> pd.DataFrame:
    import pandas as pd

    from throughline.errors import BadData
    from throughline.sources.fetching.mirror import held
    from throughline.sources.registry import Surroundings

    file = held(FILES[name], name, Surroundings.of(root))
    if file is None:
        raise BadData("THROUGHLINE_MIRROR must hold the benchmark's files", f"none for '{name}'")
    return pd.read_csv(file, **options)


def _of_vega(root: Path) -> dict[str, Case]:
    from throughline.pipeline.schema.source import Source
    from throughline.sources.registry import Surroundings, fetch

    rows = {}
    for name, sha256 in VEGA.items():
        archive = f"pypi:vega_datasets==0.9.0:vega_datasets/_data/{name}.csv"
        section = Source.model_validate({"archive": archive, "sha256": sha256})
        rows[name] = fetch(section, Surroundings.of(root)).frame
    weather, jobs = rows["seattle-weather"], rows["us-employment"]
    return {
        "seattle, warmth": Case("days", weather.drop(columns="weather"), "temp_max"),
        "seattle, rain": Case("days, intermittent", weather[["date", "precipitation"]],
                              "precipitation"),
        "san francisco": Case("hours, climate", rows["sf-temps"], "temp"),
        "employment": Case("months, trend", jobs[["month", "nonfarm"]], "nonfarm"),
        "stocks": Case("months, panel of 5", rows["stocks"], "price"),
    }  # fmt: skip


def _of_statsmodels() -> dict[str, Case]:
    def load(name: str) -> pd.DataFrame:
        data = import_module(f"statsmodels.datasets.{name}").load_pandas().data
        return data.reset_index() if data.index.name or data.shape[1] == 1 else data

    co2 = load("co2").set_axis(["week", "ppm"], axis=1)
    spots, nile = load("sunspots"), load("nile")
    sea = load("elnino").melt("YEAR", var_name="month", value_name="warmth")
    sea["month"] = sea["month"].map(MONTHS.index) + 1
    sea = sea.rename(columns={"YEAR": "year"}).sort_values(["year", "month"])
    orders = load("elec_equip").set_axis(["month", "orders"], axis=1)
    macro = load("macrodata")
    year, quarter = (macro[name].astype(int).astype(str) for name in ("year", "quarter"))
    found = {
        "co2": Case("weeks, blanks", co2.astype({"week": str}), "ppm"),
        "sunspots": Case("years", spots[["YEAR", "SUNACTIVITY"]].astype({"YEAR": int}),
                         "SUNACTIVITY"),
        "nile": Case("years", nile[["year", "volume"]].astype({"year": int}), "volume"),
        "el niño": Case("months, season", sea.astype({"year": int}), "warmth"),
        "equipment": Case("months, season", orders.astype({"month": str}), "orders"),
    }  # fmt: skip
    for name, what in (("realgdp", "quarters, trend"), ("infl", "quarters"), ("unemp", "quarters")):
        rows = macro[[name]].assign(quarter=year + "Q" + quarter)[["quarter", name]]
        found[name] = Case(what, rows, name)
    return found
