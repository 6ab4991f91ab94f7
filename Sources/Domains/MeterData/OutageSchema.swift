// Tables of outages, planned shutdowns, notices and tamper cases. In the money store: they are joined with meters,
// accounts and places, an outage knows no month, and a notice and its message are one transaction.
import SQL

public enum OutageSchema {
    public static let migrations = [
        Migration(
            44, .money, "outages and tamper cases",
            [
                // One outage of one meter. A version is never changed in what it says; the next one supersedes it.
                // outage_id, attributed_start_ms and grouped say to which outage of the network it was counted.
                """
                CREATE TABLE meter_outage (org_id {id} NOT NULL, span_id {id} NOT NULL, version {int} NOT NULL,
                  meter_id {id} NOT NULL, account_id {id}, place_id {id}, start_low_ms {int} NOT NULL,
                  start_ms {int} NOT NULL, start_high_ms {int} NOT NULL, end_low_ms {int}, end_ms {int},
                  end_high_ms {int}, start_evidence {text} NOT NULL, end_evidence {text}, clock_off_ms {int} NOT NULL,
                  is_withdrawn {flag} NOT NULL, made_at_ms {int} NOT NULL, superseded_at_ms {int}, outage_id {id},
                  attributed_start_ms {int}, grouped {flag} NOT NULL,
                  PRIMARY KEY (org_id, span_id, version)) {keyed_table}
                """,
                "CREATE INDEX meter_outage_meter ON meter_outage (org_id, meter_id, start_ms)",
                "CREATE INDEX meter_outage_start ON meter_outage (org_id, start_ms)",
                "CREATE INDEX meter_outage_grouped ON meter_outage (org_id, grouped, start_ms)",
                "CREATE INDEX meter_outage_outage ON meter_outage (org_id, outage_id)",
                // Written by whoever derives the outages of a meter, or (meter 0) groups them: of two at once one
                // begins again.
                """
                CREATE TABLE outage_guard (org_id {id} NOT NULL, meter_id {id} NOT NULL, turn {int} NOT NULL,
                  PRIMARY KEY (org_id, meter_id)) {keyed_table}
                """,
                """
                CREATE TABLE outage (org_id {id} NOT NULL, outage_id {id} NOT NULL, version {int} NOT NULL,
                  place_id {id}, is_node {flag} NOT NULL, start_ms {int} NOT NULL, end_ms {int},
                  members {int} NOT NULL, silent {int} NOT NULL, of_meters {int} NOT NULL, planned_id {id},
                  is_withdrawn {flag} NOT NULL, made_at_ms {int} NOT NULL, superseded_at_ms {int},
                  PRIMARY KEY (org_id, outage_id, version)) {keyed_table}
                """,
                "CREATE INDEX outage_start ON outage (org_id, start_ms, outage_id)",
                """
                CREATE TABLE outage_notice (org_id {id} NOT NULL, outage_id {id} NOT NULL, account_id {id} NOT NULL,
                  template {text} NOT NULL, at_ms {int} NOT NULL,
                  PRIMARY KEY (org_id, outage_id, account_id, template)) {keyed_table}
                """,
                """
                CREATE TABLE planned_outage (org_id {id} NOT NULL, planned_id {id} NOT NULL, place_id {id} NOT NULL,
                  from_ms {int} NOT NULL, to_ms {int} NOT NULL, why {text} NOT NULL, login_id {id} NOT NULL,
                  made_at_ms {int} NOT NULL, called_off_at_ms {int}, PRIMARY KEY (org_id, planned_id)) {keyed_table}
                """,
                "CREATE UNIQUE INDEX planned_outage_span ON planned_outage (org_id, place_id, from_ms, to_ms)",
                "CREATE INDEX planned_outage_from ON planned_outage (org_id, from_ms)",
                """
                CREATE TABLE tamper_case (org_id {id} NOT NULL, case_id {id} NOT NULL, meter_id {id} NOT NULL,
                  kind {text} NOT NULL, state {text} NOT NULL, first_at_ms {int} NOT NULL, last_at_ms {int} NOT NULL,
                  is_over {flag} NOT NULL, times {int} NOT NULL, lasted_ms {int} NOT NULL, drop_ppm {int},
                  is_valid {flag} NOT NULL, reasons {text} NOT NULL, order_id {id}, restore_order_id {id},
                  closed_at_ms {int}, closed_why {text}, closed_by {id}, looked_at_ms {int} NOT NULL,
                  PRIMARY KEY (org_id, case_id)) {keyed_table}
                """,
                "CREATE INDEX tamper_case_meter ON tamper_case (org_id, meter_id, kind, first_at_ms)",
                "CREATE INDEX tamper_case_state ON tamper_case (org_id, state, last_at_ms)",
            ]),
        Migration(
            51, .money, "days judged again after outages",
            [
                // 0 from when a version is written, superseded or given another start until the days it touches were
                // judged with it. What was stored before stands as it was judged.
                "ALTER TABLE meter_outage ADD COLUMN days_judged {flag} NOT NULL DEFAULT 1",
                "CREATE INDEX meter_outage_unjudged ON meter_outage (org_id, start_ms) WHERE days_judged = 0",
            ]),
    ]
}
