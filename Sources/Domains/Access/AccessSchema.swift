// Tables of companies, logins, sessions, audit, idempotency and dated settings; keys stand in APIKey.swift.
import SQL

public enum AccessSchema {
    public static let migrations = [
        Migration(
            1, .money, "access",
            [
                """
                CREATE TABLE org (org_id {id} NOT NULL PRIMARY KEY, name {text} NOT NULL, zone {text} NOT NULL,
                  currency {text} NOT NULL) {table}
                """,
                """
                CREATE TABLE login (org_id {id} NOT NULL, login_id {id} NOT NULL, username {text} NOT NULL,
                  name {text} NOT NULL,
                  role {text} NOT NULL, password_hash {text} NOT NULL, language {text} NOT NULL, account_id {id},
                  place_id {id},
                  disabled_at_ms {int}, PRIMARY KEY (org_id, login_id)) {table}
                """,
                "CREATE UNIQUE INDEX login_username ON login (username)",
                """
                CREATE TABLE session (token_hash {bytes} NOT NULL PRIMARY KEY, org_id {id} NOT NULL,
                  login_id {id} NOT NULL,
                  csrf_token {text} NOT NULL, created_at_ms {int} NOT NULL, expires_at_ms {int} NOT NULL,
                  revoked_at_ms {int},
                  FOREIGN KEY (org_id, login_id) REFERENCES login (org_id, login_id)) {table}
                """,
                "CREATE INDEX session_login ON session (org_id, login_id)",
                """
                CREATE TABLE audit (org_id {id} NOT NULL, audit_id {id} NOT NULL, system_at_ms {int} NOT NULL,
                  business_at_ms {int} NOT NULL, login_id {id} NOT NULL, role {text} NOT NULL, source {text} NOT NULL,
                  command {text} NOT NULL, why {text} NOT NULL, subject_id {id} NOT NULL, content {text} NOT NULL,
                  PRIMARY KEY (org_id, audit_id)) {keyed_table}
                """,
                """
                CREATE TABLE command_log (org_id {id} NOT NULL, command_key {text} NOT NULL,
                  content_hash {bytes} NOT NULL,
                  output {text} NOT NULL, PRIMARY KEY (org_id, command_key)) {keyed_table}
                """,
                """
                CREATE TABLE setting (org_id {id} NOT NULL, name {text} NOT NULL, from_day {int} NOT NULL,
                  value {text} NOT NULL,
                  PRIMARY KEY (org_id, name, from_day)) {keyed_table}
                """,
                """
                CREATE TABLE process_lease (process_number {int} NOT NULL PRIMARY KEY, holder {text} NOT NULL,
                  lease_until_ms {int} NOT NULL) {table}
                """,
            ]),
        apiKeys,
    ]
}
