// Tables of the head-end: what is still to be collected, orders to meters, counters kept ahead, and the raw store.
import SQL

public enum HeadEndSchema {
    public static let migrations = [
        Migration(
            8, .money, "head-end",
            [
                """
                CREATE TABLE collection (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
                  state {text} NOT NULL,
                  expected_slots {int} NOT NULL, have_slots {int} NOT NULL, slots {text} NOT NULL,
                  attempt {int} NOT NULL,
                  next_at_ms {int} NOT NULL, last_error {text}, last_attempt_at_ms {int},
                  PRIMARY KEY (org_id, day, meter_id)) {keyed_table}
                """,
                "CREATE INDEX collection_due ON collection (org_id, state, next_at_ms)",
                """
                CREATE TABLE meter_command (org_id {id} NOT NULL, command_id {id} NOT NULL, command_key {text} NOT NULL,
                  meter_id {id} NOT NULL, kind {text} NOT NULL, state {text} NOT NULL, why {text} NOT NULL,
                  created_at_ms {int} NOT NULL, next_at_ms {int} NOT NULL, attempt {int} NOT NULL, answer {text},
                  sent_at_ms {int}, ended_at_ms {int}, PRIMARY KEY (org_id, command_id)) {table}
                """,
                "CREATE UNIQUE INDEX meter_command_key ON meter_command (org_id, command_key)",
                "CREATE INDEX meter_command_meter ON meter_command (org_id, meter_id, command_id)",
                "CREATE INDEX meter_command_due ON meter_command (org_id, state, next_at_ms)",
                """
                CREATE TABLE invocation_counter (org_id {id} NOT NULL, meter_id {id} NOT NULL,
                  next_counter {int} NOT NULL,
                  PRIMARY KEY (org_id, meter_id)) {keyed_table}
                """,
            ]),
        Migration(
            29, .money, "orders set aside",
            [
                "ALTER TABLE meter_command ADD COLUMN aside_at_ms {int}",
                "ALTER TABLE meter_command ADD COLUMN aside_why {text}",
            ]),
        MeterOrder.migration, FirmwareStore.migration,
        Migration(
            101, .readings, "raw store",
            [
                """
                CREATE TABLE raw_read (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
                  batch_id {id} NOT NULL,
                  change {int} NOT NULL, read_at_ms {int} NOT NULL, rows {bytes} NOT NULL, register_start_wh {int},
                  register_end_wh {int}, clock_drift_s {int}, acknowledged {flag} NOT NULL,
                  PRIMARY KEY (org_id, day, meter_id, batch_id)) {by_month}
                """,
                "CREATE INDEX raw_read_change ON raw_read (org_id, change)",
                """
                CREATE TABLE meter_event (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
                  at_ms {int} NOT NULL,
                  code {int} NOT NULL, PRIMARY KEY (org_id, day, meter_id, at_ms, code)) {by_month}
                """,
            ]),
    ]
}
