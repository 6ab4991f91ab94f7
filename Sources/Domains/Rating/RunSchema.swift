// Tables of runs: projected balances, runs that people asked for, corrections, what was left aside, months. Holds
// nothing else.
import SQL

extension RatingSchema {
    static let runs = Migration(
        65, .money, "runs of rating",
        [
            """
            CREATE TABLE projected_balance (org_id {id} NOT NULL, account_id {id} NOT NULL, base {int} NOT NULL,
              used_paise {int} NOT NULL, used_wh {int} NOT NULL, through_ms {int} NOT NULL,
              estimated_slots {int} NOT NULL, missing_slots {int} NOT NULL, made_at_ms {int} NOT NULL,
              PRIMARY KEY (org_id, account_id)) {keyed_table}
            """,
            """
            CREATE TABLE rating_run (org_id {id} NOT NULL, run_id {id} NOT NULL, is_trial {flag} NOT NULL,
              from_day {int}, to_day {int}, account_id {id}, pack_id {text}, reason {text} NOT NULL, trial_id {id},
              asked_by {id} NOT NULL, asked_at_ms {int} NOT NULL, state {text} NOT NULL, started_at_ms {int},
              ended_at_ms {int}, done_count {int} NOT NULL, total_count {int}, error {text},
              place_month {int} NOT NULL, place_meter {id} NOT NULL, PRIMARY KEY (org_id, run_id)) {table}
            """,
            """
            CREATE TABLE rating_run_change (org_id {id} NOT NULL, run_id {id} NOT NULL, account_id {id} NOT NULL,
              day {int} NOT NULL, revision {int} NOT NULL, before_paise {int} NOT NULL, after_paise {int} NOT NULL,
              inputs_hash {bytes} NOT NULL, PRIMARY KEY (org_id, run_id, account_id, day)) {keyed_table}
            """,
            """
            CREATE TABLE rating_run_part (org_id {id} NOT NULL, run_id {id} NOT NULL, account_id {id} NOT NULL,
              day {int} NOT NULL, component {text} NOT NULL, before_paise {int} NOT NULL, after_paise {int} NOT NULL,
              PRIMARY KEY (org_id, run_id, account_id, day, component)) {keyed_table}
            """,
            """
            CREATE TABLE rating_correction (org_id {id} NOT NULL, correction_id {id} NOT NULL,
              account_id {id} NOT NULL, at_ms {int} NOT NULL, first_day {int} NOT NULL, last_day {int} NOT NULL,
              days {int} NOT NULL, difference_paise {int} NOT NULL, PRIMARY KEY (org_id, correction_id)) {table}
            """,
            "CREATE INDEX rating_correction_account ON rating_correction (org_id, account_id, correction_id)",
            "CREATE INDEX rating_correction_time ON rating_correction (org_id, at_ms)",
            """
            CREATE TABLE work_item (org_id {id} NOT NULL, run {text} NOT NULL, account_id {id} NOT NULL,
              item {text} NOT NULL, mender {text} NOT NULL, reason {text} NOT NULL, since_ms {int} NOT NULL,
              latest_ms {int} NOT NULL, attempts {int} NOT NULL, PRIMARY KEY (org_id, run, account_id, item))
              {keyed_table}
            """,
            """
            CREATE TABLE month_closing (org_id {id} NOT NULL, month_index {int} NOT NULL, accounts {int} NOT NULL,
              open_accounts {int} NOT NULL, charged_paise {int} NOT NULL, posted_paise {int} NOT NULL,
              checked_at_ms {int} NOT NULL, closed_at_ms {int}, PRIMARY KEY (org_id, month_index)) {keyed_table}
            """,
            """
            CREATE TABLE wallet_order (org_id {id} NOT NULL, account_id {id} NOT NULL, place {int} NOT NULL,
              to_account_id {id} NOT NULL, PRIMARY KEY (org_id, account_id, place)) {keyed_table}
            """,
        ])
}
