#!/usr/bin/env python3
"""numpy on the work of `rating.price_numpy`: the same loads, the same rules, the same exact integers, one thread.

Usage: price_numpy.py [METER_DAYS] [RUNS]      needs numpy
One day of 96 quarter-hours a meter; three bands (solar 09-17, peak 18-22, normal else), a base pack, fixed charge, duty, and
the month to date carried in. Out: paise of energy, fixed charge and duty, and the closing state of every meter.
Prints one JSON object: meter_days, seconds (best run), total_paise and closing (per total of the closing states, the sum of
its remainders by 1,000,003); both sides must agree on all of them.
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


def whole(exact, unit):
    return (exact + unit // 2) // unit  # nothing is negative here


def price():
    energy = np.zeros(N, np.int64)
    day_wh = np.zeros(N, np.int64)
    for low, high, milli in STRETCHES:
        # einsum is the fastest of seven ways tried (sum in 32 or 64 bits, reduceat, masks, matrix products);
        # 32 bits hold a day of these loads.
        part = np.einsum("ij->i", wh[:, low:high]).astype(np.int64)
        day_wh += part
        energy += part * milli
    fixed = FIXED_MICRO * DAY // DAYS - FIXED_MICRO * (DAY - 1) // DAYS
    close_wh, close_energy = mtd_wh + day_wh, open_energy + energy
    close_fixed, close_duty = open_fixed + fixed, open_duty + energy * DUTY_PPM
    paise = (
        whole(close_energy, 10**6) - whole(open_energy, 10**6),
        whole(close_fixed, 10**6) - whole(open_fixed, 10**6),
        whole(close_duty, 10**12) - whole(open_duty, 10**12),
    )
    return paise, (close_wh, close_energy, close_fixed, close_duty)


best = None
for _ in range(RUNS):
    start = time.perf_counter()
    paise, closing = price()
    seconds = time.perf_counter() - start
    best = seconds if best is None else min(best, seconds)
print(json.dumps({
    "meter_days": N,
    "seconds": round(best, 6),
    "total_paise": int(sum(int(part.sum()) for part in paise)),
    "closing": [int((part % 1_000_003).sum()) for part in closing],
}))
