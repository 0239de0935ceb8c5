"""The peer of `luna bench features`: the same columns of the same rows, by pandas.

Arguments: file of prices (64-bit floats, a quarter hour each), seconds since 1970 of the first,
days before the first row, file for the columns (32-bit floats, row by row), rounds. Prints the
seconds of each round as JSON.
"""

import json
import sys
import time

import numpy as np
import pandas as pd

ZONE = "Europe/Zurich"
HOUR = 4
DAY = 24 * HOUR


def features(prices, skipped_days):
    """One row per quarter hour from the day `skipped_days` on, seen from the day before it."""
    frame = pd.DataFrame({"price": prices, "date": prices.index.tz_localize(None).normalize()})
    frame["hour"] = frame.index.hour
    frame["slot"] = frame["hour"] * HOUR + frame.index.minute // 15
    frame["hour_sin"] = np.sin(2 * np.pi * frame["slot"] / DAY)
    frame["weekday"] = frame.index.weekday
    frame["month"] = frame.index.month

    # A doubled hour counts as the mean of both, a skipped one as the mean of those beside it.
    grid = frame.groupby(["date", "slot"])["price"].mean().unstack()
    grid = grid.fillna((grid.shift(HOUR, axis=1) + grid.shift(-HOUR, axis=1)) / 2)
    lags = {
        "lag_24h": grid.shift(1),
        "lag_48h": grid.shift(2),
        "lag_168h": grid.shift(7),
        "lag_336h": grid.shift(14),
        "price_slot_mean_7d": grid.rolling(7).mean().shift(1),
    }
    by_slot = pd.DataFrame({name: values.stack() for name, values in lags.items()})

    by_date = frame.groupby("date")["price"]
    ends = pd.DataFrame({
        "date": frame["date"],
        "price_mean_24h": prices.rolling(DAY).mean(),
        "price_mean_168h": prices.rolling(7 * DAY).mean(),
    }).groupby("date").last()
    days = pd.DataFrame({
        "price_mean_24h": ends["price_mean_24h"].shift(1),
        "price_mean_168h": ends["price_mean_168h"].shift(1),
        "anchor_mean": by_date.mean().shift(1),
        "anchor_min": by_date.min().shift(1),
        "anchor_max": by_date.max().shift(1),
        "anchor_std": by_date.std(ddof=0).shift(1),
        "price_week_ago_mean": by_date.mean().shift(7),
    })

    rows = frame[frame["date"] >= grid.index[skipped_days]]
    rows = rows.join(by_slot, on=["date", "slot"]).join(days, on="date")
    return rows[[
        "hour", "hour_sin", "weekday", "month",
        "lag_24h", "lag_48h", "lag_168h", "lag_336h",
        "price_mean_24h", "price_mean_168h", "price_slot_mean_7d",
        "anchor_mean", "anchor_min", "anchor_max", "anchor_std", "price_week_ago_mean",
    ]].astype("float32")


def main():
    source, first_s, skipped_days, target, rounds = sys.argv[1:]
    values = np.fromfile(source)
    start = pd.Timestamp(int(first_s), unit="s", tz="UTC")
    index = pd.date_range(start, periods=len(values), freq="15min").tz_convert(ZONE)
    prices = pd.Series(values, index=index)
    seconds = []
    for _ in range(int(rounds)):
        started = time.perf_counter()
        table = features(prices, int(skipped_days))
        seconds.append(time.perf_counter() - started)
    table.to_numpy().tofile(target)
    print(json.dumps(seconds))


main()
