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
        auditChain, sessions, apiKeys, secondStep, changeRequests,
    ]

    /// Values before and after, and the chain that proves the trail. Rows from before stand in the prologue until
    /// ``Audit/chainOlderRows(in:)`` has chained them.
    private static let auditChain = Migration(
        23, .money, "audit chain",
        [
            """
            CREATE TABLE audit_change (org_id {id} NOT NULL, audit_id {id} NOT NULL, line {int} NOT NULL,
              kind {text} NOT NULL, subject_id {id} NOT NULL, field {text} NOT NULL, old_value {text},
              new_value {text}, salt {bytes}, marks {bytes}, PRIMARY KEY (org_id, audit_id, line)) {keyed_table}
            """,
            "CREATE INDEX audit_change_subject ON audit_change (org_id, kind, subject_id, audit_id)",
            """
            CREATE TABLE audit_link (org_id {id} NOT NULL, lane {int} NOT NULL, number {int} NOT NULL,
              audit_id {id} NOT NULL, salt {bytes}, marks {bytes} NOT NULL, row_hash {bytes} NOT NULL,
              hash {bytes} NOT NULL, PRIMARY KEY (org_id, lane, number)) {keyed_table}
            """,
            "CREATE UNIQUE INDEX audit_link_audit ON audit_link (org_id, audit_id)",
            """
            CREATE TABLE audit_head (org_id {id} NOT NULL, lane {int} NOT NULL, row_count {int} NOT NULL,
              hash {bytes} NOT NULL, PRIMARY KEY (org_id, lane)) {keyed_table}
            """,
            """
            CREATE TABLE audit_prologue (org_id {id} NOT NULL, row_count {int} NOT NULL, last_audit_id {id} NOT NULL,
              is_open {flag} NOT NULL, PRIMARY KEY (org_id)) {keyed_table}
            """,
            """
            INSERT INTO audit_prologue (org_id, row_count, last_audit_id, is_open)
            SELECT org_id, COUNT(*), MAX(audit_id), 1 FROM audit GROUP BY org_id
            """,
            "CREATE INDEX audit_subject ON audit (org_id, subject_id, audit_id)",
            "CREATE INDEX audit_login ON audit (org_id, login_id, audit_id)",
            "CREATE INDEX audit_business ON audit (org_id, business_at_ms, audit_id)",
        ])

    /// Sessions with a number to end them by and what a person needs to know them again. The old ones end: everybody
    /// signs in once more.
    private static let sessions = Migration(
        24, .money, "sessions of people",
        [
            "DROP TABLE session",
            """
            CREATE TABLE session (token_hash {bytes} NOT NULL PRIMARY KEY, org_id {id} NOT NULL,
              session_id {id} NOT NULL, login_id {id} NOT NULL, csrf_token {text} NOT NULL,
              created_at_ms {int} NOT NULL, seen_at_ms {int} NOT NULL, expires_at_ms {int} NOT NULL,
              revoked_at_ms {int}, browser {text} NOT NULL, network {text} NOT NULL,
              FOREIGN KEY (org_id, login_id) REFERENCES login (org_id, login_id)) {table}
            """,
            "CREATE UNIQUE INDEX session_login ON session (org_id, login_id, session_id)",
        ])
}
