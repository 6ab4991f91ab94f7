#!/usr/bin/env python3
"""The nightly run as a careful script would do it: numpy prices, sqlite3 stores, a thousand accounts a transaction, on
the disk at each commit. The same loads, tariff and exact integers as `busbar-bench nightly`.

Usage: nightly_sqlite.py ACCOUNTS FOLDER      needs numpy
Prints one JSON object: accounts, total_paise (of the second day), wall_s (reading, pricing and storing it).
"""
import json
import os
import sqlite3
import sys
import time
from datetime import date

import numpy as np

N, FOLDER = int(sys.argv[1]), sys.argv[2]
SLOTS, CHUNK = 48, 1000
FIRST = (date(2026, 3, 10) - date(1970, 1, 1)).days
LIMITS = [0, 5_000, 12_000, 30_000, 1 << 60]  # Wh
RATES = np.array([[305, 244, 366], [695, 556, 834], [990, 792, 1188], [1150, 920, 1380]], np.int64) * 1000
BAND = np.array([1 if 18 <= slot < 34 else 2 if 36 <= slot < 44 else 0 for slot in range(SLOTS)])


def values(day):
    index = np.arange(N, dtype=np.uint64)
    state = index * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(day * 0xBF58476D)
    size = 40 + np.arange(N, dtype=np.int64) * 7919 % 180
    found = np.empty((N, SLOTS), np.int32)
    for slot in range(SLOTS):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        noise = (state >> np.uint64(33)).astype(np.int64) % 80 + 60
        shape = 50 if slot < 11 else 120 if slot < 19 else 80 if slot < 36 else 230 if slot < 45 else 90
        found[:, slot] = shape * size * noise // 10_000
    return found


def rounded(exact, unit):
    return (exact + unit // 2) // unit


def price(wh, mtd_wh, micro, days, watts):
    """Amounts of a day in paise (energy, fixed, duty) and the state after it."""
    after = mtd_wh[:, None] + np.cumsum(wh, axis=1, dtype=np.int64)
    before = after - wh
    closing = micro.copy()
    for step in range(4):
        part = np.clip(np.minimum(after, LIMITS[step + 1]) - np.maximum(before, LIMITS[step]), 0, None)
        closing += part @ RATES[step][BAND]

    def to_date(micro, days):
        energy, fixed = rounded(micro, 10**6), rounded(watts * 5 * days, 31)
        return energy, fixed, rounded((energy + fixed) * 5, 100)

    amounts = [now - then for now, then in zip(to_date(closing, days + 1), to_date(micro, days))]
    return amounts, after[:, -1], closing


readings = sqlite3.connect(os.path.join(FOLDER, "readings.db"))
money = sqlite3.connect(os.path.join(FOLDER, "money.db"), isolation_level=None)
for store in (readings, money):
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
readings.execute("CREATE TABLE day_block (day INTEGER, meter INTEGER, wh BLOB, PRIMARY KEY (day, meter)) WITHOUT ROWID")
money.execute("""CREATE TABLE charge (day INTEGER, account INTEGER, energy_wh INTEGER, energy_paise INTEGER,
  fixed_paise INTEGER, duty_paise INTEGER, total_paise INTEGER, closing_wh INTEGER, closing_micro INTEGER, days INTEGER,
  PRIMARY KEY (day, account)) WITHOUT ROWID""")
money.execute("""CREATE TABLE posting (account INTEGER, entry INTEGER, paise INTEGER, PRIMARY KEY (account, entry))
  WITHOUT ROWID""")
money.execute("CREATE TABLE balance (account INTEGER PRIMARY KEY, paise INTEGER)")
WATTS = np.array([1_000, 2_000, 3_000, 5_000], np.int64)[np.arange(N) % 4]


def store(account, day, amounts, closing_wh, closing_micro, days, wh):
    total = sum(amounts)
    entry = day * 1_000_000 + int(account[0])
    rows = np.stack([np.full_like(account, day), account, wh.sum(axis=1), *amounts, total, closing_wh, closing_micro,
                     np.full_like(account, days)], axis=1).tolist()
    legs = np.stack([account, np.full_like(account, entry), total], axis=1).tolist()
    money.execute("BEGIN IMMEDIATE")
    money.executemany("INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    money.executemany("INSERT INTO posting VALUES (?, ?, ?)", legs)
    money.execute("INSERT INTO posting VALUES (-1, ?, ?)", (entry, -int(total.sum())))
    money.executemany("""INSERT INTO balance VALUES (?, ?)
      ON CONFLICT (account) DO UPDATE SET paise = paise + excluded.paise""",
                      np.stack([account, -total], axis=1).tolist())
    money.execute("COMMIT")
    return int(total.sum())


def run(day):
    sum_paise = 0
    for low in range(0, N, CHUNK):
        rows = readings.execute("""SELECT meter, wh FROM day_block WHERE day = ? AND meter >= ? AND meter < ?
          ORDER BY meter""", (day, low, low + CHUNK)).fetchall()
        account = np.array([row[0] for row in rows], np.int64)
        wh = np.frombuffer(b"".join(row[1] for row in rows), np.int32).reshape(-1, SLOTS)
        opened = money.execute("""SELECT closing_wh, closing_micro, days FROM charge
          WHERE day = ? AND account >= ? AND account < ? ORDER BY account""", (day - 1, low, low + CHUNK)).fetchall()
        state = np.array(opened, np.int64) if opened else np.zeros((len(rows), 3), np.int64)
        days = int(state[0, 2])
        amounts, closing_wh, closing_micro = price(wh, state[:, 0], state[:, 1], days, WATTS[account])
        sum_paise += store(account, day, amounts, closing_wh, closing_micro, days + 1, wh)
    return sum_paise


def arrive(day):
    wh = values(day)
    readings.executemany("INSERT INTO day_block VALUES (?, ?, ?)",
                         ((day, meter, wh[meter].tobytes()) for meter in range(N)))
    readings.commit()


arrive(FIRST)
run(FIRST)
arrive(FIRST + 1)
start = time.perf_counter()
total_paise = run(FIRST + 1)
wall_s = time.perf_counter() - start
print(json.dumps({"accounts": N, "total_paise": total_paise, "wall_s": wall_s}))
