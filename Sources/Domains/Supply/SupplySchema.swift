// Tables of supply decisions and of orders that hold or cut supply for a reason of its own.
import SQL

public enum SupplySchema {
    public static let migrations = [
        Migration(
            12, .money, "supply",
            [
                """
                CREATE TABLE supply_state (org_id {id} NOT NULL, account_id {id} NOT NULL, wanted {text} NOT NULL,
                  since_ms {int} NOT NULL, reasons {text} NOT NULL, low_since_ms {int}, warned_at_ms {int},
                  PRIMARY KEY (org_id, account_id)) {keyed_table}
                """,
                """
                CREATE TABLE supply_decision (org_id {id} NOT NULL, decision_id {id} NOT NULL, account_id {id} NOT NULL,
                  at_ms {int} NOT NULL, wanted {text} NOT NULL, was {text} NOT NULL, reasons {text} NOT NULL,
                  balance_paise {int} NOT NULL, rules {text} NOT NULL, PRIMARY KEY (org_id, decision_id)) {table}
                """,
                "CREATE INDEX supply_decision_account ON supply_decision (org_id, account_id, decision_id)",
                """
                CREATE TABLE supply_order (org_id {id} NOT NULL, account_id {id} NOT NULL, kind {text} NOT NULL,
                  why {text} NOT NULL, login_id {id} NOT NULL, at_ms {int} NOT NULL, PRIMARY KEY (org_id,
                  account_id)) {keyed_table}
                """,
            ]),
        Migration(
            21, .money, "supply decisions by time",
            [
                "CREATE INDEX supply_decision_time ON supply_decision (org_id, at_ms)"
            ]), guardMigration,
    ]

    private static let guardMigration = Migration(
        63, .money, "reasons in full, rules by group, notices, holds",
        [
            // Decisions of before hold no facts and cannot be judged again.
            "ALTER TABLE supply_decision ADD COLUMN facts {text}",
            "ALTER TABLE supply_decision ADD COLUMN rule_group {text}",
            "ALTER TABLE supply_decision ADD COLUMN rule_from_day {int}",
            "ALTER TABLE supply_decision ADD COLUMN not_before_ms {int}",
            "ALTER TABLE supply_state ADD COLUMN not_before_ms {int}",
            "ALTER TABLE supply_state ADD COLUMN emergency_at_ms {int}",
            // One bit for each reason, to find and count them by.
            "ALTER TABLE supply_state ADD COLUMN reason_bits {int}",
            "CREATE INDEX supply_state_low ON supply_state (org_id, low_since_ms, account_id)",
            """
            CREATE TABLE supply_rule (org_id {id} NOT NULL, group_name {text} NOT NULL, from_day {int} NOT NULL,
              rules {text} NOT NULL, set_at_ms {int} NOT NULL, set_by {id} NOT NULL,
              PRIMARY KEY (org_id, group_name, from_day)) {keyed_table}
            """,
            """
            CREATE TABLE supply_notice (org_id {id} NOT NULL, account_id {id} NOT NULL, threshold {text} NOT NULL,
              message_id {id} NOT NULL, sent_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, account_id, threshold)) {keyed_table}
            """,
            """
            CREATE TABLE supply_hold (org_id {id} NOT NULL, hold_id {id} NOT NULL, asking {flag} NOT NULL,
              reason {text} NOT NULL, from_ms {int} NOT NULL, until_ms {int}, set_by {id} NOT NULL, ended_at_ms {int},
              ended_by {id}, end_reason {text}, PRIMARY KEY (org_id, hold_id)) {table}
            """,
        ])
}
