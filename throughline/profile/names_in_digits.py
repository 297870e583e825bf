"""Whole numbers that name things: customers, places, goods. None of them is more than another."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.profile.moments import written_in_numbers
from throughline.sources.table import LARGEST_EXACT

if TYPE_CHECKING:
    import pandas as pd

NAMED = re.compile(
    r"(?i:(.*[ _-])?(id|code|nbr|sku|zip|zipcode|zip[ _-]?code|postcode|postal[ _-]?code|plz))"
    r"|.*[a-z](ID|Id|Code)"
)
# What is called so may count or measure as well, and names things where the digits say so too.
NUMBERED = re.compile(
    r"(?i:(?:.*[ _-])?(?:postal|phone|telephone|telefon|tel|mobile|cell|fax|iban|account|acct|ssn|"
    r"ean(?:[ _-]?\d+)?|gtin|upc|isbn(?:[ _-]?1[03])?|issn|imei|vat|tva|tin|nif|siren|siret|bsn|"
    r"npi|fips|naics|sic|barcode|passport|"
    r"(?:(?:phone|telephone|mobile|cell|fax|account|acct|customer|client|card|policy|invoice|order|"
    r"serial|passport|tax|vat|licen[cs]e|member|membership|student|employee|staff|patient|case|"
    r"ticket|contract|vehicle|registration|part|item|product|article|tel|ean|isbn|bank|routing)"
    r"[ _-]?(?:no|nr|num|number)\.?)|[a-zäöü]{3,}(?:nummer|nr))"
    r"|code[ _-]postal|c[oó]digo[ _-]postal)"
)
# Digits of the middle nine tenths of such numbers: so many, and nearly as many in each, or more.
FEWEST_DIGITS, MOST_APART, MANY_DIGITS = 4, 1, 7
# Fewer are told by their numbers as well.
FEWEST = 3


def names_in_digits(frame: pd.DataFrame, whole: Collection[str]) -> dict[str, str]:
    """For each column of whole numbers that are names what shows it.

    Args:
        frame: the rows.
        whole: the columns whose numbers their source has as whole ones, also where some are
            missing; a column of floats would not come back as it was.
    """
    found = {}
    for name in map(str, frame.columns):
        column = frame[name]
        if name not in whole or column.dtype.kind not in "if":
            continue
        present = column.dropna()
        if present.empty or (present % 1 != 0).any():
            continue
        if column.dtype.kind == "i" and present.abs().max() > LARGEST_EXACT:
            if not written_in_numbers(name, present):
                most = f"{LARGEST_EXACT:,}"
                found[name] = f"whole numbers beyond {most} lose digits as quantities: texts"
        elif _names_things(name, present) and present.nunique() >= FEWEST:
            found[name] = (
                f"{present.nunique()} numbers that name things, by the column's own: texts"
            )
    return found


def categories_in_numbers(file: Path) -> dict[str, str]:
    """For each column of whole numbers that a Parquet file's writer had as categories what to say.

    Parquet itself has categories of texts alone; the writer's schema stands beside its own.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        written = (parquet.read_metadata(file).metadata or {}).get(b"ARROW:schema")
        schema = pa.ipc.read_schema(pa.BufferReader(b64decode(written))) if written else []
    except (pa.ArrowException, OSError, ValueError):
        return {}
    return {
        field.name: "numbers that its writer had as categories: texts"
        for field in schema
        if pa.types.is_dictionary(field.type) and pa.types.is_integer(field.type.value_type)
    }


def _names_things(name: str, present: pd.Series) -> bool:
    """Whether whole numbers are names by the column's own; what numbers the rows is left alone."""
    from throughline.guards.identifiers import identifying

    if NAMED.fullmatch(name):
        return not identifying(name, present)
    if not NUMBERED.fullmatch(name) or present.min() < 0:
        return False
    lengths = present.astype("int64").astype(str).str.len()
    low, high = lengths.quantile(0.05), lengths.quantile(0.95)
    return bool(low >= MANY_DIGITS or (low >= FEWEST_DIGITS and high - low <= MOST_APART))
