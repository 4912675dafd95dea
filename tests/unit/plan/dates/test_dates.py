# SPDX-License-Identifier: Apache-2.0
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deidgate.errors import ConfigurationError
from deidgate.plan.dates import InvalidDate, Keep, Remove, Shift, Truncate, change_age, change_date, dummy_date

DATES = st.dates(datetime.date(1850, 1, 1), datetime.date(2150, 12, 31))
DAYS = st.integers(-3650, 3650)


def da(date):
    return f"{date:%Y%m%d}".rjust(8, "0")


def parsed(text):
    return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8]))


@settings(deadline=None)
@given(DATES, DATES, DAYS)
def test_intervals_between_dates_survive_a_shift(first, second, days):
    a, b = (parsed(change_date("DA", da(d), Shift(days))) for d in (first, second))
    assert b - a == second - first


@settings(deadline=None)
@given(st.datetimes(datetime.datetime(1850, 1, 1), datetime.datetime(2150, 1, 1)), DAYS)
def test_a_date_time_shifts_as_its_date_does_and_keeps_its_time(moment, days):
    text = f"{moment:%Y%m%d%H%M%S.%f}+0130"
    assert change_date("DT", text, Shift(days)) == change_date("DA", text[:8], Shift(days)) + text[8:]


@settings(deadline=None)
@given(DATES, DAYS)
def test_shifting_back_gives_the_original(date, days):
    assert change_date("DA", change_date("DA", da(date), Shift(days)), Shift(-days)) == da(date)


@settings(deadline=None)
@given(DATES, DATES, DAYS, st.sampled_from([4, 6, 8]))
def test_order_of_date_times_of_one_precision_is_never_turned_round(first, second, days, digits):
    first, second = sorted((da(first)[:digits], da(second)[:digits]))
    assert change_date("DT", first, Shift(days)) <= change_date("DT", second, Shift(days))


@settings(deadline=None)
@given(
    DATES,
    DAYS,
    st.sampled_from(["", "12", "1234", "123456", "123456.7", "123456.789012"]),
    st.sampled_from(["", "+0000", "-0330"]),
)
def test_precision_of_a_date_time_is_kept(date, days, time, zone):
    for digits in (4, 6, 8) if not time else (8,):
        value = da(date)[:digits] + time + zone
        assert len(change_date("DT", value, Shift(days))) == len(value)
        assert change_date("DT", value, Keep()) == value


@pytest.mark.parametrize(
    ("value", "days", "result"),
    [
        ("20000228", 1, "20000229"),
        ("19000228", 1, "19000301"),
        ("20240229", 365, "20250228"),
        ("20231231", 1, "20240101"),
        ("2001.07.05", -5, "2001.06.30"),
        ("20010705\\20010706", 1, "20010706\\20010707"),
        ("20010705 ", 1, "20010706"),
        ("", 1, ""),
    ],
)
def test_a_shift_goes_over_month_year_and_leap_day(value, days, result):
    assert change_date("DA", value, Shift(days)) == result


@pytest.mark.parametrize(
    ("vr", "value", "operation", "result"),
    [
        ("DA", "19610422", Truncate("month"), "19610415"),
        ("DA", "19610422", Truncate("month", day=1), "19610401"),
        ("DA", "19610422", Truncate("year"), "19610115"),
        ("DA", "1961.04.22", Truncate("month"), "1961.04.15"),
        ("DT", "1961", Truncate("month"), "1961"),
        ("DT", "196104", Truncate("year"), "196101"),
        ("DT", "19610422101530.5-0500", Truncate("month"), "19610415101530.5-0500"),
        ("TM", "101530", Truncate("year"), "101530"),
    ],
)
def test_truncation_keeps_what_was_asked_and_the_precision(vr, value, operation, result):
    assert change_date(vr, value, operation) == result


@pytest.mark.parametrize("value", ["10", "1015", "101530", "101530.123456", "10:15:30", "235960", "101530\\101531"])
def test_times_of_day_are_not_moved_by_whole_days(value):
    assert change_date("TM", value, Shift(-41)) == value


@pytest.mark.parametrize("vr", ["DA", "TM", "DT"])
def test_remove_leaves_nothing(vr):
    assert change_date(vr, "anything", Remove()) is None


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("DA", "20010230"),
        ("DA", "00000000"),
        ("DA", "2001"),
        ("DA", "20010101-20010201"),
        ("DA", "2001-07-05"),
        ("DA", "2001.0705"),
        ("DA", "SMITH"),
        ("DA", "٢٠٠١٠٧٠٥"),
        ("DA", "20010705\\bad"),
        ("TM", "24"),
        ("TM", "1060"),
        ("TM", "10153"),
        ("TM", "101530-111530"),
        ("DT", "200113"),
        ("DT", "2001070525"),
        ("DT", "20010705+1500"),
        ("DT", "20010705+0275"),
        ("DT", "200107051015.5"),
        ("DT", "20010705-20010706"),
    ],
)
@pytest.mark.parametrize("operation", [Keep(), Shift(1), Truncate("month")])
def test_what_is_no_date_is_refused_and_not_repeated(vr, value, operation):
    with pytest.raises(InvalidDate) as caught:
        change_date(vr, value, operation)
    assert caught.value.code == "invalid-date"
    assert value not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(("value", "days"), [("00010101", -1), ("99991231", 1)])
def test_a_shift_out_of_the_calendar_is_refused(value, days):
    with pytest.raises(InvalidDate):
        change_date("DA", value, Shift(days))


@pytest.mark.parametrize("day", [0, 29, 31])
def test_a_day_that_some_month_lacks_cannot_be_configured(day):
    with pytest.raises(ConfigurationError):
        Truncate("month", day=day)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("091Y", "090Y"),
        ("120Y", "090Y"),
        ("999M", "999M"),
        ("999D", "999D"),
        ("052W", "052W"),
        ("65Y", "65Y"),
        ("", ""),
    ],
)
def test_ages_over_89_years_become_one_category(value, result):
    assert change_age(value) == result


@pytest.mark.parametrize("value", ["ninety", "91", "0091Y", "91y", "-01Y"])
def test_what_is_no_age_is_refused(value):
    with pytest.raises(InvalidDate):
        change_age(value)


@pytest.mark.parametrize("vr", ["DA", "TM", "DT"])
def test_dummies_are_valid_values_of_their_vr(vr):
    assert change_date(vr, dummy_date(vr), Keep()) == dummy_date(vr)


def test_the_dummy_age_is_an_age():
    assert change_age(dummy_date("AS")) == dummy_date("AS")
