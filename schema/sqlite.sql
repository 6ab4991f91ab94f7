CREATE TABLE adjustment (org_id INTEGER NOT NULL, entry_id INTEGER NOT NULL, account_id INTEGER NOT NULL, reason TEXT NOT NULL, login_id INTEGER NOT NULL, PRIMARY KEY (org_id, entry_id)) STRICT, WITHOUT ROWID
CREATE TABLE api_key (org_id INTEGER NOT NULL, key_id INTEGER NOT NULL, name TEXT NOT NULL, secret_hash BLOB NOT NULL, role TEXT NOT NULL, permissions TEXT NOT NULL, place_id INTEGER, login_id INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, last_used_day INTEGER, revoked_at_ms INTEGER, PRIMARY KEY (org_id, key_id)) STRICT
CREATE UNIQUE INDEX api_key_id ON api_key (key_id)
CREATE TABLE audit (org_id INTEGER NOT NULL, audit_id INTEGER NOT NULL, system_at_ms INTEGER NOT NULL, business_at_ms INTEGER NOT NULL, login_id INTEGER NOT NULL, role TEXT NOT NULL, source TEXT NOT NULL, command TEXT NOT NULL, why TEXT NOT NULL, subject_id INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (org_id, audit_id)) STRICT, WITHOUT ROWID
CREATE INDEX audit_business ON audit (org_id, business_at_ms, audit_id)
CREATE INDEX audit_login ON audit (org_id, login_id, audit_id)
CREATE INDEX audit_subject ON audit (org_id, subject_id, audit_id)
CREATE TABLE audit_change (org_id INTEGER NOT NULL, audit_id INTEGER NOT NULL, line INTEGER NOT NULL, kind TEXT NOT NULL, subject_id INTEGER NOT NULL, field TEXT NOT NULL, old_value TEXT, new_value TEXT, salt BLOB, marks BLOB, PRIMARY KEY (org_id, audit_id, line)) STRICT, WITHOUT ROWID
CREATE INDEX audit_change_subject ON audit_change (org_id, kind, subject_id, audit_id)
CREATE TABLE audit_head (org_id INTEGER NOT NULL, lane INTEGER NOT NULL, row_count INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (org_id, lane)) STRICT, WITHOUT ROWID
CREATE TABLE audit_link (org_id INTEGER NOT NULL, lane INTEGER NOT NULL, number INTEGER NOT NULL, audit_id INTEGER NOT NULL, salt BLOB, marks BLOB NOT NULL, row_hash BLOB NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (org_id, lane, number)) STRICT, WITHOUT ROWID
CREATE UNIQUE INDEX audit_link_audit ON audit_link (org_id, audit_id)
CREATE TABLE audit_prologue (org_id INTEGER NOT NULL, row_count INTEGER NOT NULL, last_audit_id INTEGER NOT NULL, is_open INTEGER NOT NULL, PRIMARY KEY (org_id)) STRICT, WITHOUT ROWID
CREATE TABLE change_counter (org_id INTEGER NOT NULL, stream TEXT NOT NULL, month_index INTEGER NOT NULL, last_change INTEGER NOT NULL, PRIMARY KEY (org_id, stream, month_index)) STRICT, WITHOUT ROWID
CREATE TABLE change_cursor (org_id INTEGER NOT NULL, stream TEXT NOT NULL, consumer TEXT NOT NULL, month_index INTEGER NOT NULL, change INTEGER NOT NULL, PRIMARY KEY (org_id, stream, consumer, month_index)) STRICT, WITHOUT ROWID
CREATE TABLE charge (org_id INTEGER NOT NULL, day INTEGER NOT NULL, account_id INTEGER NOT NULL, revision INTEGER NOT NULL, meter_id INTEGER NOT NULL, block_version INTEGER NOT NULL, packs TEXT NOT NULL, sanctioned_w INTEGER NOT NULL, inputs_hash BLOB NOT NULL, energy_wh INTEGER NOT NULL, base_energy_paise INTEGER NOT NULL, add_on_energy_paise INTEGER NOT NULL, fixed_paise INTEGER NOT NULL, duty_paise INTEGER NOT NULL, total_paise INTEGER NOT NULL, estimated_slots INTEGER NOT NULL, opening_state BLOB NOT NULL, closing_state BLOB NOT NULL, entry_id INTEGER, rated_at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, day, account_id, revision)) STRICT, WITHOUT ROWID
CREATE INDEX charge_account ON charge (org_id, account_id, day, revision)
CREATE TABLE collection (org_id INTEGER NOT NULL, day INTEGER NOT NULL, meter_id INTEGER NOT NULL, state TEXT NOT NULL, expected_slots INTEGER NOT NULL, have_slots INTEGER NOT NULL, slots TEXT NOT NULL, attempt INTEGER NOT NULL, next_at_ms INTEGER NOT NULL, last_error TEXT, last_attempt_at_ms INTEGER, cause TEXT, early_slots INTEGER, day_slots INTEGER, register_at_ms INTEGER, PRIMARY KEY (org_id, day, meter_id)) STRICT, WITHOUT ROWID
CREATE INDEX collection_due ON collection (org_id, state, next_at_ms)
CREATE TABLE command_log (org_id INTEGER NOT NULL, command_key TEXT NOT NULL, content_hash BLOB NOT NULL, output TEXT NOT NULL, PRIMARY KEY (org_id, command_key)) STRICT, WITHOUT ROWID
CREATE TABLE counter_change (org_id INTEGER NOT NULL, change_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, state TEXT NOT NULL, lowers INTEGER NOT NULL, why TEXT NOT NULL, asked_at_ms INTEGER NOT NULL, ended_at_ms INTEGER, old_counter INTEGER, new_counter INTEGER, meter_counter INTEGER, answer TEXT, PRIMARY KEY (org_id, change_id)) STRICT
CREATE INDEX counter_change_meter ON counter_change (org_id, meter_id, change_id)
CREATE INDEX counter_change_state ON counter_change (org_id, state, change_id)
CREATE TABLE day_block (org_id INTEGER NOT NULL, day INTEGER NOT NULL, meter_id INTEGER NOT NULL, channel INTEGER NOT NULL, version INTEGER NOT NULL, change INTEGER NOT NULL, lowest_quality INTEGER NOT NULL, total_value INTEGER NOT NULL, interval_values BLOB NOT NULL, qualities BLOB NOT NULL, sources BLOB NOT NULL, made_at_ms INTEGER NOT NULL, made_by TEXT NOT NULL, PRIMARY KEY (org_id, day, meter_id, channel, version)) STRICT, WITHOUT ROWID
CREATE INDEX day_block_change ON day_block (org_id, change)
CREATE TABLE exchange_document (org_id INTEGER NOT NULL, document_id INTEGER NOT NULL, sha256 BLOB NOT NULL, name TEXT NOT NULL, message_id TEXT, correlation_id TEXT, started_at_ms INTEGER NOT NULL, finished_at_ms INTEGER, counts TEXT NOT NULL, refused_count INTEGER NOT NULL, PRIMARY KEY (org_id, document_id)) STRICT
CREATE UNIQUE INDEX exchange_document_sha256 ON exchange_document (org_id, sha256)
CREATE TABLE exchange_order (org_id INTEGER NOT NULL, order_id INTEGER NOT NULL, order_key TEXT NOT NULL, correlation_id TEXT NOT NULL, subject TEXT NOT NULL, meter_id INTEGER, kind TEXT NOT NULL, asked_at_ms INTEGER NOT NULL, command_key TEXT, fault_code TEXT, fault TEXT, PRIMARY KEY (org_id, order_id)) STRICT
CREATE INDEX exchange_order_correlation ON exchange_order (org_id, correlation_id, order_id)
CREATE UNIQUE INDEX exchange_order_key ON exchange_order (org_id, order_key)
CREATE TABLE exchange_refusal (org_id INTEGER NOT NULL, document_id INTEGER NOT NULL, number INTEGER NOT NULL, line INTEGER NOT NULL, what TEXT NOT NULL, subject TEXT, PRIMARY KEY (org_id, document_id, number)) STRICT, WITHOUT ROWID
CREATE TABLE firmware_image (org_id INTEGER NOT NULL, sha256 TEXT NOT NULL, version TEXT NOT NULL, byte_count INTEGER NOT NULL, content BLOB NOT NULL, added_by INTEGER NOT NULL, added_at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, sha256)) STRICT
CREATE UNIQUE INDEX firmware_image_version ON firmware_image (org_id, version)
CREATE TABLE import_refusal (org_id INTEGER NOT NULL, import_id INTEGER NOT NULL, line INTEGER NOT NULL, row_number INTEGER NOT NULL, what TEXT NOT NULL, hint TEXT NOT NULL, row_text TEXT NOT NULL, PRIMARY KEY (org_id, import_id, line)) STRICT, WITHOUT ROWID
CREATE TABLE import_run (org_id INTEGER NOT NULL, import_id INTEGER NOT NULL, file_sha256 BLOB NOT NULL, file TEXT NOT NULL, row_count INTEGER NOT NULL, value_count INTEGER NOT NULL, refused_count INTEGER NOT NULL, started_at_ms INTEGER NOT NULL, finished_at_ms INTEGER, PRIMARY KEY (org_id, import_id)) STRICT
CREATE UNIQUE INDEX import_run_file ON import_run (org_id, file_sha256)
CREATE TABLE installation (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, from_day INTEGER NOT NULL, to_day INTEGER, account_id INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id, from_day)) STRICT, WITHOUT ROWID
CREATE INDEX installation_account ON installation (org_id, account_id, from_day)
CREATE TABLE invocation_counter (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, next_counter INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id)) STRICT, WITHOUT ROWID
CREATE TABLE job (org_id INTEGER NOT NULL, job_id INTEGER NOT NULL, kind TEXT NOT NULL, job_key TEXT NOT NULL, place INTEGER NOT NULL, state TEXT NOT NULL, run_at_ms INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, lease_until_ms INTEGER NOT NULL, holder TEXT, attempt INTEGER NOT NULL, started_at_ms INTEGER, ended_at_ms INTEGER, done_count INTEGER NOT NULL, result TEXT, last_error TEXT, asked_by INTEGER, PRIMARY KEY (org_id, job_id)) STRICT
CREATE INDEX job_due ON job (org_id, state, run_at_ms)
CREATE UNIQUE INDEX job_key_unique ON job (org_id, kind, job_key)
CREATE TABLE job_pause (org_id INTEGER NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, login_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, kind)) STRICT, WITHOUT ROWID
CREATE TABLE job_run (org_id INTEGER NOT NULL, run_id INTEGER NOT NULL, kind TEXT NOT NULL, job_key TEXT NOT NULL, state TEXT NOT NULL, started_at_ms INTEGER NOT NULL, started_system_ms INTEGER NOT NULL, ended_at_ms INTEGER, duration_ms INTEGER, done_count INTEGER NOT NULL, result TEXT, error TEXT, holder TEXT NOT NULL, asked_by INTEGER, PRIMARY KEY (org_id, run_id)) STRICT
CREATE INDEX job_run_kind ON job_run (org_id, kind, run_id)
CREATE TABLE journal_balance (org_id INTEGER NOT NULL, journal_account_id INTEGER NOT NULL, debit_balance_paise INTEGER NOT NULL, estimated_paise INTEGER NOT NULL, PRIMARY KEY (org_id, journal_account_id)) STRICT, WITHOUT ROWID
CREATE TABLE journal_entry (org_id INTEGER NOT NULL, entry_id INTEGER NOT NULL, entry_key TEXT NOT NULL, kind TEXT NOT NULL, business_at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, entry_id)) STRICT
CREATE UNIQUE INDEX journal_entry_key ON journal_entry (org_id, entry_key)
CREATE TABLE liveness (org_id INTEGER NOT NULL, poll_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, state TEXT NOT NULL, asked_at_ms INTEGER, took_ms INTEGER, detail TEXT, PRIMARY KEY (org_id, poll_id, meter_id)) STRICT, WITHOUT ROWID
CREATE INDEX liveness_meter ON liveness (org_id, meter_id, poll_id)
CREATE TABLE liveness_poll (org_id INTEGER NOT NULL, poll_id INTEGER NOT NULL, poll_key TEXT NOT NULL, title TEXT NOT NULL, why TEXT NOT NULL, login_id INTEGER NOT NULL, asked_at_ms INTEGER NOT NULL, meters INTEGER NOT NULL, ended_at_ms INTEGER, PRIMARY KEY (org_id, poll_id)) STRICT
CREATE UNIQUE INDEX liveness_poll_key ON liveness_poll (org_id, poll_key)
CREATE TABLE login (org_id INTEGER NOT NULL, login_id INTEGER NOT NULL, username TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, password_hash TEXT NOT NULL, language TEXT NOT NULL, account_id INTEGER, place_id INTEGER, disabled_at_ms INTEGER, PRIMARY KEY (org_id, login_id)) STRICT
CREATE UNIQUE INDEX login_username ON login (username)
CREATE TABLE login_half_open (token_hash BLOB NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, login_id INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL) STRICT
CREATE INDEX login_half_open_login ON login_half_open (org_id, login_id)
CREATE TABLE login_recovery (org_id INTEGER NOT NULL, login_id INTEGER NOT NULL, code_hash BLOB NOT NULL, used_at_ms INTEGER, PRIMARY KEY (org_id, login_id, code_hash)) STRICT
CREATE TABLE login_totp (org_id INTEGER NOT NULL, login_id INTEGER NOT NULL, sealed_secret BLOB NOT NULL, confirmed_at_ms INTEGER, last_step INTEGER NOT NULL, PRIMARY KEY (org_id, login_id)) STRICT
CREATE TABLE message (org_id INTEGER NOT NULL, message_id INTEGER NOT NULL, message_key TEXT NOT NULL, account_id INTEGER NOT NULL, template TEXT NOT NULL, amount_paise INTEGER, business_at_ms INTEGER NOT NULL, delivery TEXT NOT NULL, PRIMARY KEY (org_id, message_id)) STRICT
CREATE INDEX message_account ON message (org_id, account_id, message_id)
CREATE UNIQUE INDEX message_key_unique ON message (org_id, message_key)
CREATE TABLE meter (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, serial TEXT NOT NULL, profile_name TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, client_address INTEGER NOT NULL, authentication TEXT NOT NULL, sealed_keys BLOB, capture_period_s INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id)) STRICT
CREATE UNIQUE INDEX meter_serial ON meter (org_id, serial)
CREATE TABLE meter_clock (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, measured_at_ms INTEGER NOT NULL, drift_s INTEGER NOT NULL, refused TEXT, PRIMARY KEY (org_id, meter_id)) STRICT, WITHOUT ROWID
CREATE TABLE meter_clock_entry (org_id INTEGER NOT NULL, entry_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, action TEXT NOT NULL, before_s INTEGER NOT NULL, after_s INTEGER, threshold_s INTEGER NOT NULL, why TEXT NOT NULL, PRIMARY KEY (org_id, entry_id)) STRICT
CREATE INDEX meter_clock_entry_meter ON meter_clock_entry (org_id, meter_id, entry_id)
CREATE TABLE meter_command (org_id INTEGER NOT NULL, command_id INTEGER NOT NULL, command_key TEXT NOT NULL, meter_id INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, created_at_ms INTEGER NOT NULL, next_at_ms INTEGER NOT NULL, attempt INTEGER NOT NULL, answer TEXT, sent_at_ms INTEGER, ended_at_ms INTEGER, aside_at_ms INTEGER, aside_why TEXT, revision INTEGER, progress_done INTEGER, progress_count INTEGER, PRIMARY KEY (org_id, command_id)) STRICT
CREATE INDEX meter_command_created ON meter_command (org_id, created_at_ms)
CREATE INDEX meter_command_due ON meter_command (org_id, state, next_at_ms)
CREATE UNIQUE INDEX meter_command_key ON meter_command (org_id, command_key)
CREATE INDEX meter_command_meter ON meter_command (org_id, meter_id, command_id)
CREATE TABLE meter_event (org_id INTEGER NOT NULL, day INTEGER NOT NULL, meter_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, code INTEGER NOT NULL, PRIMARY KEY (org_id, day, meter_id, at_ms, code)) STRICT, WITHOUT ROWID
CREATE TABLE meter_key (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, key_number INTEGER NOT NULL, state TEXT NOT NULL, sealed_next BLOB, changed_at_ms INTEGER, asked_at_ms INTEGER, next_at_ms INTEGER NOT NULL, attempt INTEGER NOT NULL, last_error TEXT, holder TEXT, lease_until_ms INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id)) STRICT, WITHOUT ROWID
CREATE INDEX meter_key_due ON meter_key (org_id, state, next_at_ms)
CREATE TABLE meter_lease (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, holder TEXT NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id)) STRICT, WITHOUT ROWID
CREATE TABLE meter_order (org_id INTEGER NOT NULL, order_id INTEGER NOT NULL, matter TEXT NOT NULL, desired TEXT NOT NULL, reason TEXT NOT NULL, meter_group TEXT NOT NULL, state TEXT NOT NULL, login_id INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, approved_by INTEGER, approved_at_ms INTEGER, wave_size INTEGER NOT NULL, pause_ms INTEGER NOT NULL, next_wave_ms INTEGER NOT NULL, below_paise INTEGER, ended_at_ms INTEGER, ended_why TEXT, PRIMARY KEY (org_id, order_id)) STRICT
CREATE INDEX meter_order_state ON meter_order (org_id, state, order_id)
CREATE TABLE meter_order_target (org_id INTEGER NOT NULL, order_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, account_id INTEGER, state TEXT NOT NULL, is_tried INTEGER NOT NULL, answer TEXT, ended_at_ms INTEGER, PRIMARY KEY (org_id, order_id, meter_id)) STRICT, WITHOUT ROWID
CREATE INDEX meter_order_target_meter ON meter_order_target (org_id, meter_id, state)
CREATE INDEX meter_order_target_state ON meter_order_target (org_id, order_id, state, meter_id)
CREATE TABLE meter_replacement (org_id INTEGER NOT NULL, old_meter_id INTEGER NOT NULL, day INTEGER NOT NULL, new_meter_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, old_meter_id)) STRICT, WITHOUT ROWID
CREATE INDEX meter_replacement_day ON meter_replacement (org_id, day)
CREATE TABLE meter_title (org_id INTEGER NOT NULL, title TEXT NOT NULL, meter_id INTEGER NOT NULL, learned_at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, title)) STRICT, WITHOUT ROWID
CREATE INDEX meter_title_meter ON meter_title (org_id, meter_id)
CREATE TABLE meter_wish (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, matter TEXT NOT NULL, desired TEXT NOT NULL, revision INTEGER NOT NULL, wanted_at_ms INTEGER NOT NULL, reason TEXT NOT NULL, authority TEXT NOT NULL, order_id INTEGER, state TEXT NOT NULL, actual TEXT, actual_at_ms INTEGER, drifted_at_ms INTEGER, resent_count INTEGER NOT NULL, next_check_ms INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id, matter)) STRICT, WITHOUT ROWID
CREATE INDEX meter_wish_check ON meter_wish (org_id, state, next_check_ms)
CREATE TABLE org (org_id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, zone TEXT NOT NULL, currency TEXT NOT NULL) STRICT
CREATE TABLE outbox (org_id INTEGER NOT NULL, event_id INTEGER NOT NULL, kind TEXT NOT NULL, subject_id INTEGER NOT NULL, detail TEXT NOT NULL, business_at_ms INTEGER NOT NULL, attempt INTEGER NOT NULL, last_error TEXT, next_at_ms INTEGER NOT NULL DEFAULT 0, aside_at_ms INTEGER, aside_why TEXT, PRIMARY KEY (event_id)) STRICT
CREATE TABLE pack (org_id INTEGER NOT NULL, pack_id TEXT NOT NULL, version INTEGER NOT NULL, kind TEXT NOT NULL, from_day INTEGER NOT NULL, definition TEXT NOT NULL, PRIMARY KEY (org_id, pack_id, version)) STRICT, WITHOUT ROWID
CREATE TABLE place (org_id INTEGER NOT NULL, place_id INTEGER NOT NULL, parent_id INTEGER, kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (org_id, place_id)) STRICT, WITHOUT ROWID
CREATE TABLE place_path (org_id INTEGER NOT NULL, ancestor_id INTEGER NOT NULL, place_id INTEGER NOT NULL, PRIMARY KEY (org_id, ancestor_id, place_id)) STRICT, WITHOUT ROWID
CREATE TABLE posting (org_id INTEGER NOT NULL, entry_id INTEGER NOT NULL, line INTEGER NOT NULL, journal_account_id INTEGER NOT NULL, amount_paise INTEGER NOT NULL, kind TEXT NOT NULL, supply_day INTEGER, revision INTEGER, estimated INTEGER NOT NULL, PRIMARY KEY (org_id, entry_id, line), FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry (org_id, entry_id)) STRICT
CREATE INDEX posting_account ON posting (org_id, journal_account_id, entry_id, line)
CREATE TABLE process_lease (process_number INTEGER NOT NULL PRIMARY KEY, holder TEXT NOT NULL, lease_until_ms INTEGER NOT NULL) STRICT
CREATE TABLE push_aside (org_id INTEGER NOT NULL, aside_key TEXT NOT NULL, aside_id INTEGER NOT NULL, reason TEXT NOT NULL, meter_id INTEGER, sender TEXT NOT NULL, remote TEXT NOT NULL, apdu BLOB NOT NULL, times INTEGER NOT NULL, first_at_ms INTEGER NOT NULL, last_at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, aside_key)) STRICT, WITHOUT ROWID
CREATE INDEX push_aside_last ON push_aside (org_id, last_at_ms, aside_id)
CREATE TABLE push_sender (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, key_number INTEGER NOT NULL, highest INTEGER, seen INTEGER NOT NULL, words BLOB NOT NULL, last_at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id)) STRICT, WITHOUT ROWID
CREATE TABLE rating_refusal (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, day INTEGER NOT NULL, account_id INTEGER NOT NULL, slots INTEGER NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, meter_id, day)) STRICT, WITHOUT ROWID
CREATE TABLE raw_frames (org_id INTEGER NOT NULL, day INTEGER NOT NULL, meter_id INTEGER NOT NULL, batch_id INTEGER NOT NULL, frames BLOB NOT NULL, PRIMARY KEY (org_id, day, meter_id, batch_id)) STRICT, WITHOUT ROWID
CREATE TABLE raw_read (org_id INTEGER NOT NULL, day INTEGER NOT NULL, meter_id INTEGER NOT NULL, batch_id INTEGER NOT NULL, change INTEGER NOT NULL, read_at_ms INTEGER NOT NULL, rows BLOB NOT NULL, register_start_wh INTEGER, register_end_wh INTEGER, clock_drift_s INTEGER, acknowledged INTEGER NOT NULL, register_wrap_wh INTEGER, PRIMARY KEY (org_id, day, meter_id, batch_id)) STRICT, WITHOUT ROWID
CREATE INDEX raw_read_change ON raw_read (org_id, change)
CREATE INDEX raw_read_open ON raw_read (org_id, read_at_ms) WHERE acknowledged = 0
CREATE TABLE recharge (org_id INTEGER NOT NULL, recharge_id INTEGER NOT NULL, account_id INTEGER NOT NULL, amount_paise INTEGER NOT NULL, method TEXT NOT NULL, reference TEXT NOT NULL, business_at_ms INTEGER NOT NULL, entry_id INTEGER NOT NULL, PRIMARY KEY (org_id, recharge_id)) STRICT
CREATE UNIQUE INDEX recharge_reference ON recharge (org_id, method, reference)
CREATE TABLE relay (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, wanted TEXT NOT NULL, wanted_at_ms INTEGER NOT NULL, wanted_reason TEXT NOT NULL, actual TEXT, actual_at_ms INTEGER, PRIMARY KEY (org_id, meter_id)) STRICT, WITHOUT ROWID
CREATE TABLE relay_change (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, change_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, side TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (org_id, meter_id, change_id)) STRICT, WITHOUT ROWID
CREATE TABLE seen_event (org_id INTEGER NOT NULL, meter_id INTEGER NOT NULL, code INTEGER NOT NULL, meter_at_ms INTEGER NOT NULL, event_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, severity INTEGER NOT NULL, pushed_at_ms INTEGER, read_at_ms INTEGER, logged_at_ms INTEGER, PRIMARY KEY (org_id, meter_id, code, meter_at_ms)) STRICT, WITHOUT ROWID
CREATE INDEX seen_event_kind ON seen_event (org_id, kind, at_ms, event_id)
CREATE INDEX seen_event_meter ON seen_event (org_id, meter_id, at_ms, event_id)
CREATE UNIQUE INDEX seen_event_order ON seen_event (org_id, at_ms, event_id)
CREATE TABLE service_clock (org_id INTEGER NOT NULL, day INTEGER NOT NULL, clock TEXT NOT NULL, target_ms INTEGER NOT NULL, goal_permille INTEGER NOT NULL, total INTEGER NOT NULL, in_time INTEGER NOT NULL, PRIMARY KEY (org_id, day, clock)) STRICT, WITHOUT ROWID
CREATE TABLE session (token_hash BLOB NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, session_id INTEGER NOT NULL, login_id INTEGER NOT NULL, csrf_token TEXT NOT NULL, created_at_ms INTEGER NOT NULL, seen_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, revoked_at_ms INTEGER, browser TEXT NOT NULL, network TEXT NOT NULL, FOREIGN KEY (org_id, login_id) REFERENCES login (org_id, login_id)) STRICT
CREATE UNIQUE INDEX session_login ON session (org_id, login_id, session_id)
CREATE TABLE setting (org_id INTEGER NOT NULL, name TEXT NOT NULL, from_day INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (org_id, name, from_day)) STRICT, WITHOUT ROWID
CREATE TABLE subscription (org_id INTEGER NOT NULL, subscription_id INTEGER NOT NULL, account_id INTEGER NOT NULL, pack_id TEXT NOT NULL, kind TEXT NOT NULL, from_day INTEGER NOT NULL, to_day INTEGER, state TEXT NOT NULL, PRIMARY KEY (org_id, subscription_id)) STRICT
CREATE INDEX subscription_account ON subscription (org_id, account_id, from_day)
CREATE TABLE supply_account (org_id INTEGER NOT NULL, account_id INTEGER NOT NULL, account_number TEXT NOT NULL, name TEXT NOT NULL, category TEXT NOT NULL, place_id INTEGER NOT NULL, sanctioned_w INTEGER NOT NULL, language TEXT NOT NULL, opened_day INTEGER NOT NULL, closed_day INTEGER, PRIMARY KEY (org_id, account_id)) STRICT
CREATE UNIQUE INDEX supply_account_number ON supply_account (org_id, account_number)
CREATE TABLE supply_decision (org_id INTEGER NOT NULL, decision_id INTEGER NOT NULL, account_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, wanted TEXT NOT NULL, was TEXT NOT NULL, reasons TEXT NOT NULL, balance_paise INTEGER NOT NULL, rules TEXT NOT NULL, PRIMARY KEY (org_id, decision_id)) STRICT
CREATE INDEX supply_decision_account ON supply_decision (org_id, account_id, decision_id)
CREATE INDEX supply_decision_time ON supply_decision (org_id, at_ms)
CREATE TABLE supply_order (org_id INTEGER NOT NULL, account_id INTEGER NOT NULL, kind TEXT NOT NULL, why TEXT NOT NULL, login_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (org_id, account_id)) STRICT, WITHOUT ROWID
CREATE TABLE supply_state (org_id INTEGER NOT NULL, account_id INTEGER NOT NULL, wanted TEXT NOT NULL, since_ms INTEGER NOT NULL, reasons TEXT NOT NULL, low_since_ms INTEGER, warned_at_ms INTEGER, PRIMARY KEY (org_id, account_id)) STRICT, WITHOUT ROWID
CREATE TABLE vee_exception (org_id INTEGER NOT NULL, day INTEGER NOT NULL, meter_id INTEGER NOT NULL, rule TEXT NOT NULL, from_slot INTEGER NOT NULL, to_slot INTEGER NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, raw_values TEXT NOT NULL, raised_at_ms INTEGER NOT NULL, resolved_at_ms INTEGER, resolution TEXT, PRIMARY KEY (org_id, day, meter_id, rule, from_slot)) STRICT, WITHOUT ROWID
