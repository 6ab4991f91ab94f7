#!/usr/bin/env python3
"""Independent calculation of what a load file costs under a rate file. Standard library only, exact integers only.

Usage:  rate_oracle.py LOAD RATE [--zone Asia/Kolkata] [--meters N] [--period SECONDS]
  LOAD  wide CSV (stamp, then a column for each meter) or long CSV (id, stamp, kWh), plain or .gz; kWh decimals,
        rounded half away from zero to whole Wh; stamps name the start of a slot
  RATE  the same JSON as `busbar rate` reads:
    {"format": 1, "sanctionedW": 5000,
     "base":   {"format": 1, "id": "...", "version": 1, "name": "...",
                "calendar": {"bands": [{"name": "peak", "ranges": [{"fromMinute": 1080, "toMinute": 1320}]}, ...]},
                "milliPaisePerKWh": {"peak": 720000, ...},
                "fixedPaisePerMonth": 0, "fixedPaisePerKWPerMonth": 0, "dutyPPM": 50000},
     "addOns": [{"format": 1, "id": "...", "version": 1, "name": "...", "weekdays": [6, 7],
                 "from": "2026-01-01", "to": "2026-01-31", "maximumLoadW": 2000,
                 "prices": [{"band": "peak", "milliPaisePerKWh": 1}, {"fromMinute": 0, "toMinute": 60, ...}]}]}
    (addOns, from, to, maximumLoadW, weekdays, the fixed charges and dutyPPM may be left out)

Prints CSV: meter,day,baseEnergy,addOnEnergy,fixed,duty,total in paise, ordered by meter as in the file, then by day.

Rules: a slot belongs to the minute of the wall clock at which it starts. Of the add-ons that hold on the day, cover the
minute and whose maximum load the slot's average keeps, the cheapest prices the slot; else the base pack. Each component
is rounded once a day, as the difference of the rounded month to date after and before it, half away from zero. A month
starts at zero. The fixed charge of day k of n is F*k/n - F*(k-1)/n, each cut to 1e-6 paise. Duty is a share of both energy
components. A slot without a value counts nothing; a day without any value is not charged at all.
"""
import argparse
import csv
import datetime as dt
import gzip
import io
import json
import sys
import zoneinfo
from collections import Counter, defaultdict

MICRO = 10**6


def half_away(numerator, unit):
    whole, rest = divmod(abs(numerator), unit)
    whole += 2 * rest >= unit
    return whole if numerator >= 0 else -whole


def watt_hours(text):
    """'0.0865' -> 87; None where there is no value."""
    text = text.strip()
    if text.lower() in ("", "na", "n/a", "nan", "null", "-"):
        return None
    sign = -1 if text[0] == "-" else 1
    whole, _, part = text.lstrip("+-").partition(".")
    if not (whole + part).isdigit() or len(part) > 9:
        raise ValueError(f"not kWh: {text!r}")
    return sign * half_away(int((whole or "0") + part) * 1000, 10 ** len(part))


def instant(text, zone):
    stamp = dt.datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("/", "-"))
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)


def rows_of(path):
    raw = open(path, "rb").read()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    return csv.reader(io.StringIO(raw.decode("utf-8-sig")))


def readings(path, zone, keep):
    """Yields (meter, local time of the slot's start, Wh), the file's meters in order of first appearance."""
    rows = rows_of(path)
    header = next(rows)
    lower = [name.lower() for name in header]
    id_column = next((i for i, n in enumerate(lower) if any(w in n for w in ("id", "meter", "customer"))), None)
    if len(header) <= 4 and id_column is not None:
        time_column = next(i for i, n in enumerate(lower) if "time" in n or "date" in n or "stamp" in n)
        value_column = next(i for i, n in enumerate(lower) if "kwh" in n or "energy" in n)
        allowed = {}
        for row in filter(None, rows):
            meter = row[id_column].strip()
            if meter not in allowed:
                allowed[meter] = keep is None or len(allowed) < keep
            if allowed[meter]:
                yield meter, instant(row[time_column], zone).astimezone(zone), watt_hours(row[value_column])
        return
    names = header[1:] if keep is None else header[1:][:keep]
    for row in filter(None, rows):
        local = instant(row[0], zone).astimezone(zone)
        for name, cell in zip(names, row[1:]):
            yield name, local, watt_hours(cell)


def by_meter_and_day(path, zone, keep):
    loads = defaultdict(lambda: defaultdict(dict))
    for meter, local, wh in readings(path, zone, keep):
        if wh is not None:
            loads[meter][local.date()].setdefault((local.timestamp(), local.hour * 60 + local.minute), wh)
    return loads


def capture_period(loads):
    steps = Counter()
    for days in loads.values():
        for slots in days.values():
            times = sorted(stamp for stamp, _ in slots)
            steps.update(int(b - a) for a, b in zip(times, times[1:]))
    return steps.most_common(1)[0][0]


class Rate:
    def __init__(self, document):
        self.base, self.add_ons = document["base"], document.get("addOns", [])
        self.sanctioned_w = document["sanctionedW"]
        self.duty_ppm = self.base.get("dutyPPM", 0)
        self.bands = {b["name"]: [(r["fromMinute"], r["toMinute"]) for r in b["ranges"]]
                      for b in self.base["calendar"]["bands"]}
        self.base_price = {}
        for name, ranges in self.bands.items():
            for low, high in ranges:
                self.base_price.update(dict.fromkeys(range(low, high), self.base["milliPaisePerKWh"][name]))
        assert sorted(self.base_price) == list(range(1440)), "the bands do not tile the day"

    def offers(self, day):
        """For the day: (price, maximum load, covered minutes) of every add-on price that holds, cheapest first."""
        found = []
        for pack in self.add_ons:
            if day.isoweekday() not in pack.get("weekdays", range(1, 8)):
                continue
            if not pack.get("from", "0000") <= day.isoformat() <= pack.get("to", "9999"):
                continue
            for price in pack["prices"]:
                ranges = self.bands[price["band"]] if "band" in price else [(price["fromMinute"], price["toMinute"])]
                minutes = {m for low, high in ranges for m in range(low, high)}
                found.append((price["milliPaisePerKWh"], pack.get("maximumLoadW"), minutes))
        return sorted(found, key=lambda offer: offer[0])

    def energy(self, day, slots, period):
        """Micro-paise of the day by base pack and by add-ons."""
        offers = self.offers(day)
        base = add_on = 0
        for (_, minute), wh in slots.items():
            for price, limit_w, minutes in offers:
                if minute in minutes and (limit_w is None or wh * 3600 <= limit_w * period):
                    add_on += wh * price
                    break
            else:
                base += wh * self.base_price[minute]
        return base, add_on

    def fixed(self, day):
        month = (self.base.get("fixedPaisePerMonth", 0) * MICRO
                 + self.base.get("fixedPaisePerKWPerMonth", 0) * self.sanctioned_w * 1000)
        count = ((day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)).day
        return month * day.day // count - month * (day.day - 1) // count


def charges(rate, days, period):
    """(day, [base, add-on, fixed, duty] in paise) for one meter. Totals are kept in 1e-12 paise."""
    month, totals = None, None
    for day in sorted(days):
        if (day.year, day.month) != month:
            month, totals = (day.year, day.month), [0, 0, 0, 0]
        base, add_on = rate.energy(day, days[day], period)
        steps = [base * MICRO, add_on * MICRO, rate.fixed(day) * MICRO, (base + add_on) * rate.duty_ppm]
        after = [total + step for total, step in zip(totals, steps)]
        yield day, [half_away(a, MICRO * MICRO) - half_away(b, MICRO * MICRO) for a, b in zip(after, totals)]
        totals = after


def main():
    parser = argparse.ArgumentParser(description="Independent price of a load file, paise per meter and day.")
    parser.add_argument("load")
    parser.add_argument("rate")
    parser.add_argument("--zone", default="Asia/Kolkata")
    parser.add_argument("--meters", type=int, help="only the first N meters of the file")
    parser.add_argument("--period", type=int, help="capture period in seconds; found from the stamps when left out")
    options = parser.parse_args()
    loads = by_meter_and_day(options.load, zoneinfo.ZoneInfo(options.zone), options.meters)
    with open(options.rate, encoding="utf-8") as file:
        rate = Rate(json.load(file))
    period = options.period or capture_period(loads)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["meter", "day", "baseEnergy", "addOnEnergy", "fixed", "duty", "total"])
    for meter, days in loads.items():
        for day, paise in charges(rate, days, period):
            out.writerow([meter, day.isoformat(), *paise, sum(paise)])


if __name__ == "__main__":
    main()
