#!/usr/bin/env python3
"""numpy on the work of `rating.price_numpy`: the same loads, the same rules, the same exact integers, one thread.

Usage: price_numpy.py [METER_DAYS] [RUNS]      needs numpy
One day of 96 quarter-hours a meter; three bands (solar 09-17, peak 18-22, normal else), a base pack, fixed charge,
duty, and the month to date carried in. Out: paise of energy, fixed charge and duty, and the closing state of every
meter. Meters are taken in blocks that fit the cache, into arrays that are used again from run to run.
Prints one JSON object: meter_days, seconds (core seconds of each run), total_paise and closing (per total of the
closing states, the sum of its remainders by 1,000,003); both sides must agree on the sums.
"""
import json
import sys
import time

import numpy as np

N = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
NORMAL, SOLAR, PEAK = 600_000, 480_000, 720_000  # milli-paise per kWh
STRETCHES = [(0, 36, NORMAL), (36, 68, SOLAR), (68, 72, NORMAL), (72, 88, PEAK), (88, 96, NORMAL)]
DUTY_PPM = 50_000
FIXED_MICRO = 23_000_000_000  # a month: 110 rupees and 40 a kW for 3 kW
DAY, DAYS = 17, 31

index = np.arange(N * 96, dtype=np.uint32)
wh = ((index * np.uint32(2_654_435_761) + np.uint32(12_345)) >> np.uint32(16)) % np.uint32(390) + np.uint32(10)
wh = wh.astype(np.int32).reshape(N, 96)
mtd_wh = np.arange(N, dtype=np.int64) * 40_503 % 600_000
open_energy = mtd_wh * 613_577
open_duty = open_energy * DUTY_PPM
open_fixed = np.full(N, FIXED_MICRO * (DAY - 1) // DAYS, np.int64)
del index


paise = [np.empty(N, np.int64) for _ in range(3)]
closing = [np.empty(N, np.int64) for _ in range(4)]
BLOCK = min(8192, N)
scratch = [np.empty(BLOCK, np.int64) for _ in range(4)]


def whole(exact, unit, out):
    """Half away from zero; nothing is negative here."""
    np.add(exact, unit // 2, out=out)
    np.floor_divide(out, unit, out=out)


def difference(closed, opened, unit, out, other):
    whole(closed, unit, out)
    whole(opened, unit, other)
    np.subtract(out, other, out=out)


def price_block(low, high):
    rows = slice(low, high)
    energy, day_wh, part, other = (array[: high - low] for array in scratch)
    energy.fill(0)
    day_wh.fill(0)
    for first, last, milli in STRETCHES:
        # einsum is the fastest of seven ways tried (sum in 32 or 64 bits, reduceat, masks, matrix products);
        # 32 bits hold a day of these loads.
        part[:] = np.einsum("ij->i", wh[rows, first:last])
        np.add(day_wh, part, out=day_wh)
        np.multiply(part, milli, out=part)
        np.add(energy, part, out=energy)
    fixed = FIXED_MICRO * DAY // DAYS - FIXED_MICRO * (DAY - 1) // DAYS
    close_wh, close_energy, close_fixed, close_duty = (array[rows] for array in closing)
    np.add(mtd_wh[rows], day_wh, out=close_wh)
    np.add(open_energy[rows], energy, out=close_energy)
    np.add(open_fixed[rows], fixed, out=close_fixed)
    np.multiply(energy, DUTY_PPM, out=part)
    np.add(open_duty[rows], part, out=close_duty)
    difference(close_energy, open_energy[rows], 10**6, paise[0][rows], other)
    difference(close_fixed, open_fixed[rows], 10**6, paise[1][rows], other)
    difference(close_duty, open_duty[rows], 10**12, paise[2][rows], other)


def price():
    for low in range(0, N, BLOCK):
        price_block(low, min(low + BLOCK, N))


# The first run is not counted: it touches all memory for the first time, on both sides.
price()
seconds = []
for _ in range(RUNS):
    start = time.process_time()
    price()
    seconds.append(time.process_time() - start)
print(json.dumps({
    "meter_days": N,
    "total_paise": int(sum(int(part.sum()) for part in paise)),
    "closing": [int((part % 1_000_003).sum()) for part in closing],
    "seconds": [round(run, 6) for run in seconds],
}))
