#!/usr/bin/env python3
"""Independent calculation of what `busbar reliability --json` says. Standard library only.

Usage:  reliability_oracle.py FILE --customers N [--from DAY] [--to DAY] [--threshold-min 5] [--zone ZONE]
                              [--check FILE]
  FILE    outages: id,start,end,customers,planned, or the layout of a watched outage map; plain or .gz
  --check the document that busbar printed (or - for standard input); exit code 1 when any figure differs

Sums are exact fractions; only the threshold of major event days uses floats (compared to 2 millionths of a minute).
The bounds of CAIDI are found another way than Busbar's: by sorting, and by trying every split of the sorted list.
"""
import argparse
import calendar
import csv
import gzip
import json
import math
import statistics
import sys
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo


def instants(text, zone):
    """Every instant that the text may mean."""
    stamp = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if stamp.tzinfo:
        return [int(stamp.timestamp())]
    found = set()
    for fold in (0, 1):
        at = stamp.replace(tzinfo=zone, fold=fold)
        if at.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) == stamp:
            found.add(int(at.timestamp()))
    if not found:
        raise ValueError(text)
    return sorted(found)


def customers(text):
    text = text.strip().lower()
    for prefix in ("less than ", "<"):
        if text.startswith(prefix):
            limit = int(text[len(prefix):])
            return (1, limit // 2, limit - 1)
    if "-" in text:
        low, high = (int(part) for part in text.split("-"))
        return (low, low + (high - low) // 2, high)
    return (int(text),) * 3


def read(path, zone, open_until):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", newline="") as handle:
        for row in csv.DictReader(handle):
            if "gone_by_utc" in row:
                start = instants(row["first_StartDateTime"], zone)
                first = customers(row["first_Customers"])
                last = customers(row["last_Customers"]) if row["last_Customers"] else first
                count = (min(first[0], last[0]), max(first[1], last[1]), max(first[2], last[2]))
                low = max(instants(row["last_seen_utc"], zone)[0], start[0])
                high = instants(row["gone_by_utc"], zone)[0]
                low, high = min(low, high), max(low, high)
                end, planned = (low, low + (high - low) // 2, high), False
            else:
                start = instants(row["start"], zone)
                count = customers(row["customers"])
                planned = (row.get("planned") or "").lower() in ("1", "true", "yes")
                if row["end"]:
                    ends = instants(row["end"], zone)
                    end = (ends[0], ends[0], ends[-1])
                else:
                    end = (start[0], max(open_until, start[-1]), max(open_until, start[-1]))
            yield {"start": (start[0], start[0], start[-1]), "end": end, "count": count, "planned": planned}


def rounded(value):
    """Half away from zero."""
    return None if value is None else int(math.floor(abs(value) + Fraction(1, 2))) * (1 if value >= 0 else -1)


def over(top, bottom, unit=1):
    return None if bottom <= 0 else rounded(Fraction(top * 1_000_000, bottom * unit))


def three(values, bottom, unit=1):
    return dict(zip(("low", "likely", "high"), (over(value, bottom, unit) for value in values)))


def duration(outage):
    (s0, s1, s2), (e0, e1, e2) = outage["start"], outage["end"]
    return (max(0, e0 - s2), max(0, e1 - s1), max(0, e2 - s0))


def extreme_mean(parts, highest):
    """parts: (seconds, counts, low customers, high customers). The best of every split of the sorted list."""
    counted = sorted((part for part in parts if part[1]), key=lambda part: part[0], reverse=highest)
    carried = sum(part[0] * part[3 if highest else 2] for part in parts if not part[1])
    top = carried + sum(part[0] * part[2] for part in counted)
    bottom = sum(part[2] for part in counted)
    best = Fraction(top, bottom) if bottom else None
    for seconds, _, low, high in counted:
        top += seconds * (high - low)
        bottom += high - low
        if bottom:
            mean = Fraction(top, bottom)
            best = mean if best is None else max(best, mean) if highest else min(best, mean)
    return None if best is None else rounded(best * 1_000_000 / 60)


def indices(outages, begin, end, served, limit):
    sustained = momentary = 0
    seconds, interruptions, short, parts = [0] * 3, [0] * 3, [0] * 3, []
    for outage in outages:
        lasts, count = duration(outage), outage["count"]
        begins = begin <= outage["start"][1] < end
        sure, likely, possible = (value > limit for value in lasts)
        spans = [max(0, min(e, end) - max(s, begin)) for s, e in zip(reversed(outage["start"]), outage["end"])]
        spans[1] = max(0, min(outage["end"][1], end) - max(outage["start"][1], begin))
        for index, holds in enumerate((sure, likely, possible)):
            if holds:
                seconds[index] += spans[index] * count[index]
                interruptions[index] += count[index] if begins else 0
        if begins:
            for index, holds in enumerate((not possible, not likely, not sure)):
                short[index] += count[index] if holds else 0
            sustained += likely
            momentary += not likely
        if possible and (begins or spans[2] > 0):
            low = spans[0] if sure else min(spans[2], max(spans[0], limit + 1 if begins else 0))
            parts.append((low, spans[2], begins, count[0] if sure else 0, count[2]))
    whole = served * (end - begin)
    available = [over(whole - value, whole) for value in (seconds[2], seconds[1], seconds[0])]
    return {
        "sustainedEvents": sustained, "momentaryEvents": momentary,
        "saidiMicroMinutes": three(seconds, served, 60), "saifiPPM": three(interruptions, served),
        "caidiMicroMinutes": {
            "low": extreme_mean([(p[0], p[2], p[3], p[4]) for p in parts], False),
            "likely": over(seconds[1], interruptions[1], 60),
            "high": extreme_mean([(p[1], p[2], p[3], p[4]) for p in parts], True)},
        # No outage of these files has a place, so each short one stands for itself.
        "maifiPPM": three(short, served), "maifiEPPM": three(short, served),
        "asaiPPM": dict(zip(("low", "likely", "high"), available)),
        "customerSecondsLow": seconds[0], "customerSecondsLikely": seconds[1], "customerSecondsHigh": seconds[2],
        "interruptionsLow": interruptions[0], "interruptionsLikely": interruptions[1],
        "interruptionsHigh": interruptions[2]}


def report(options):
    zone = ZoneInfo(options.zone)

    def start_of(day):
        return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())

    def day_of(instant):
        return datetime.fromtimestamp(instant, zone).date()

    until = start_of(date.fromisoformat(options.to) + timedelta(days=1)) if options.to else None
    outages = list(read(options.file, zone, until))
    first = date.fromisoformat(options.since) if options.since else day_of(min(o["start"][1] for o in outages))
    last = date.fromisoformat(options.to) if options.to else day_of(max(o["end"][1] for o in outages))
    limit = options.threshold_min * 60
    daily = {}
    for outage in outages:
        lasts = duration(outage)[1]
        if not outage["planned"] and lasts > limit:
            day = day_of(outage["start"][1])
            if first <= day <= last:
                daily[day] = daily.get(day, 0) + lasts * outage["count"][1]
    logs = [math.log(value / options.customers / 60) for value in daily.values() if value > 0]
    threshold = None
    if len(logs) >= 2:
        alpha, beta = statistics.fmean(logs), statistics.stdev(logs)
        threshold = math.exp(alpha + 2.5 * beta)
    major = sorted(day for day, value in daily.items() if threshold and value / options.customers / 60 > threshold)

    def part(a, b):
        begin, end = start_of(a), start_of(b + timedelta(days=1))
        unplanned = [o for o in outages if not o["planned"]]
        return {
            "from": str(a), "to": str(b),
            "all": indices(unplanned, begin, end, options.customers, limit),
            "withoutMajor": indices([o for o in unplanned if day_of(o["start"][1]) not in major], begin, end,
                                    options.customers, limit),
            "planned": indices([o for o in outages if o["planned"]], begin, end, options.customers, limit)}

    months, month = [], first.replace(day=1)
    while month <= last:
        ends = month.replace(day=calendar.monthrange(month.year, month.month)[1])
        months.append(part(max(first, month), min(last, ends)))
        month = ends + timedelta(days=1)
    return {"outages": len(outages), "majorDays": [str(day) for day in major], "months": months,
            "whole": part(first, last),
            "threshold": threshold and {"days": len(logs), "microMinutes": round(threshold * 1e6)}}


def compare(mine, theirs, place=""):
    """Every figure of mine must stand in theirs. Returns how many were compared and which differ."""
    if isinstance(mine, dict):
        results = [compare(value, (theirs or {}).get(key), f"{place}.{key}") for key, value in mine.items()]
    elif isinstance(mine, list):
        if len(mine) != len(theirs or []):
            return 1, [f"{place}: {len(mine)} here, {len(theirs or [])} there"]
        results = [compare(a, b, f"{place}[{index}]") for index, (a, b) in enumerate(zip(mine, theirs))]
    elif place.endswith("threshold.microMinutes"):
        return 1, [] if theirs is not None and abs(mine - theirs) <= 2 else [f"{place}: {mine} here, {theirs} there"]
    else:
        return 1, [] if mine == theirs else [f"{place}: {mine} here, {theirs} there"]
    return sum(count for count, _ in results), [line for _, lines in results for line in lines]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--customers", type=int, required=True)
    parser.add_argument("--from", dest="since")
    parser.add_argument("--to")
    parser.add_argument("--threshold-min", type=int, default=5)
    parser.add_argument("--zone", default="Asia/Kolkata")
    parser.add_argument("--check")
    options = parser.parse_args()
    mine = report(options)
    if not options.check:
        print(json.dumps(mine, sort_keys=True))
        return
    theirs = json.load(sys.stdin if options.check == "-" else open(options.check))
    count, differing = compare(mine, theirs)
    for line in differing[:20]:
        print(line)
    print(f"{count} figures compared, {len(differing)} differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
