// The SQL that domains may write: each text must give the same rows on both engines.
import SQL

struct DialectCase {
    var name: String
    /// Statements without rows that come first; rolled back with the case.
    var before: [String] = []
    var kinds: String
    var sql: String
    var parameters: [SQLValue] = []
    var rows: [[SQLValue]]
}

extension DialectCase {
    static let all = placeholders + writing + reading + values

    private static let placeholders = [
        DialectCase(
            name: "placeholders out of order", kinds: "t", sql: "SELECT $2 || $1", parameters: ["b", "a"],
            rows: [["ab"]]),
        DialectCase(
            name: "a placeholder used twice", kinds: "i",
            sql: "SELECT meter_id FROM meter WHERE phases = $1 OR meter_id = $1 ORDER BY meter_id", parameters: [3],
            rows: [[2], [3], [4]]),
        DialectCase(
            name: "eleven placeholders", kinds: "i",
            sql: "SELECT $11 - $1 - $2 - $3 - $4 - $5 - $6 - $7 - $8 - $9 - $10",
            parameters: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100], rows: [[45]]),
        DialectCase(
            name: "a large value beside a small literal", kinds: "i",
            sql: "SELECT CASE WHEN $1 > 0 THEN $1 + 1 ELSE 0 END", parameters: [5_000_000_000],
            rows: [[5_000_000_001]]),
        DialectCase(
            name: "an optional filter that is off", kinds: "i",
            sql: "SELECT COUNT(*) FROM meter WHERE phases = $1 OR $1 IS NULL", parameters: [nil], rows: [[5]]),
        DialectCase(
            name: "an optional filter that is on", kinds: "i",
            sql: "SELECT COUNT(*) FROM meter WHERE phases = $1 OR $1 IS NULL", parameters: [3], rows: [[2]]),
        DialectCase(
            name: "a value in the list of a select that inserts", kinds: "iit",
            sql: """
                INSERT INTO meter (meter_id, serial, phases, note)
                SELECT meter_id + $1, serial || $2, $3, $4 FROM meter WHERE meter_id <= 2
                RETURNING meter_id, phases, note
                """, parameters: [10, "x", nil, "copy"], rows: [[11, nil, "copy"], [12, nil, "copy"]]),
        DialectCase(
            name: "LIMIT and OFFSET bound", kinds: "i",
            sql: "SELECT meter_id FROM meter ORDER BY meter_id LIMIT $1 OFFSET $2",
            parameters: [2, 1], rows: [[2], [3]]),
    ]

    private static let writing = [
        DialectCase(
            name: "INSERT RETURNING", kinds: "it",
            sql: "INSERT INTO meter (meter_id, serial) VALUES ($1, $2) RETURNING meter_id, note", parameters: [9, "N"],
            rows: [[9, nil]]),
        DialectCase(
            name: "UPSERT RETURNING", kinds: "it",
            sql: """
                INSERT INTO meter (meter_id, serial, note) VALUES ($1, $2, $3)
                ON CONFLICT (meter_id) DO UPDATE SET note = excluded.note || '!', phases = meter.phases
                RETURNING phases, note
                """, parameters: [2, "other", "new"], rows: [[3, "new!"]]),
        DialectCase(
            name: "UPSERT with a condition that does not hold", kinds: "i",
            sql: """
                INSERT INTO reading (meter_id, day, energy_wh) VALUES (1, 10, 1)
                ON CONFLICT (meter_id, day) DO UPDATE SET energy_wh = excluded.energy_wh
                WHERE excluded.energy_wh > reading.energy_wh RETURNING energy_wh
                """, rows: []),
        DialectCase(
            name: "ON CONFLICT DO NOTHING", kinds: "i",
            sql: "INSERT INTO meter (meter_id, serial) VALUES (1, 'twice') ON CONFLICT DO NOTHING RETURNING meter_id",
            rows: []),
        DialectCase(
            name: "ON CONFLICT of a partial unique index",
            before: ["CREATE UNIQUE INDEX one_note ON meter (note) WHERE phases = 3"], kinds: "i",
            sql: """
                INSERT INTO meter (meter_id, serial, phases, note) VALUES (8, 'P', 3, 'roof')
                ON CONFLICT (note) WHERE phases = 3 DO UPDATE SET phases = 1 RETURNING meter_id
                """, rows: [[2]]),
        DialectCase(
            name: "UPDATE FROM a select", kinds: "ii",
            sql: """
                UPDATE meter SET phases = s.total
                FROM (SELECT meter_id, CAST(SUM(energy_wh) AS BIGINT) AS total FROM reading GROUP BY meter_id) AS s
                WHERE s.meter_id = meter.meter_id AND meter.meter_id = 1 RETURNING meter.meter_id, phases
                """, rows: [[1, 350]]),
        DialectCase(
            name: "DELETE RETURNING", kinds: "i",
            sql: "DELETE FROM reading WHERE meter_id = 2 AND day = 11 RETURNING energy_wh", rows: [[8]]),
        DialectCase(
            name: "several rows of VALUES", kinds: "i",
            sql: "INSERT INTO meter (meter_id, serial) VALUES (21, 'u'), (22, 'v') RETURNING meter_id",
            rows: [[21], [22]]),
        DialectCase(
            name: "a default", before: ["INSERT INTO reading (meter_id, day, energy_wh) VALUES (3, 1, 5)"], kinds: "i",
            sql: "SELECT is_estimated FROM reading WHERE meter_id = 3", rows: [[0]]),
        DialectCase(
            name: "a job claimed", before: ["INSERT INTO job (job_id, run_at) VALUES (1, 5), (2, 3), (3, 99)"],
            kinds: "i",
            sql: """
                UPDATE job SET holder = $1, lease_until = $2 WHERE job_id = (
                  SELECT job_id FROM job WHERE run_at <= $3 AND lease_until < $3 ORDER BY run_at, job_id LIMIT 1
                  {skip_locked}) RETURNING job_id
                """, parameters: ["me", 70, 10], rows: [[2]]),
        DialectCase(
            name: "a partial index and an expression index",
            before: [
                "CREATE INDEX reading_big ON reading (day) WHERE energy_wh > 50",
                "CREATE INDEX meter_lower ON meter (LOWER(serial), meter_id)",
            ], kinds: "i", sql: "SELECT meter_id FROM meter WHERE LOWER(serial) = $1 ORDER BY meter_id",
            parameters: ["a"],
            rows: [[1], [3]]),
    ]

    private static let reading = [
        DialectCase(
            name: "members of an object in an object", kinds: "iii",
            sql: """
                SELECT CAST(one.key AS BIGINT), CAST(item.key AS BIGINT), CAST(item.value AS BIGINT)
                FROM (SELECT $1 AS text) b CROSS JOIN {json_each}(CAST(b.text AS {json})) one
                CROSS JOIN {json_each}(one.value) item ORDER BY 1, 2
                """, parameters: [#"{"5":{"17":-500},"9":{"3":7,"4":9007199254740993}}"#],
            rows: [[5, 17, -500], [9, 3, 7], [9, 4, 9_007_199_254_740_993]]),
        DialectCase(
            name: "rows compared whole", kinds: "ii",
            sql: "SELECT meter_id, day FROM reading WHERE (meter_id, day) > ($1, $2) ORDER BY 1, 2 LIMIT 2",
            parameters: [1, 11], rows: [[1, 12], [2, 10]]),
        DialectCase(
            name: "window sum and row number", kinds: "iii",
            sql: """
                SELECT day, CAST(SUM(energy_wh) OVER (PARTITION BY meter_id ORDER BY day) AS BIGINT),
                  ROW_NUMBER() OVER (PARTITION BY meter_id ORDER BY day DESC)
                FROM reading WHERE meter_id = 1 ORDER BY day
                """, rows: [[10, 100, 3], [11, 350, 2], [12, 350, 1]]),
        DialectCase(
            name: "window frame and LAG", kinds: "iii",
            sql: """
                SELECT day, CAST(SUM(energy_wh) OVER (ORDER BY day ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS BIGINT),
                  LAG(energy_wh) OVER (ORDER BY day) FROM reading WHERE meter_id = 1 ORDER BY day
                """, rows: [[10, 100, nil], [11, 350, 100], [12, 250, 250]]),
        DialectCase(
            name: "FILTER", kinds: "ii",
            sql: """
                SELECT COUNT(*) FILTER (WHERE phases = 3), CAST(SUM(meter_id) FILTER (WHERE phases = 1) AS BIGINT)
                FROM meter
                """, rows: [[2, 6]]),
        DialectCase(
            name: "recursive CTE", kinds: "i",
            sql: """
                WITH RECURSIVE days (day) AS (
                  SELECT CAST($1 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day < $2)
                SELECT day FROM days ORDER BY day
                """, parameters: [10, 13], rows: [[10], [11], [12], [13]]),
        DialectCase(
            name: "MATERIALIZED CTE joined to itself", kinds: "i",
            sql: """
                WITH sums AS MATERIALIZED (SELECT meter_id, COUNT(*) AS days FROM reading GROUP BY meter_id)
                SELECT a.days + b.days FROM sums AS a JOIN sums AS b ON b.meter_id > a.meter_id
                """, rows: [[5]]),
        DialectCase(
            name: "row values for paging", kinds: "ii",
            sql: "SELECT meter_id, day FROM reading WHERE (meter_id, day) > ($1, $2) ORDER BY meter_id, day LIMIT 2",
            parameters: [1, 11], rows: [[1, 12], [2, 10]]),
        DialectCase(
            name: "NULLS FIRST", kinds: "i", sql: "SELECT meter_id FROM meter ORDER BY phases NULLS FIRST, meter_id",
            rows: [[3], [1], [5], [2], [4]]),
        DialectCase(
            name: "NULLS LAST", kinds: "i", sql: "SELECT meter_id FROM meter ORDER BY phases DESC NULLS LAST, meter_id",
            rows: [[2], [4], [1], [5], [3]]),
        DialectCase(
            name: "IS DISTINCT FROM", kinds: "i",
            sql: "SELECT meter_id FROM meter WHERE phases IS DISTINCT FROM $1 ORDER BY meter_id", parameters: [3],
            rows: [[1], [3], [5]]),
        DialectCase(
            name: "IS NOT DISTINCT FROM", kinds: "i",
            sql: "SELECT meter_id FROM meter WHERE phases IS NOT DISTINCT FROM $1", parameters: [nil], rows: [[3]]),
        DialectCase(
            name: "bytewise order of text", kinds: "t", sql: "SELECT serial FROM meter ORDER BY serial",
            rows: [["A"], ["B"], ["Z"], ["a"], ["é"]]),
        DialectCase(
            name: "bytewise comparison and prefix range", kinds: "t",
            sql: "SELECT serial FROM meter WHERE serial >= $1 AND serial < $2 ORDER BY serial", parameters: ["B", "a"],
            rows: [["B"], ["Z"]]),
        DialectCase(
            name: "GROUP BY and HAVING", kinds: "ii",
            sql: "SELECT phases, COUNT(*) FROM meter GROUP BY phases HAVING COUNT(*) > 1 ORDER BY phases",
            rows: [[1, 2], [3, 2]]),
        DialectCase(
            name: "LEFT JOIN", kinds: "ii",
            sql: """
                SELECT m.meter_id, MAX(r.energy_wh) FROM meter AS m LEFT JOIN reading AS r ON r.meter_id = m.meter_id
                WHERE m.meter_id IN (2, 3) GROUP BY m.meter_id ORDER BY m.meter_id
                """, rows: [[2, 8], [3, nil]]),
        DialectCase(
            name: "EXISTS as a number", kinds: "i",
            sql: "SELECT EXISTS (SELECT 1 FROM reading WHERE meter_id = $1)", parameters: [4], rows: [[0]]),
        DialectCase(
            name: "NOT EXISTS in a condition", kinds: "i",
            sql: """
                SELECT meter_id FROM meter WHERE NOT EXISTS (
                  SELECT 1 FROM reading WHERE reading.meter_id = meter.meter_id) ORDER BY meter_id
                """, rows: [[3], [4], [5]]),
        DialectCase(
            name: "UNION, EXCEPT", kinds: "i",
            sql: """
                SELECT meter_id FROM meter EXCEPT SELECT meter_id FROM reading
                UNION SELECT CAST($1 AS BIGINT) ORDER BY 1
                """, parameters: [77], rows: [[3], [4], [5], [77]]),
        DialectCase(
            name: "the latest of each group", kinds: "ii",
            sql: """
                SELECT meter_id, energy_wh FROM (SELECT meter_id, energy_wh, ROW_NUMBER() OVER
                  (PARTITION BY meter_id ORDER BY day DESC) AS place FROM reading) AS ranked WHERE place = 1
                ORDER BY meter_id
                """, rows: [[1, 0], [2, 8]]),
    ]

    private static let values = [
        DialectCase(
            name: "whole division and remainder cut towards zero", kinds: "iiii",
            sql: "SELECT $1 / 2, $1 % 2, $2 / 2, $2 % 2", parameters: [7, -7], rows: [[3, 1, -3, -1]]),
        DialectCase(
            name: "the sum as an integer", kinds: "i", sql: "SELECT CAST(SUM(energy_wh) AS BIGINT) FROM reading",
            rows: [[365]]),
        DialectCase(
            name: "the sum of nothing", kinds: "ii",
            sql: """
                SELECT CAST(SUM(energy_wh) AS BIGINT), COALESCE(CAST(SUM(energy_wh) AS BIGINT), 0)
                FROM reading WHERE day = 0
                """, rows: [[nil, 0]]),
        DialectCase(
            name: "COALESCE, NULLIF and CASE", kinds: "tti",
            sql: """
                SELECT COALESCE(note, 'none'), NULLIF(note, ''), CASE WHEN phases = 3 THEN 1 ELSE 0 END
                FROM meter WHERE meter_id IN (4, 5) ORDER BY meter_id
                """, rows: [["none", nil, 1], ["", nil, 0]]),
        DialectCase(
            name: "length of bytes, empty bytes and NULL", kinds: "iib",
            sql: "SELECT day, LENGTH(data), data FROM reading WHERE meter_id = 1 ORDER BY day",
            rows: [[10, 2, .bytes([0, 255])], [11, 0, .bytes([])], [12, nil, nil]]),
        DialectCase(
            name: "length of text in characters", kinds: "i",
            sql: "SELECT LENGTH(serial) FROM meter WHERE meter_id = 5",
            rows: [[1]]),
        DialectCase(
            name: "bytes compared", kinds: "i", sql: "SELECT meter_id FROM reading WHERE data = $1",
            parameters: [.bytes([1, 2, 3])], rows: [[2]]),
        DialectCase(
            name: "63-bit integers", before: ["INSERT INTO job (job_id, run_at) VALUES (9223372036854775807, 1)"],
            kinds: "ii", sql: "SELECT job_id, $1 FROM job", parameters: [.int(Int64.min)],
            rows: [[.int(Int64.max), .int(Int64.min)]]),
        DialectCase(
            name: "an empty text is not NULL", kinds: "it", sql: "SELECT meter_id, note FROM meter WHERE note = $1",
            parameters: [""], rows: [[5, ""]]),
        DialectCase(
            name: "text outside the basic plane", kinds: "t", sql: "SELECT $1 || 'बस'", parameters: ["⚡𝄞"],
            rows: [["⚡𝄞बस"]]),
        DialectCase(
            name: "ABS, MIN, MAX and COUNT DISTINCT", kinds: "iiii",
            sql: "SELECT ABS($1), MIN(energy_wh), MAX(energy_wh), COUNT(DISTINCT meter_id) FROM reading",
            parameters: [-4],
            rows: [[4, 0, 250, 2]]),
        DialectCase(
            name: "UPPER, REPLACE, TRIM and SUBSTR", kinds: "tttt",
            sql: "SELECT UPPER($1), REPLACE($1, 'b', 'x'), TRIM($2), SUBSTR($1, 2, 1)", parameters: ["abc", " y "],
            rows: [["ABC", "axc", "y", "b"]]),
        DialectCase(
            name: "CAST of text to an integer and back", kinds: "it",
            sql: "SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT)", parameters: ["42", 17], rows: [[42, "17"]]),
        DialectCase(
            name: "BETWEEN and NOT IN", kinds: "i",
            sql: "SELECT meter_id FROM meter WHERE meter_id BETWEEN $1 AND $2 AND phases NOT IN (1) ORDER BY meter_id",
            parameters: [1, 4], rows: [[2], [4]]),
    ]
}
