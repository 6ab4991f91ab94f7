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
            ]),
    ]
}
