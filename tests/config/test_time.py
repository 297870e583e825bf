"""The usual season of a grid."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from throughline.pipeline.schema.time import Time


def season(every: str, **more: int) -> int | None:
    return Time.model_validate({"index": "when", "every": every, "lookback": 1, **more}).cycle


class TestTheUsualSeason:
    @pytest.mark.parametrize(
        ("every", "steps"),
        [
            ("10min", 144),
            ("15min", 96),
            ("30min", 48),
            ("1h", 24),
            ("h", 24),
            ("1d", 7),
            ("mo", 12),
        ],
    )
    def test_of_the_common_grids(self, every: str, steps: int) -> None:
        assert season(every) == steps

    @pytest.mark.parametrize(
        ("every", "steps"), [("3h", 8), ("12h", 2), ("5min", 288), ("20min", 72), ("3600s", 24)]
    )
    def test_is_the_day_of_what_divides_it(self, every: str, steps: int) -> None:
        assert season(every) == steps

    def test_is_the_same_however_a_day_is_written(self) -> None:
        assert season("24h") == season("86400s") == season("d") == 7

    @pytest.mark.parametrize("every", ["5h", "7min", "2d", "1w", "25h"])
    def test_is_none_where_a_day_is_no_whole_steps(self, every: str) -> None:
        assert season(every) is None

    @pytest.mark.parametrize("every", ["1min", "1s"])
    def test_is_none_where_it_would_cost_too_many_windows(self, every: str) -> None:
        assert season(every) is None

    @pytest.mark.parametrize("every", ["1s", "3h", "1mo", "1w"])
    def test_gives_way_to_the_files(self, every: str) -> None:
        assert season(every, season=52) == 52
        with pytest.raises(ValidationError, match="greater than or equal to 1"):
            season(every, season=0)
