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
            33, .money, "collection engine",
            [
                "ALTER TABLE collection ADD COLUMN cause {text}",
                "ALTER TABLE collection ADD COLUMN early_slots {int}",
                "ALTER TABLE collection ADD COLUMN day_slots {int}",
                "ALTER TABLE collection ADD COLUMN register_at_ms {int}",
                "CREATE INDEX meter_command_created ON meter_command (org_id, created_at_ms)",
                """
                CREATE TABLE meter_lease (org_id {id} NOT NULL, meter_id {id} NOT NULL, holder {text} NOT NULL,
                  until_ms {int} NOT NULL, PRIMARY KEY (org_id, meter_id)) {keyed_table}
                """,
                """
                CREATE TABLE service_clock (org_id {id} NOT NULL, day {int} NOT NULL, clock {text} NOT NULL,
                  target_ms {int} NOT NULL, goal_permille {int} NOT NULL, total {int} NOT NULL,
                  in_time {int} NOT NULL, PRIMARY KEY (org_id, day, clock)) {keyed_table}
                """,
                """
                CREATE TABLE meter_clock (org_id {id} NOT NULL, meter_id {id} NOT NULL, measured_at_ms {int} NOT NULL,
                  drift_s {int} NOT NULL, refused {text}, PRIMARY KEY (org_id, meter_id)) {keyed_table}
                """,
                """
                CREATE TABLE meter_clock_entry (org_id {id} NOT NULL, entry_id {id} NOT NULL, meter_id {id} NOT NULL,
                  at_ms {int} NOT NULL, action {text} NOT NULL, before_s {int} NOT NULL, after_s {int},
                  threshold_s {int} NOT NULL, why {text} NOT NULL, PRIMARY KEY (org_id, entry_id)) {table}
                """,
                "CREATE INDEX meter_clock_entry_meter ON meter_clock_entry (org_id, meter_id, entry_id)",
                """
                CREATE TABLE liveness_poll (org_id {id} NOT NULL, poll_id {id} NOT NULL, poll_key {text} NOT NULL,
                  title {text} NOT NULL, why {text} NOT NULL, login_id {id} NOT NULL, asked_at_ms {int} NOT NULL,
                  meters {int} NOT NULL, ended_at_ms {int}, PRIMARY KEY (org_id, poll_id)) {table}
                """,
                "CREATE UNIQUE INDEX liveness_poll_key ON liveness_poll (org_id, poll_key)",
                """
                CREATE TABLE liveness (org_id {id} NOT NULL, poll_id {id} NOT NULL, meter_id {id} NOT NULL,
                  state {text} NOT NULL, asked_at_ms {int}, took_ms {int}, detail {text},
                  PRIMARY KEY (org_id, poll_id, meter_id)) {keyed_table}
                """,
                "CREATE INDEX liveness_meter ON liveness (org_id, meter_id, poll_id)",
            ]),
        Migration(
            103, .readings, "raw frames",
            [
                "ALTER TABLE raw_read ADD COLUMN register_wrap_wh {int}",
                """
                CREATE TABLE raw_frames (org_id {id} NOT NULL, day {int} NOT NULL, meter_id {id} NOT NULL,
                  batch_id {id} NOT NULL, frames {bytes} NOT NULL,
                  PRIMARY KEY (org_id, day, meter_id, batch_id)) {by_month}
                """,
                "CREATE INDEX raw_read_open ON raw_read (org_id, read_at_ms) WHERE acknowledged = 0",
            ]),
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
