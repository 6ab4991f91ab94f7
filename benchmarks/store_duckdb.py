#!/usr/bin/env python3
"""DuckDB on the work of `mdm.store_meter_days`: a row an interval, appended from NumPy columns.

Usage: store_duckdb.py keyed|plain METER_DAYS SLOTS FOLDER      needs duckdb, numpy
The loads are those of BusbarBench/BenchLoad.swift; prints the same totals as every other contestant. `keyed` refuses an
interval that is there already, as the others do; `plain` would take it twice.
"""
import json
import os
import resource
import sys
import time

import duckdb
import numpy as np

KEYED, METER_DAYS, SLOTS, FOLDER = sys.argv[1] == "keyed", int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
FIRST_DAY, DAYS, BATCH = 20_454, 10, 10_000
METERS = (METER_DAYS + DAYS - 1) // DAYS


def core_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def columns(low, high):
    index = np.repeat(np.arange(low, high, dtype=np.int64), SLOTS)
    slot = np.tile(np.arange(SLOTS, dtype=np.int16), high - low)
    hashed = (index * SLOTS + slot).astype(np.uint32) * np.uint32(2_654_435_761) + np.uint32(12_345)
    day = (FIRST_DAY + index // METERS).astype(np.int32)
    estimated = (index % 16 == 5) & (slot >= 10) & (slot < 14)
    return {
        "day": day, "meter_id": 1_000_000 + index % METERS, "slot": slot,
        "wh": ((hashed >> np.uint32(16)) % np.uint32(390) + np.uint32(10)).astype(np.int32),
        "quality": np.where(estimated, 1, 3).astype(np.int16),
        "source": np.where(estimated, 7, 1000 + day.astype(np.int64)),
    }


path = os.path.join(FOLDER, "rows.duckdb")
database = duckdb.connect(path)
database.execute(
    "CREATE TABLE interval_reading (day INTEGER NOT NULL, meter_id BIGINT NOT NULL, slot SMALLINT NOT NULL, "
    "wh INTEGER NOT NULL, quality SMALLINT NOT NULL, source BIGINT NOT NULL"
    + (", PRIMARY KEY (day, meter_id, slot))" if KEYED else ")"))
wall = core = 0.0
for low in range(0, METER_DAYS, BATCH):
    batch = columns(low, min(low + BATCH, METER_DAYS))
    start, used = time.perf_counter(), core_seconds()
    database.execute("INSERT INTO interval_reading SELECT * FROM batch")
    wall, core = wall + time.perf_counter() - start, core + core_seconds() - used
start, used = time.perf_counter(), core_seconds()
database.execute("CHECKPOINT")
database.close()
wall, core = wall + time.perf_counter() - start, core + core_seconds() - used
size = sum(os.path.getsize(os.path.join(FOLDER, name)) for name in os.listdir(FOLDER))
totals = duckdb.connect(path).execute(
    "SELECT COUNT(*), SUM(wh), SUM(CAST(wh AS BIGINT) * (slot + 1)), SUM(CASE quality WHEN 1 THEN 1 ELSE 0 END), "
    "SUM(source), SUM(meter_id) FROM interval_reading").fetchone()
print(json.dumps({
    "meter_days": METER_DAYS, "slots": SLOTS, "wall_s": wall, "client_core_s": core, "server_core_s": 0.0,
    "bytes": size,
    "totals": [int(total) for total in totals],
}))
