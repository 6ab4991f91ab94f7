#!/usr/bin/env python3
"""DuckDB on the work of `rating.price_duckdb`: the loads, tariffs and states of price_numpy.py as tables, a row an
interval; one query prices the day. Prints one JSON object: meter_days, minor (sums by component), seconds: core seconds
by threads, as if none had ever waited.

Usage: price_duckdb.py METER_DAYS RUNS THREADS
"""
import json
import sys
import time

import duckdb

METERS, RUNS, THREADS = (int(word) for word in sys.argv[1:4])
database = duckdb.connect(config={"threads": THREADS})
database.execute(f"""
    CREATE TABLE reading AS SELECT CAST(i // 96 AS INTEGER) AS meter, CAST(i % 96 AS TINYINT) AS slot,
      CAST((((i * 2654435761 + 12345) % 4294967296) >> 16) % 390 + 10 AS INTEGER) AS wh
    FROM range({METERS} * 96) AS t(i)""")
database.execute("""
    CREATE TABLE price AS SELECT k AS tariff, s AS slab,
      CASE s WHEN 0 THEN 0 ELSE (s * 200 - 100 + 2 * k) * 1000 END AS low,
      CASE s WHEN 3 THEN 1152921504606846976 ELSE (s * 200 + 100 + 2 * k) * 1000 END AS high,
      [305, 695, 990, 1150][s + 1] * 1000 + k * 1000 + s * 137 AS normal,
      [305, 695, 990, 1150][s + 1] * 800 + k * 1000 + s * 137 + 11 AS solar,
      [305, 695, 990, 1150][s + 1] * 1200 + k * 1000 + s * 137 + 22 AS peak
    FROM range(16) AS a(k), range(4) AS b(s)""")
# Each slab of each tariff as columns, one row a tariff: a join of one row a meter.
COLUMNS = [f"max({column}) FILTER (slab = {slab}) AS {column}{slab}"
           for column in ("low", "high", "normal", "solar", "peak") for slab in range(4)]
database.execute("CREATE TABLE tariff AS SELECT tariff, (100 + tariff) * 100 AS month, " + ", ".join(COLUMNS)
                 + " FROM price GROUP BY tariff")


def energy(prefix):
    total = f"({prefix}0 + {prefix}1 + {prefix}2)"
    slabs = " + ".join(
        f"greatest(least({total}, high{s}) - low{s}, 0) * ({prefix}0 * normal{s} + {prefix}1 * solar{s} + "
        f"{prefix}2 * peak{s})" for s in range(4))
    unit = f"(greatest({total}, 1) * 1000000)"
    return f"({slabs} + {unit} // 2) // {unit}"


database.execute(f"""
    CREATE TABLE meter AS SELECT CAST(i AS INTEGER) AS meter, (i * 40503 >> 4) % 16 AS tariff,
      i * 40503 % 300000 AS o0, i * 30011 % 200000 AS o1, i * 20021 % 100000 AS o2 FROM range({METERS}) AS t(i)""")
database.execute(f"""
    CREATE TABLE state AS SELECT meter, tariff, o0, o1, o2, {energy('o')} AS energy, (month * 2 + 31) // 62 AS fixed,
      (energy * 50000 + 500000) // 1000000 AS duty FROM meter JOIN tariff USING (tariff)""")
QUERY = f"""
    WITH day AS (
      SELECT meter, CAST(sum(wh) FILTER (slot < 36 OR slot BETWEEN 68 AND 71 OR slot >= 88) AS BIGINT) AS d0,
        CAST(sum(wh) FILTER (slot BETWEEN 36 AND 67) AS BIGINT) AS d1,
        CAST(sum(wh) FILTER (slot BETWEEN 72 AND 87) AS BIGINT) AS d2
      FROM reading GROUP BY meter),
    closing AS (
      SELECT meter, tariff, o0 + d0 AS c0, o1 + d1 AS c1, o2 + d2 AS c2, energy, fixed, duty
      FROM day JOIN state USING (meter)),
    priced AS (
      SELECT {energy('c')} AS closed, closed - energy AS energy, (month * 4 + 31) // 62 - fixed AS fixed,
        (closed * 50000 + 500000) // 1000000 - duty AS duty
      FROM closing JOIN tariff USING (tariff))
    SELECT sum(energy), sum(fixed), sum(duty) FROM priced"""
seconds = []
for run in range(RUNS + 1):
    start = time.process_time()
    minor = database.execute(QUERY).fetchone()
    if run:
        seconds.append((time.process_time() - start) / THREADS)
print(json.dumps({"meter_days": METERS, "minor": [int(value) for value in minor],
                  "seconds": [round(run, 6) for run in seconds]}))
