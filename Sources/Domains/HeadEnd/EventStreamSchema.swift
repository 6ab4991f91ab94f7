// Tables of what meters say unasked: the stream of events, what is known of each sender, and what was kept aside.
import SQL

public enum EventStreamSchema {
    public static let migrations = [
        Migration(
            38, .money, "event stream",
            [
                // An event is the meter's: its id and its own time. Order is by at_ms, which is the meter's time unless
                // that is impossible.
                """
                CREATE TABLE seen_event (org_id {id} NOT NULL, meter_id {id} NOT NULL, code {int} NOT NULL,
                  meter_at_ms {int} NOT NULL, event_id {id} NOT NULL, at_ms {int} NOT NULL, kind {text} NOT NULL,
                  severity {int} NOT NULL, pushed_at_ms {int}, read_at_ms {int}, logged_at_ms {int},
                  PRIMARY KEY (org_id, meter_id, code, meter_at_ms)) {keyed_table}
                """,
                "CREATE UNIQUE INDEX seen_event_order ON seen_event (org_id, at_ms, event_id)",
                "CREATE INDEX seen_event_kind ON seen_event (org_id, kind, at_ms, event_id)",
                "CREATE INDEX seen_event_meter ON seen_event (org_id, meter_id, at_ms, event_id)",
                """
                CREATE TABLE push_sender (org_id {id} NOT NULL, meter_id {id} NOT NULL, key_number {int} NOT NULL,
                  highest {int}, seen {int} NOT NULL, words {bytes} NOT NULL, last_at_ms {int} NOT NULL,
                  PRIMARY KEY (org_id, meter_id)) {keyed_table}
                """,
                """
                CREATE TABLE meter_title (org_id {id} NOT NULL, title {text} NOT NULL, meter_id {id} NOT NULL,
                  learned_at_ms {int} NOT NULL, PRIMARY KEY (org_id, title)) {keyed_table}
                """,
                "CREATE INDEX meter_title_meter ON meter_title (org_id, meter_id)",
                """
                CREATE TABLE push_aside (org_id {id} NOT NULL, aside_key {text} NOT NULL, aside_id {id} NOT NULL,
                  reason {text} NOT NULL, meter_id {id}, sender {text} NOT NULL, remote {text} NOT NULL,
                  apdu {bytes} NOT NULL, times {int} NOT NULL, first_at_ms {int} NOT NULL, last_at_ms {int} NOT NULL,
                  PRIMARY KEY (org_id, aside_key)) {keyed_table}
                """,
                "CREATE INDEX push_aside_last ON push_aside (org_id, last_at_ms, aside_id)",
                """
                CREATE TABLE counter_change (org_id {id} NOT NULL, change_id {id} NOT NULL, meter_id {id} NOT NULL,
                  state {text} NOT NULL, lowers {flag} NOT NULL, why {text} NOT NULL, asked_at_ms {int} NOT NULL,
                  ended_at_ms {int}, old_counter {int}, new_counter {int}, meter_counter {int}, answer {text},
                  PRIMARY KEY (org_id, change_id)) {table}
                """,
                "CREATE INDEX counter_change_meter ON counter_change (org_id, meter_id, change_id)",
                "CREATE INDEX counter_change_state ON counter_change (org_id, state, change_id)",
            ])
    ]
}
