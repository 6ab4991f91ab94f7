#!/usr/bin/env python3
"""DuckDB on the work of the mdm benchmarks, with two threads; prints a line of JSON.

Usage: mdm_duckdb.py import FILE FOLDER          a long CSV into a table in a file, checkpointed
       mdm_duckdb.py aggregate METERS FOLDER     a day of 96 intervals a meter, a row an interval, summed by set and
       slot
"""
import json
import os
import resource
import statistics
import sys
import time

import duckdb


def core_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def load(source, folder):
    path = os.path.join(folder, "import.duckdb")
    database = duckdb.connect(path, config={"threads": 2})
    # The columns are named, so that nothing is spent on guessing.
    database.execute("CREATE TABLE reading (meter_id VARCHAR NOT NULL, stamp TIMESTAMP NOT NULL, kwh DOUBLE NOT NULL)")
    start, used = time.perf_counter(), core_seconds()
    database.execute(
        f"INSERT INTO reading SELECT * FROM read_csv('{source}', header=true, delim=',', quote='', escape='', "
        "timestampformat='%Y-%m-%d %H:%M:%S', "
        "columns={'meter_id': 'VARCHAR', 'stamp': 'TIMESTAMP', 'kwh': 'DOUBLE'})")
    database.execute("CHECKPOINT")
    database.close()
    wall, core = time.perf_counter() - start, core_seconds() - used
    rows, wh = duckdb.connect(path).execute(
        "SELECT COUNT(*), SUM(CAST(round(kwh * 1000) AS BIGINT)) FROM reading").fetchone()
    return {"intervals": rows, "wh": int(wh), "wall_s": wall, "client_core_s": core, "bytes": os.path.getsize(path)}


def aggregate(meters, folder):
    path = os.path.join(folder, "day.duckdb")
    database = duckdb.connect(path, config={"threads": 2})
    database.execute(f"""
        CREATE TABLE reading AS SELECT 1000000 + i // 96 AS meter_id, CAST(i % 96 AS SMALLINT) AS slot,
          CAST((((i * 2654435761 + 12345) % 4294967296) >> 16) % 390 + 10 AS INTEGER) AS wh
        FROM range({meters} * 96) AS t(i)""")
    database.execute("CHECKPOINT")
    times = []
    for _ in range(7):
        start = time.perf_counter()
        sums = database.execute(
            "SELECT meter_id % 100, slot, SUM(wh) FROM reading GROUP BY 1, 2").fetchall()
        times.append(time.perf_counter() - start)
    return {"wh": int(sum(row[2] for row in sums)), "median_s": statistics.median(times), "highest_s": max(times)}


folder = sys.argv[3]
print(json.dumps(load(sys.argv[2], folder) if sys.argv[1] == "import" else aggregate(int(sys.argv[2]), folder)))
