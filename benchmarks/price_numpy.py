#!/usr/bin/env python3
"""numpy on the work of `rating.price_numpy`: the same loads, the same rules, the same exact integers, one thread.

Usage: price_numpy.py dense|sliced [METER_DAYS] [RUNS]      needs numpy
One day of 96 quarter-hours a meter. Each meter has one of 16 tariffs of four telescopic slabs by three bands (normal,
solar 09-17, peak 18-22), whose slabs are spread over the bands as the month's energy is; a fixed charge by the day;
duty on energy. The month to date is carried in: energy by band and what was charged. Each component is rounded to date
and a day is the difference. Out: what each component charged and the closing state of every meter.
`dense` works with whole arrays; `sliced` with blocks of meters that fit the cache, in arrays that are used again.
Prints one JSON object: meter_days, seconds (core seconds of each run) and minor (sums by component).
"""
import json
import sys
import time

import numpy as np

STYLE = sys.argv[1]
N = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
RUNS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
TARIFFS = 16
PERIOD = np.array([1 if 36 <= q < 68 else 2 if 72 <= q < 88 else 0 for q in range(96)], np.int8)
STRETCHES = [(0, 36, 0), (36, 68, 1), (68, 72, 0), (72, 88, 2), (88, 96, 0)]
RATE, PERCENT = [305, 695, 990, 1150], [100, 80, 120]
PRICE = np.array([[[RATE[s] * PERCENT[b] * 10 + k * 1000 + s * 137 + b * 11 for b in range(3)] for s in range(4)]
                  for k in range(TARIFFS)], np.int64)  # thousandths of a paisa per kWh
LOW = np.array([[0] + [(limit + 2 * k) * 1000 for limit in (100, 300, 500)] for k in range(TARIFFS)], np.int64)
HIGH = np.array([[(limit + 2 * k) * 1000 for limit in (100, 300, 500)] + [1 << 60] for k in range(TARIFFS)], np.int64)
MONTH = np.array([(100 + k) * 100 for k in range(TARIFFS)], np.int64)  # paise
FIXED_OPEN, FIXED_CLOSE = (MONTH * 2 + 31) // 62, (MONTH * 4 + 31) // 62  # after one day and after two of 31
DUTY_PPM = 50_000

meter = np.arange(N, dtype=np.int64)
pack = ((meter * 40_503 >> 4) % TARIFFS).astype(np.intp)
opening = np.stack([meter * 40_503 % 300_000, meter * 30_011 % 200_000, meter * 20_021 % 100_000])
index = np.arange(N * 96, dtype=np.uint32)
wh = ((index * np.uint32(2_654_435_761) + np.uint32(12_345)) >> np.uint32(16)) % np.uint32(390) + np.uint32(10)
wh = wh.astype(np.int32).reshape(N, 96)
del index, meter


def energy_to_date(bands, packs):
    """Paise of energy for the month to date; nothing is negative here."""
    total = bands[0] + bands[1] + bands[2]
    exact = np.zeros(len(packs), np.int64)
    for slab in range(4):
        part = np.minimum(total, HIGH[packs, slab]) - LOW[packs, slab]
        np.maximum(part, 0, out=part)
        worth = sum(bands[band] * PRICE[packs, slab, band] for band in range(3))
        exact += part * worth
    unit = np.maximum(total, 1) * 1_000_000
    return (exact + unit // 2) // unit


def duty_to_date(energy):
    return (energy * DUTY_PPM + 500_000) // 1_000_000


open_energy = energy_to_date(opening, pack)
open_duty = duty_to_date(open_energy)
open_fixed = FIXED_OPEN[pack]


def dense():
    """Whole arrays, as one writes it down."""
    closing = np.stack([opening[band] + wh[:, PERIOD == band].sum(1, dtype=np.int64) for band in range(3)])
    energy = energy_to_date(closing, pack)
    duty = duty_to_date(energy)
    fixed = FIXED_CLOSE[pack]
    return energy - open_energy, fixed - open_fixed, duty - open_duty


BLOCK = min(4096, N)
closing = np.empty((3, N), np.int64)
closed = [np.empty(N, np.int64) for _ in range(3)]
charged = [np.empty(N, np.int64) for _ in range(3)]
total, part, worth, exact, other = (np.empty(BLOCK, np.int64) for _ in range(5))
COLUMNS = [[np.ascontiguousarray(PRICE[:, slab, band]) for band in range(3)] for slab in range(4)]
LOWS, HIGHS = (np.ascontiguousarray(limits.T) for limits in (LOW, HIGH))


def block(low, high):
    rows, size = slice(low, high), high - low
    packs = pack[rows]
    t, p, w, e, o = total[:size], part[:size], worth[:size], exact[:size], other[:size]
    bands = [closing[band, rows] for band in range(3)]
    for band in range(3):
        np.copyto(bands[band], opening[band, rows])
    for first, last, band in STRETCHES:
        # einsum is the fastest of seven ways tried; 32 bits hold a day of these loads.
        np.add(bands[band], np.einsum("ij->i", wh[rows, first:last]), out=bands[band])
    np.add(bands[0], bands[1], out=t)
    np.add(t, bands[2], out=t)
    e.fill(0)
    for slab in range(4):
        np.take(HIGHS[slab], packs, out=p, mode="clip")
        np.minimum(t, p, out=p)
        np.subtract(p, np.take(LOWS[slab], packs, out=o, mode="clip"), out=p)
        np.maximum(p, 0, out=p)
        np.multiply(bands[0], np.take(COLUMNS[slab][0], packs, out=o, mode="clip"), out=w)
        for band in (1, 2):
            np.take(COLUMNS[slab][band], packs, out=o, mode="clip")
            np.multiply(o, bands[band], out=o)
            np.add(w, o, out=w)
        np.multiply(p, w, out=p)
        np.add(e, p, out=e)
    np.maximum(t, 1, out=t)
    np.multiply(t, 1_000_000, out=t)
    np.add(e, np.floor_divide(t, 2, out=o), out=e)
    energy, fixed, duty = (array[rows] for array in closed)
    np.floor_divide(e, t, out=energy)
    np.take(FIXED_CLOSE, packs, out=fixed, mode="clip")
    np.multiply(energy, DUTY_PPM, out=duty)
    np.add(duty, 500_000, out=duty)
    np.floor_divide(duty, 1_000_000, out=duty)
    np.subtract(energy, open_energy[rows], out=charged[0][rows])
    np.subtract(fixed, open_fixed[rows], out=charged[1][rows])
    np.subtract(duty, open_duty[rows], out=charged[2][rows])


def sliced():
    for low in range(0, N, BLOCK):
        block(low, min(low + BLOCK, N))
    return charged


price = {"dense": dense, "sliced": sliced}[STYLE]
# The first run is not counted: it touches all memory for the first time, on all sides.
price()
seconds = []
for _ in range(RUNS):
    start = time.process_time()
    amounts = price()
    seconds.append(time.process_time() - start)
print(json.dumps({"meter_days": N, "minor": [int(part.sum()) for part in amounts],
                  "seconds": [round(run, 6) for run in seconds]}))
