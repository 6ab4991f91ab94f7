// Tables of terms of sale and of the life of subscriptions. Statements only.
import SQL

extension PacksSchema {
    /// Terms of sale by day, and the places that sellers serve by day.
    static let terms = Migration(
        58, .money, "terms of packs",
        [
            """
            CREATE TABLE pack_terms (org_id {id} NOT NULL, pack_id {text} NOT NULL, from_day {int} NOT NULL,
              terms {text} NOT NULL, PRIMARY KEY (org_id, pack_id, from_day)) {keyed_table}
            """,
            """
            CREATE TABLE seller_place (org_id {id} NOT NULL, seller {text} NOT NULL, from_day {int} NOT NULL,
              places {text} NOT NULL, PRIMARY KEY (org_id, seller, from_day)) {keyed_table}
            """,
        ])

    /// What a subscription remembers beside the days it bills, what followed from it, and days to be rated again.
    /// `to_day` stays the last day that is billed; `term_to_day` is the end of the term, which may renew itself.
    static let holding = Migration(
        59, .money, "life of subscriptions",
        [
            "ALTER TABLE subscription ADD COLUMN number {int} NOT NULL DEFAULT 0",
            "ALTER TABLE subscription ADD COLUMN seller {text} NOT NULL DEFAULT 'own'",
            "ALTER TABLE subscription ADD COLUMN applied_day {int}",
            "ALTER TABLE subscription ADD COLUMN wanted_day {int}",
            "ALTER TABLE subscription ADD COLUMN approved_day {int}",
            "ALTER TABLE subscription ADD COLUMN ended_day {int}",
            "ALTER TABLE subscription ADD COLUMN term_to_day {int}",
            "ALTER TABLE subscription ADD COLUMN agreed_to_day {int}",
            "ALTER TABLE subscription ADD COLUMN term_months {int}",
            "ALTER TABLE subscription ADD COLUMN renews {flag} NOT NULL DEFAULT 0",
            "ALTER TABLE subscription ADD COLUMN renewed_days {text} NOT NULL DEFAULT ''",
            "ALTER TABLE subscription ADD COLUMN why {text} NOT NULL DEFAULT ''",
            """
            UPDATE subscription SET term_to_day = to_day, number = (SELECT COUNT(*) FROM subscription o
              WHERE o.org_id = subscription.org_id AND o.account_id = subscription.account_id
              AND (o.from_day < subscription.from_day OR (o.from_day = subscription.from_day
                AND o.subscription_id <= subscription.subscription_id)))
            """,
            "CREATE INDEX subscription_state ON subscription (org_id, state, subscription_id)",
            """
            CREATE TABLE pack_holder (org_id {id} NOT NULL, account_id {id} NOT NULL, revision {int} NOT NULL,
              moves {flag} NOT NULL, swept_day {int}, aside_day {int}, aside_why {text} NOT NULL,
              PRIMARY KEY (org_id, account_id)) {keyed_table}
            """,
            """
            INSERT INTO pack_holder (org_id, account_id, revision, moves, aside_why)
            SELECT DISTINCT org_id, account_id, 0, 1, '' FROM subscription
            WHERE to_day IS NOT NULL AND state = 'active'
            """,
            """
            CREATE TABLE pack_fact (org_id {id} NOT NULL, fact_key {text} NOT NULL, account_id {id} NOT NULL,
              kind {text} NOT NULL, pack_id {text}, due_day {int} NOT NULL, load_w {int}, amount_paise {int},
              wallet {text}, state {text} NOT NULL, made_at_ms {int} NOT NULL, done_at_ms {int},
              trouble {text} NOT NULL, PRIMARY KEY (org_id, fact_key)) {keyed_table}
            """,
            "CREATE INDEX pack_fact_account ON pack_fact (org_id, account_id)",
            "CREATE INDEX pack_fact_due ON pack_fact (org_id, state, due_day, fact_key)",
        ])
}
