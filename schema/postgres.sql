table account_conversion
  column org_id bigint not null
  column account_id bigint not null
  column begun_at_ms bigint not null
  column reason text collate C not null
  column entry_id bigint
  column posted_at_ms bigint
  constraint account_conversion_pkey PRIMARY KEY (org_id, account_id)
  CREATE INDEX account_conversion_open ON public.account_conversion USING btree (org_id, entry_id)
table account_place
  column org_id bigint not null
  column account_id bigint not null
  column from_day bigint not null
  column place_id bigint not null
  constraint account_place_pkey PRIMARY KEY (org_id, account_id, from_day)
table adjustment
  column org_id bigint not null
  column entry_id bigint not null
  column account_id bigint not null
  column reason text collate C not null
  column login_id bigint not null
  constraint adjustment_pkey PRIMARY KEY (org_id, entry_id)
table api_key
  column org_id bigint not null
  column key_id bigint not null
  column name text collate C not null
  column secret_hash bytea not null
  column role text collate C not null
  column permissions text collate C not null
  column place_id bigint
  column login_id bigint not null
  column created_at_ms bigint not null
  column expires_at_ms bigint not null
  column last_used_day bigint
  column revoked_at_ms bigint
  constraint api_key_pkey PRIMARY KEY (org_id, key_id)
  CREATE UNIQUE INDEX api_key_id ON public.api_key USING btree (key_id)
table arrears_account
  column org_id bigint not null
  column account_id bigint not null
  column journal_account_id bigint not null
  constraint arrears_account_pkey PRIMARY KEY (org_id, account_id)
  CREATE UNIQUE INDEX arrears_account_journal ON public.arrears_account USING btree (org_id, journal_account_id)
table arrears_item
  column org_id bigint not null
  column entry_id bigint not null
  column account_id bigint not null
  column amount_paise bigint not null
  column since_day bigint not null
  column claim_until_day bigint
  column disconnect_until_day bigint
  column reason text collate C not null
  column login_id bigint not null
  constraint arrears_item_pkey PRIMARY KEY (org_id, entry_id)
  CREATE INDEX arrears_item_account ON public.arrears_item USING btree (org_id, account_id, since_day)
table arrears_plan
  column org_id bigint not null
  column account_id bigint not null
  column daily_paise bigint not null
  column next_day bigint not null
  column state text collate C not null
  column reason text collate C not null
  column login_id bigint not null
  column agreed_at_ms bigint not null
  column problem text collate C
  constraint arrears_plan_pkey PRIMARY KEY (org_id, account_id)
  CREATE INDEX arrears_plan_due ON public.arrears_plan USING btree (org_id, state, next_day)
table aside_closed
  column org_id bigint not null
  column known_id bigint not null
  column aside text collate C not null
  column reason text collate C not null
  column login_id bigint not null
  column at_ms bigint not null
  constraint aside_closed_pkey PRIMARY KEY (org_id, known_id, aside)
table audit
  column org_id bigint not null
  column audit_id bigint not null
  column system_at_ms bigint not null
  column business_at_ms bigint not null
  column login_id bigint not null
  column role text collate C not null
  column source text collate C not null
  column command text collate C not null
  column why text collate C not null
  column subject_id bigint not null
  column content text collate C not null
  constraint audit_pkey PRIMARY KEY (org_id, audit_id)
  CREATE INDEX audit_business ON public.audit USING btree (org_id, business_at_ms, audit_id)
  CREATE INDEX audit_login ON public.audit USING btree (org_id, login_id, audit_id)
  CREATE INDEX audit_subject ON public.audit USING btree (org_id, subject_id, audit_id)
table audit_change
  column org_id bigint not null
  column audit_id bigint not null
  column line bigint not null
  column kind text collate C not null
  column subject_id bigint not null
  column field text collate C not null
  column old_value text collate C
  column new_value text collate C
  column salt bytea
  column marks bytea
  constraint audit_change_pkey PRIMARY KEY (org_id, audit_id, line)
  CREATE INDEX audit_change_subject ON public.audit_change USING btree (org_id, kind, subject_id, audit_id)
table audit_head
  column org_id bigint not null
  column lane bigint not null
  column row_count bigint not null
  column hash bytea not null
  constraint audit_head_pkey PRIMARY KEY (org_id, lane)
table audit_link
  column org_id bigint not null
  column lane bigint not null
  column number bigint not null
  column audit_id bigint not null
  column salt bytea
  column marks bytea not null
  column row_hash bytea not null
  column hash bytea not null
  constraint audit_link_pkey PRIMARY KEY (org_id, lane, number)
  CREATE UNIQUE INDEX audit_link_audit ON public.audit_link USING btree (org_id, audit_id)
table audit_prologue
  column org_id bigint not null
  column row_count bigint not null
  column last_audit_id bigint not null
  column is_open bigint not null
  constraint audit_prologue_pkey PRIMARY KEY (org_id)
table change_counter
  column org_id bigint not null
  column stream text collate C not null
  column month_index bigint not null
  column last_change bigint not null
  constraint change_counter_pkey PRIMARY KEY (org_id, stream, month_index)
table change_cursor
  column org_id bigint not null
  column stream text collate C not null
  column consumer text collate C not null
  column month_index bigint not null
  column change bigint not null
  constraint change_cursor_pkey PRIMARY KEY (org_id, stream, consumer, month_index)
table change_request
  column org_id bigint not null
  column request_id bigint not null
  column command text collate C not null
  column payload text collate C not null
  column content text collate C not null
  column content_hash bytea not null
  column request_key text collate C
  column subject_id bigint not null
  column changes text collate C not null
  column login_id bigint not null
  column key_id bigint
  column source text collate C not null
  column why text collate C not null
  column made_at_ms bigint not null
  column lapses_at_ms bigint not null
  column state text collate C not null
  column checked_by bigint
  column checked_at_ms bigint
  column note text collate C not null
  column output text collate C
  constraint change_request_pkey PRIMARY KEY (org_id, request_id)
  CREATE UNIQUE INDEX change_request_key ON public.change_request USING btree (org_id, request_key)
  CREATE INDEX change_request_login ON public.change_request USING btree (org_id, login_id, request_id)
  CREATE INDEX change_request_state ON public.change_request USING btree (org_id, state, request_id)
table charge
  column org_id bigint not null
  column day bigint not null
  column account_id bigint not null
  column revision bigint not null
  column meter_id bigint not null
  column block_version bigint not null
  column packs text collate C not null
  column sanctioned_w bigint not null
  column inputs_hash bytea not null
  column energy_wh bigint not null
  column base_energy_paise bigint not null
  column add_on_energy_paise bigint not null
  column fixed_paise bigint not null
  column duty_paise bigint not null
  column total_paise bigint not null
  column estimated_slots bigint not null
  column opening_state bytea not null
  column closing_state bytea not null
  column entry_id bigint
  column rated_at_ms bigint not null
  column corridor text collate C not null default ''::text
  column other_paise bigint not null default 0
  column components text collate C not null default ''::text
  column export_version bigint not null default 0
  constraint charge_pkey PRIMARY KEY (org_id, day, account_id, revision)
  CREATE INDEX charge_account ON public.charge USING btree (org_id, account_id, day, revision)
table collection
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column state text collate C not null
  column expected_slots bigint not null
  column have_slots bigint not null
  column slots text collate C not null
  column attempt bigint not null
  column next_at_ms bigint not null
  column last_error text collate C
  column last_attempt_at_ms bigint
  column cause text collate C
  column early_slots bigint
  column day_slots bigint
  column register_at_ms bigint
  constraint collection_pkey PRIMARY KEY (org_id, day, meter_id)
  CREATE INDEX collection_due ON public.collection USING btree (org_id, state, next_at_ms)
table command_log
  column org_id bigint not null
  column command_key text collate C not null
  column content_hash bytea not null
  column output text collate C not null
  constraint command_log_pkey PRIMARY KEY (org_id, command_key)
table company_calendar
  column org_id bigint not null
  column name text collate C not null
  column version bigint not null
  column from_day bigint not null
  column definition text collate C not null
  column stored_by bigint not null
  column stored_at_ms bigint not null
  constraint company_calendar_pkey PRIMARY KEY (org_id, name, version)
table counter_change
  column org_id bigint not null
  column change_id bigint not null
  column meter_id bigint not null
  column state text collate C not null
  column lowers bigint not null
  column why text collate C not null
  column asked_at_ms bigint not null
  column ended_at_ms bigint
  column old_counter bigint
  column new_counter bigint
  column meter_counter bigint
  column answer text collate C
  constraint counter_change_pkey PRIMARY KEY (org_id, change_id)
  CREATE INDEX counter_change_meter ON public.counter_change USING btree (org_id, meter_id, change_id)
  CREATE INDEX counter_change_state ON public.counter_change USING btree (org_id, state, change_id)
table day_block partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column channel bigint not null
  column version bigint not null
  column change bigint not null
  column lowest_quality bigint not null
  column total_value bigint not null
  column interval_values bytea not null
  column qualities bytea not null
  column sources bytea not null
  column made_at_ms bigint not null
  column made_by text collate C not null
  constraint day_block_pkey PRIMARY KEY (org_id, day, meter_id, channel, version)
  CREATE INDEX day_block_change ON ONLY public.day_block USING btree (org_id, change)
table day_context partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column register_start_wh bigint
  column register_end_wh bigint
  column clock_drift_s bigint
  column outages text collate C not null
  column tamper_events bigint not null
  column is_disconnected bigint not null
  constraint day_context_pkey PRIMARY KEY (org_id, day, meter_id)
table estimation_log partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column channel bigint not null
  column version bigint not null
  column from_slot bigint not null
  column to_slot bigint not null
  column method text collate C not null
  column shape text collate C
  column confidence text collate C not null
  column energy bigint not null
  column expected_error bigint not null
  column reason text collate C not null
  column register_wh bigint
  column made_at_ms bigint not null
  column replaced_slots bigint not null
  column replaced_estimate bigint not null
  column replaced_actual bigint not null
  column absolute_error bigint not null
  column replaced_at_ms bigint
  constraint estimation_log_pkey PRIMARY KEY (org_id, day, meter_id, channel, version, from_slot)
table estimation_plan
  column org_id bigint not null
  column group_kind text collate C not null
  column group_value text collate C not null
  column from_day bigint not null
  column plan text collate C not null
  column set_at_ms bigint not null
  column set_by bigint not null
  constraint estimation_plan_pkey PRIMARY KEY (org_id, group_kind, group_value, from_day)
table exchange_document
  column org_id bigint not null
  column document_id bigint not null
  column sha256 bytea not null
  column name text collate C not null
  column message_id text collate C
  column correlation_id text collate C
  column started_at_ms bigint not null
  column finished_at_ms bigint
  column counts text collate C not null
  column refused_count bigint not null
  constraint exchange_document_pkey PRIMARY KEY (org_id, document_id)
  CREATE UNIQUE INDEX exchange_document_sha256 ON public.exchange_document USING btree (org_id, sha256)
table exchange_order
  column org_id bigint not null
  column order_id bigint not null
  column order_key text collate C not null
  column correlation_id text collate C not null
  column subject text collate C not null
  column meter_id bigint
  column kind text collate C not null
  column asked_at_ms bigint not null
  column command_key text collate C
  column fault_code text collate C
  column fault text collate C
  constraint exchange_order_pkey PRIMARY KEY (org_id, order_id)
  CREATE INDEX exchange_order_correlation ON public.exchange_order USING btree (org_id, correlation_id, order_id)
  CREATE UNIQUE INDEX exchange_order_key ON public.exchange_order USING btree (org_id, order_key)
table exchange_refusal
  column org_id bigint not null
  column document_id bigint not null
  column number bigint not null
  column line bigint not null
  column what text collate C not null
  column subject text collate C
  constraint exchange_refusal_pkey PRIMARY KEY (org_id, document_id, number)
table firmware_image
  column org_id bigint not null
  column sha256 text collate C not null
  column version text collate C not null
  column byte_count bigint not null
  column content bytea not null
  column added_by bigint not null
  column added_at_ms bigint not null
  constraint firmware_image_pkey PRIMARY KEY (org_id, sha256)
  CREATE UNIQUE INDEX firmware_image_version ON public.firmware_image USING btree (org_id, version)
table forecast_error partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meters bigint not null
  column maker text collate C not null
  column version bigint not null
  column groups bigint not null
  column intervals bigint not null
  column left_out bigint not null
  column absolute_value bigint not null
  column signed_value bigint not null
  column truth_value bigint not null
  constraint forecast_error_pkey PRIMARY KEY (org_id, day, meters, maker)
table forecast_issue
  column org_id bigint not null
  column day bigint not null
  column issued_at_ms bigint not null
  column known_day bigint not null
  column sets bigint not null
  column meters bigint not null
  column total_value bigint
  constraint forecast_issue_pkey PRIMARY KEY (org_id, day)
table gateway_payment
  column org_id bigint not null
  column gateway text collate C not null
  column payment_id text collate C not null
  column gateway_order_id text collate C not null
  column amount_paise bigint not null
  column currency text collate C not null
  column state text collate C not null
  column known_id bigint not null
  column first_at_ms bigint not null
  column entry_id bigint
  column aside text collate C
  constraint gateway_payment_pkey PRIMARY KEY (org_id, gateway, payment_id)
  CREATE INDEX gateway_payment_aside ON public.gateway_payment USING btree (org_id, aside, known_id)
  CREATE INDEX gateway_payment_order ON public.gateway_payment USING btree (org_id, gateway, gateway_order_id)
table grid_meter
  column org_id bigint not null
  column meter_id bigint not null
  column from_day bigint not null
  column to_day bigint
  column place_id bigint not null
  constraint grid_meter_pkey PRIMARY KEY (org_id, meter_id, from_day)
  CREATE INDEX grid_meter_place ON public.grid_meter USING btree (org_id, place_id, from_day)
table grid_node
  column org_id bigint not null
  column node_id bigint not null
  column kind text collate C not null
  column name text collate C not null
  constraint grid_node_pkey PRIMARY KEY (org_id, node_id)
  CREATE UNIQUE INDEX grid_node_name ON public.grid_node USING btree (org_id, kind, name)
table grid_node_facts
  column org_id bigint not null
  column node_id bigint not null
  column from_day bigint not null
  column revision bigint not null
  column geography text collate C
  column injecting_stu bigint
  column drawing_stu bigint
  column ctu_capable bigint not null
  column res_id bigint
  column capacity_w bigint
  column made_at_ms bigint not null
  constraint grid_node_facts_pkey PRIMARY KEY (org_id, node_id, from_day, revision)
table grid_node_term
  column org_id bigint not null
  column node_id bigint not null
  column term text collate C not null
  column from_day bigint not null
  column revision bigint not null
  column value bigint not null
  column made_at_ms bigint not null
  constraint grid_node_term_pkey PRIMARY KEY (org_id, node_id, term, from_day, revision)
table import_refusal
  column org_id bigint not null
  column import_id bigint not null
  column line bigint not null
  column row_number bigint not null
  column what text collate C not null
  column hint text collate C not null
  column row_text text collate C not null
  constraint import_refusal_pkey PRIMARY KEY (org_id, import_id, line)
table import_run
  column org_id bigint not null
  column import_id bigint not null
  column file_sha256 bytea not null
  column file text collate C not null
  column row_count bigint not null
  column value_count bigint not null
  column refused_count bigint not null
  column started_at_ms bigint not null
  column finished_at_ms bigint
  column kind text collate C
  column source text collate C
  column report text collate C
  constraint import_run_pkey PRIMARY KEY (org_id, import_id)
  CREATE UNIQUE INDEX import_run_file ON public.import_run USING btree (org_id, file_sha256)
table installation
  column org_id bigint not null
  column meter_id bigint not null
  column from_day bigint not null
  column to_day bigint
  column account_id bigint not null
  constraint installation_pkey PRIMARY KEY (org_id, meter_id, from_day)
  CREATE INDEX installation_account ON public.installation USING btree (org_id, account_id, from_day)
table invocation_counter
  column org_id bigint not null
  column meter_id bigint not null
  column next_counter bigint not null
  constraint invocation_counter_pkey PRIMARY KEY (org_id, meter_id)
table job
  column org_id bigint not null
  column job_id bigint not null
  column kind text collate C not null
  column job_key text collate C not null
  column place bigint not null
  column state text collate C not null
  column run_at_ms bigint not null
  column not_before_ms bigint not null
  column lease_until_ms bigint not null
  column holder text collate C
  column attempt bigint not null
  column started_at_ms bigint
  column ended_at_ms bigint
  column done_count bigint not null
  column result text collate C
  column last_error text collate C
  column asked_by bigint
  constraint job_pkey PRIMARY KEY (org_id, job_id)
  CREATE INDEX job_due ON public.job USING btree (org_id, state, run_at_ms)
  CREATE UNIQUE INDEX job_key_unique ON public.job USING btree (org_id, kind, job_key)
table job_pause
  column org_id bigint not null
  column kind text collate C not null
  column reason text collate C not null
  column login_id bigint not null
  column at_ms bigint not null
  constraint job_pause_pkey PRIMARY KEY (org_id, kind)
table job_run
  column org_id bigint not null
  column run_id bigint not null
  column kind text collate C not null
  column job_key text collate C not null
  column state text collate C not null
  column started_at_ms bigint not null
  column started_system_ms bigint not null
  column ended_at_ms bigint
  column duration_ms bigint
  column done_count bigint not null
  column result text collate C
  column error text collate C
  column holder text collate C not null
  column asked_by bigint
  constraint job_run_pkey PRIMARY KEY (org_id, run_id)
  CREATE INDEX job_run_kind ON public.job_run USING btree (org_id, kind, run_id)
table journal_balance
  column org_id bigint not null
  column journal_account_id bigint not null
  column debit_balance_paise bigint not null
  column estimated_paise bigint not null
  constraint journal_balance_pkey PRIMARY KEY (org_id, journal_account_id)
table journal_chart_balance
  column org_id bigint not null
  column journal_account_id bigint not null
  column lane bigint not null
  column debit_balance_paise bigint not null
  column estimated_paise bigint not null
  constraint journal_chart_balance_pkey PRIMARY KEY (org_id, journal_account_id, lane)
table journal_entry
  column org_id bigint not null
  column entry_id bigint not null
  column entry_key text collate C not null
  column kind text collate C not null
  column business_at_ms bigint not null
  column input_digest bytea
  constraint journal_entry_pkey PRIMARY KEY (org_id, entry_id)
  CREATE UNIQUE INDEX journal_entry_key ON public.journal_entry USING btree (org_id, entry_key)
table journal_pending
  column org_id bigint not null
  column pending_id bigint not null
  column pending_key text collate C not null
  column kind text collate C not null
  column business_at_ms bigint not null
  column lapses_at_ms bigint not null
  column input_digest bytea not null
  constraint journal_pending_pkey PRIMARY KEY (org_id, pending_id)
  CREATE UNIQUE INDEX journal_pending_key ON public.journal_pending USING btree (org_id, pending_key)
  CREATE INDEX journal_pending_lapse ON public.journal_pending USING btree (org_id, lapses_at_ms)
table journal_pending_leg
  column org_id bigint not null
  column pending_id bigint not null
  column line bigint not null
  column journal_account_id bigint not null
  column amount_paise bigint not null
  column kind text collate C not null
  column supply_day bigint
  column revision bigint
  column estimated bigint not null
  constraint journal_pending_leg_org_id_pending_id_fkey FOREIGN KEY (org_id, pending_id) REFERENCES journal_pending(org_id, pending_id)
  constraint journal_pending_leg_pkey PRIMARY KEY (org_id, pending_id, line)
  CREATE INDEX journal_pending_leg_account ON public.journal_pending_leg USING btree (org_id, journal_account_id, pending_id)
table journal_period
  column org_id bigint not null
  column entry_id bigint not null
  column month_index bigint not null
  constraint journal_period_org_id_entry_id_fkey FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry(org_id, entry_id)
  constraint journal_period_pkey PRIMARY KEY (org_id, entry_id)
table journal_settlement
  column org_id bigint not null
  column pending_id bigint not null
  column settlement_key text collate C not null
  column entry_id bigint
  column business_at_ms bigint not null
  column input_digest bytea not null
  constraint journal_settlement_org_id_pending_id_fkey FOREIGN KEY (org_id, pending_id) REFERENCES journal_pending(org_id, pending_id)
  constraint journal_settlement_pkey PRIMARY KEY (org_id, pending_id)
  CREATE UNIQUE INDEX journal_settlement_key ON public.journal_settlement USING btree (org_id, settlement_key)
table journal_unsettled
  column org_id bigint not null
  column entry_id bigint not null
  column legs bigint not null
  constraint journal_unsettled_org_id_entry_id_fkey FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry(org_id, entry_id)
  constraint journal_unsettled_pkey PRIMARY KEY (org_id, entry_id)
table liveness
  column org_id bigint not null
  column poll_id bigint not null
  column meter_id bigint not null
  column state text collate C not null
  column asked_at_ms bigint
  column took_ms bigint
  column detail text collate C
  constraint liveness_pkey PRIMARY KEY (org_id, poll_id, meter_id)
  CREATE INDEX liveness_meter ON public.liveness USING btree (org_id, meter_id, poll_id)
table liveness_poll
  column org_id bigint not null
  column poll_id bigint not null
  column poll_key text collate C not null
  column title text collate C not null
  column why text collate C not null
  column login_id bigint not null
  column asked_at_ms bigint not null
  column meters bigint not null
  column ended_at_ms bigint
  constraint liveness_poll_pkey PRIMARY KEY (org_id, poll_id)
  CREATE UNIQUE INDEX liveness_poll_key ON public.liveness_poll USING btree (org_id, poll_key)
table login
  column org_id bigint not null
  column login_id bigint not null
  column username text collate C not null
  column name text collate C not null
  column role text collate C not null
  column password_hash text collate C not null
  column language text collate C not null
  column account_id bigint
  column place_id bigint
  column disabled_at_ms bigint
  constraint login_pkey PRIMARY KEY (org_id, login_id)
  CREATE UNIQUE INDEX login_username ON public.login USING btree (username)
table login_half_open
  column token_hash bytea not null
  column org_id bigint not null
  column login_id bigint not null
  column created_at_ms bigint not null
  column expires_at_ms bigint not null
  constraint login_half_open_pkey PRIMARY KEY (token_hash)
  CREATE INDEX login_half_open_login ON public.login_half_open USING btree (org_id, login_id)
table login_recovery
  column org_id bigint not null
  column login_id bigint not null
  column code_hash bytea not null
  column used_at_ms bigint
  constraint login_recovery_pkey PRIMARY KEY (org_id, login_id, code_hash)
table login_totp
  column org_id bigint not null
  column login_id bigint not null
  column sealed_secret bytea not null
  column confirmed_at_ms bigint
  column last_step bigint not null
  constraint login_totp_pkey PRIMARY KEY (org_id, login_id)
table market_price
  column org_id bigint not null
  column exchange text collate C not null
  column product text collate C not null
  column day bigint not null
  column slot bigint not null
  column revision bigint not null
  column milli_per_kwh bigint not null
  column stored_at_ms bigint not null
  constraint market_price_pkey PRIMARY KEY (org_id, exchange, product, day, slot, revision)
table message
  column org_id bigint not null
  column message_id bigint not null
  column message_key text collate C not null
  column account_id bigint not null
  column template text collate C not null
  column amount_paise bigint
  column business_at_ms bigint not null
  column delivery text collate C not null
  constraint message_pkey PRIMARY KEY (org_id, message_id)
  CREATE INDEX message_account ON public.message USING btree (org_id, account_id, message_id)
  CREATE UNIQUE INDEX message_key_unique ON public.message USING btree (org_id, message_key)
table message_delivery
  column org_id bigint not null
  column message_id bigint not null
  column channel text collate C not null
  column state text collate C not null
  column at_ms bigint not null
  column evidence text collate C not null
  constraint message_delivery_pkey PRIMARY KEY (org_id, message_id, channel, state)
table meter
  column org_id bigint not null
  column meter_id bigint not null
  column serial text collate C not null
  column profile_name text collate C not null
  column host text collate C not null
  column port bigint not null
  column client_address bigint not null
  column authentication text collate C not null
  column sealed_keys bytea
  column capture_period_s bigint not null
  constraint meter_pkey PRIMARY KEY (org_id, meter_id)
  CREATE UNIQUE INDEX meter_serial ON public.meter USING btree (org_id, serial)
table meter_clock
  column org_id bigint not null
  column meter_id bigint not null
  column measured_at_ms bigint not null
  column drift_s bigint not null
  column refused text collate C
  constraint meter_clock_pkey PRIMARY KEY (org_id, meter_id)
table meter_clock_entry
  column org_id bigint not null
  column entry_id bigint not null
  column meter_id bigint not null
  column at_ms bigint not null
  column action text collate C not null
  column before_s bigint not null
  column after_s bigint
  column threshold_s bigint not null
  column why text collate C not null
  constraint meter_clock_entry_pkey PRIMARY KEY (org_id, entry_id)
  CREATE INDEX meter_clock_entry_meter ON public.meter_clock_entry USING btree (org_id, meter_id, entry_id)
table meter_command
  column org_id bigint not null
  column command_id bigint not null
  column command_key text collate C not null
  column meter_id bigint not null
  column kind text collate C not null
  column state text collate C not null
  column why text collate C not null
  column created_at_ms bigint not null
  column next_at_ms bigint not null
  column attempt bigint not null
  column answer text collate C
  column sent_at_ms bigint
  column ended_at_ms bigint
  column aside_at_ms bigint
  column aside_why text collate C
  column revision bigint
  column progress_done bigint
  column progress_count bigint
  constraint meter_command_pkey PRIMARY KEY (org_id, command_id)
  CREATE INDEX meter_command_created ON public.meter_command USING btree (org_id, created_at_ms)
  CREATE INDEX meter_command_due ON public.meter_command USING btree (org_id, state, next_at_ms)
  CREATE UNIQUE INDEX meter_command_key ON public.meter_command USING btree (org_id, command_key)
  CREATE INDEX meter_command_meter ON public.meter_command USING btree (org_id, meter_id, command_id)
table meter_event partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column at_ms bigint not null
  column code bigint not null
  constraint meter_event_pkey PRIMARY KEY (org_id, day, meter_id, at_ms, code)
table meter_key
  column org_id bigint not null
  column meter_id bigint not null
  column key_number bigint not null
  column state text collate C not null
  column sealed_next bytea
  column changed_at_ms bigint
  column asked_at_ms bigint
  column next_at_ms bigint not null
  column attempt bigint not null
  column last_error text collate C
  column holder text collate C
  column lease_until_ms bigint not null
  constraint meter_key_pkey PRIMARY KEY (org_id, meter_id)
  CREATE INDEX meter_key_due ON public.meter_key USING btree (org_id, state, next_at_ms)
table meter_lease
  column org_id bigint not null
  column meter_id bigint not null
  column holder text collate C not null
  column until_ms bigint not null
  constraint meter_lease_pkey PRIMARY KEY (org_id, meter_id)
table meter_month partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column channel bigint not null
  column last_change bigint not null
  column current_days bytea not null
  column earlier_versions bytea not null
  column checksum bytea not null
  constraint meter_month_pkey PRIMARY KEY (org_id, day, meter_id, channel)
  CREATE INDEX meter_month_change ON ONLY public.meter_month USING btree (org_id, last_change)
table meter_order
  column org_id bigint not null
  column order_id bigint not null
  column matter text collate C not null
  column desired text collate C not null
  column reason text collate C not null
  column meter_group text collate C not null
  column state text collate C not null
  column login_id bigint not null
  column created_at_ms bigint not null
  column expires_at_ms bigint not null
  column approved_by bigint
  column approved_at_ms bigint
  column wave_size bigint not null
  column pause_ms bigint not null
  column next_wave_ms bigint not null
  column below_paise bigint
  column ended_at_ms bigint
  column ended_why text collate C
  constraint meter_order_pkey PRIMARY KEY (org_id, order_id)
  CREATE INDEX meter_order_state ON public.meter_order USING btree (org_id, state, order_id)
table meter_order_target
  column org_id bigint not null
  column order_id bigint not null
  column meter_id bigint not null
  column account_id bigint
  column state text collate C not null
  column is_tried bigint not null
  column answer text collate C
  column ended_at_ms bigint
  constraint meter_order_target_pkey PRIMARY KEY (org_id, order_id, meter_id)
  CREATE INDEX meter_order_target_meter ON public.meter_order_target USING btree (org_id, meter_id, state)
  CREATE INDEX meter_order_target_state ON public.meter_order_target USING btree (org_id, order_id, state, meter_id)
table meter_outage
  column org_id bigint not null
  column span_id bigint not null
  column version bigint not null
  column meter_id bigint not null
  column account_id bigint
  column place_id bigint
  column start_low_ms bigint not null
  column start_ms bigint not null
  column start_high_ms bigint not null
  column end_low_ms bigint
  column end_ms bigint
  column end_high_ms bigint
  column start_evidence text collate C not null
  column end_evidence text collate C
  column clock_off_ms bigint not null
  column is_withdrawn bigint not null
  column made_at_ms bigint not null
  column superseded_at_ms bigint
  column outage_id bigint
  column attributed_start_ms bigint
  column grouped bigint not null
  column days_judged bigint not null default 1
  constraint meter_outage_pkey PRIMARY KEY (org_id, span_id, version)
  CREATE INDEX meter_outage_grouped ON public.meter_outage USING btree (org_id, grouped, start_ms)
  CREATE INDEX meter_outage_meter ON public.meter_outage USING btree (org_id, meter_id, start_ms)
  CREATE INDEX meter_outage_outage ON public.meter_outage USING btree (org_id, outage_id)
  CREATE INDEX meter_outage_start ON public.meter_outage USING btree (org_id, start_ms)
  CREATE INDEX meter_outage_unjudged ON public.meter_outage USING btree (org_id, start_ms) WHERE (days_judged = 0)
table meter_replacement
  column org_id bigint not null
  column old_meter_id bigint not null
  column day bigint not null
  column new_meter_id bigint not null
  column at_ms bigint not null
  constraint meter_replacement_pkey PRIMARY KEY (org_id, old_meter_id)
  CREATE INDEX meter_replacement_day ON public.meter_replacement USING btree (org_id, day)
table meter_title
  column org_id bigint not null
  column title text collate C not null
  column meter_id bigint not null
  column learned_at_ms bigint not null
  constraint meter_title_pkey PRIMARY KEY (org_id, title)
  CREATE INDEX meter_title_meter ON public.meter_title USING btree (org_id, meter_id)
table meter_wish
  column org_id bigint not null
  column meter_id bigint not null
  column matter text collate C not null
  column desired text collate C not null
  column revision bigint not null
  column wanted_at_ms bigint not null
  column reason text collate C not null
  column authority text collate C not null
  column order_id bigint
  column state text collate C not null
  column actual text collate C
  column actual_at_ms bigint
  column drifted_at_ms bigint
  column resent_count bigint not null
  column next_check_ms bigint not null
  constraint meter_wish_pkey PRIMARY KEY (org_id, meter_id, matter)
  CREATE INDEX meter_wish_check ON public.meter_wish USING btree (org_id, state, next_check_ms)
table month_closing
  column org_id bigint not null
  column month_index bigint not null
  column accounts bigint not null
  column open_accounts bigint not null
  column charged_paise bigint not null
  column posted_paise bigint not null
  column checked_at_ms bigint not null
  column closed_at_ms bigint
  constraint month_closing_pkey PRIMARY KEY (org_id, month_index)
table month_keeping partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column state text collate C not null
  column row_count bigint not null
  column checksum bytea not null
  column changed_at_ms bigint not null
  constraint month_keeping_pkey PRIMARY KEY (org_id, day)
table org
  column org_id bigint not null
  column name text collate C not null
  column zone text collate C not null
  column currency text collate C not null
  constraint org_pkey PRIMARY KEY (org_id)
table outage
  column org_id bigint not null
  column outage_id bigint not null
  column version bigint not null
  column place_id bigint
  column is_node bigint not null
  column start_ms bigint not null
  column end_ms bigint
  column members bigint not null
  column silent bigint not null
  column of_meters bigint not null
  column planned_id bigint
  column is_withdrawn bigint not null
  column made_at_ms bigint not null
  column superseded_at_ms bigint
  constraint outage_pkey PRIMARY KEY (org_id, outage_id, version)
  CREATE INDEX outage_start ON public.outage USING btree (org_id, start_ms, outage_id)
table outage_guard
  column org_id bigint not null
  column meter_id bigint not null
  column turn bigint not null
  constraint outage_guard_pkey PRIMARY KEY (org_id, meter_id)
table outage_notice
  column org_id bigint not null
  column outage_id bigint not null
  column account_id bigint not null
  column template text collate C not null
  column at_ms bigint not null
  constraint outage_notice_pkey PRIMARY KEY (org_id, outage_id, account_id, template)
table outbox
  column org_id bigint not null
  column event_id bigint not null
  column kind text collate C not null
  column subject_id bigint not null
  column detail text collate C not null
  column business_at_ms bigint not null
  column attempt bigint not null
  column last_error text collate C
  column next_at_ms bigint not null default 0
  column aside_at_ms bigint
  column aside_why text collate C
  constraint outbox_pkey PRIMARY KEY (event_id)
table pack
  column org_id bigint not null
  column pack_id text collate C not null
  column version bigint not null
  column kind text collate C not null
  column from_day bigint not null
  column definition text collate C not null
  column format bigint not null default 0
  column looks_at_export bigint not null default 0
  column calendars text collate C not null default ''::text
  column looks_at_apparent bigint not null default 0
  constraint pack_pkey PRIMARY KEY (org_id, pack_id, version)
table pack_draft
  column org_id bigint not null
  column draft_id bigint not null
  column pack_id text collate C not null
  column version bigint not null
  column name text collate C not null
  column from_day bigint not null
  column tariff text collate C not null
  column state text collate C not null
  column revision bigint not null
  column author_id bigint not null
  column writers text collate C not null
  column note text collate C not null
  column made_at_ms bigint not null
  column changed_at_ms bigint not null
  column submitted_at_ms bigint
  column decided_by bigint
  column decided_at_ms bigint
  column decision text collate C
  constraint pack_draft_pkey PRIMARY KEY (org_id, draft_id)
  CREATE INDEX pack_draft_pack ON public.pack_draft USING btree (org_id, pack_id, state)
table pack_fact
  column org_id bigint not null
  column fact_key text collate C not null
  column account_id bigint not null
  column kind text collate C not null
  column pack_id text collate C
  column due_day bigint not null
  column load_w bigint
  column amount_paise bigint
  column wallet text collate C
  column state text collate C not null
  column made_at_ms bigint not null
  column done_at_ms bigint
  column trouble text collate C not null
  constraint pack_fact_pkey PRIMARY KEY (org_id, fact_key)
  CREATE INDEX pack_fact_account ON public.pack_fact USING btree (org_id, account_id)
  CREATE INDEX pack_fact_due ON public.pack_fact USING btree (org_id, state, due_day, fact_key)
table pack_holder
  column org_id bigint not null
  column account_id bigint not null
  column revision bigint not null
  column moves bigint not null
  column swept_day bigint
  column aside_day bigint
  column aside_why text collate C not null
  constraint pack_holder_pkey PRIMARY KEY (org_id, account_id)
table pack_plant
  column org_id bigint not null
  column pack_id text collate C not null
  column from_day bigint not null
  column plant_id bigint not null
  constraint pack_plant_pkey PRIMARY KEY (org_id, pack_id, from_day)
table pack_terms
  column org_id bigint not null
  column pack_id text collate C not null
  column from_day bigint not null
  column terms text collate C not null
  constraint pack_terms_pkey PRIMARY KEY (org_id, pack_id, from_day)
table payment_event
  column org_id bigint not null
  column gateway text collate C not null
  column event_id text collate C not null
  column body_hash bytea not null
  column event text collate C not null
  column received_at_ms bigint not null
  column payment_id text collate C
  column gateway_order_id text collate C
  column amount_paise bigint
  column currency text collate C
  column payment_state text collate C
  column done_at_ms bigint
  constraint payment_event_pkey PRIMARY KEY (org_id, gateway, event_id, body_hash)
  CREATE INDEX payment_event_received ON public.payment_event USING btree (org_id, received_at_ms)
table payment_gateway
  column org_id bigint not null
  column gateway_id bigint not null
  column gateway text collate C not null
  column sealed_secret bytea not null
  constraint payment_gateway_pkey PRIMARY KEY (org_id, gateway_id)
  CREATE UNIQUE INDEX payment_gateway_name ON public.payment_gateway USING btree (org_id, gateway)
table payment_order
  column org_id bigint not null
  column order_id bigint not null
  column account_id bigint not null
  column gateway text collate C not null
  column gateway_order_id text collate C
  column amount_paise bigint not null
  column currency text collate C not null
  column state text collate C not null
  column created_at_ms bigint not null
  column changed_at_ms bigint not null
  column look_at_ms bigint
  constraint payment_order_pkey PRIMARY KEY (org_id, order_id)
  CREATE INDEX payment_order_account ON public.payment_order USING btree (org_id, account_id, order_id)
  CREATE UNIQUE INDEX payment_order_gateway ON public.payment_order USING btree (org_id, gateway, gateway_order_id)
  CREATE INDEX payment_order_look ON public.payment_order USING btree (org_id, look_at_ms)
table place
  column org_id bigint not null
  column place_id bigint not null
  column parent_id bigint
  column kind text collate C not null
  column name text collate C not null
  constraint place_pkey PRIMARY KEY (org_id, place_id)
table place_network
  column org_id bigint not null
  column place_id bigint not null
  column from_day bigint not null
  column nma_id bigint not null
  column takes_from_stu bigint not null
  constraint place_network_pkey PRIMARY KEY (org_id, place_id, from_day)
table place_path
  column org_id bigint not null
  column ancestor_id bigint not null
  column place_id bigint not null
  constraint place_path_pkey PRIMARY KEY (org_id, ancestor_id, place_id)
table planned_outage
  column org_id bigint not null
  column planned_id bigint not null
  column place_id bigint not null
  column from_ms bigint not null
  column to_ms bigint not null
  column why text collate C not null
  column login_id bigint not null
  column made_at_ms bigint not null
  column called_off_at_ms bigint
  constraint planned_outage_pkey PRIMARY KEY (org_id, planned_id)
  CREATE INDEX planned_outage_from ON public.planned_outage USING btree (org_id, from_ms)
  CREATE UNIQUE INDEX planned_outage_span ON public.planned_outage USING btree (org_id, place_id, from_ms, to_ms)
table posting
  column org_id bigint not null
  column entry_id bigint not null
  column line bigint not null
  column journal_account_id bigint not null
  column amount_paise bigint not null
  column kind text collate C not null
  column supply_day bigint
  column revision bigint
  column estimated bigint not null
  constraint posting_org_id_entry_id_fkey FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry(org_id, entry_id)
  constraint posting_pkey PRIMARY KEY (org_id, entry_id, line)
  CREATE INDEX posting_account ON public.posting USING btree (org_id, journal_account_id, entry_id, line)
table posting_bundle
  column org_id bigint not null
  column account_range bigint not null
  column entry_id bigint not null
  column part bigint not null
  column kind text collate C not null
  column supply_day bigint
  column revision bigint
  column estimated bigint not null
  column first_account_id bigint not null
  column last_account_id bigint not null
  column legs text collate C not null
  constraint posting_bundle_org_id_entry_id_fkey FOREIGN KEY (org_id, entry_id) REFERENCES journal_entry(org_id, entry_id)
  constraint posting_bundle_pkey PRIMARY KEY (org_id, account_range, entry_id, part)
  CREATE INDEX posting_bundle_entry ON public.posting_bundle USING btree (org_id, entry_id)
table process_lease
  column process_number bigint not null
  column holder text collate C not null
  column lease_until_ms bigint not null
  constraint process_lease_pkey PRIMARY KEY (process_number)
table projected_balance
  column org_id bigint not null
  column account_id bigint not null
  column base bigint not null
  column used_paise bigint not null
  column used_wh bigint not null
  column through_ms bigint not null
  column estimated_slots bigint not null
  column missing_slots bigint not null
  column made_at_ms bigint not null
  constraint projected_balance_pkey PRIMARY KEY (org_id, account_id)
table push_aside
  column org_id bigint not null
  column aside_key text collate C not null
  column aside_id bigint not null
  column reason text collate C not null
  column meter_id bigint
  column sender text collate C not null
  column remote text collate C not null
  column apdu bytea not null
  column times bigint not null
  column first_at_ms bigint not null
  column last_at_ms bigint not null
  constraint push_aside_pkey PRIMARY KEY (org_id, aside_key)
  CREATE INDEX push_aside_last ON public.push_aside USING btree (org_id, last_at_ms, aside_id)
table push_sender
  column org_id bigint not null
  column meter_id bigint not null
  column key_number bigint not null
  column highest bigint
  column seen bigint not null
  column words bytea not null
  column last_at_ms bigint not null
  constraint push_sender_pkey PRIMARY KEY (org_id, meter_id)
table rate_again
  column org_id bigint not null
  column account_id bigint not null
  column from_day bigint not null
  column asked bigint not null default 0
  constraint rate_again_pkey PRIMARY KEY (org_id, account_id)
table rating_correction
  column org_id bigint not null
  column correction_id bigint not null
  column account_id bigint not null
  column at_ms bigint not null
  column first_day bigint not null
  column last_day bigint not null
  column days bigint not null
  column difference_paise bigint not null
  constraint rating_correction_pkey PRIMARY KEY (org_id, correction_id)
  CREATE INDEX rating_correction_account ON public.rating_correction USING btree (org_id, account_id, correction_id)
  CREATE INDEX rating_correction_time ON public.rating_correction USING btree (org_id, at_ms)
table rating_refusal
  column org_id bigint not null
  column meter_id bigint not null
  column day bigint not null
  column account_id bigint not null
  column slots bigint not null
  column reason text collate C not null
  column at_ms bigint not null
  constraint rating_refusal_pkey PRIMARY KEY (org_id, meter_id, day)
table rating_run
  column org_id bigint not null
  column run_id bigint not null
  column is_trial bigint not null
  column from_day bigint
  column to_day bigint
  column account_id bigint
  column pack_id text collate C
  column reason text collate C not null
  column trial_id bigint
  column asked_by bigint not null
  column asked_at_ms bigint not null
  column state text collate C not null
  column started_at_ms bigint
  column ended_at_ms bigint
  column done_count bigint not null
  column total_count bigint
  column error text collate C
  column place_month bigint not null
  column place_meter bigint not null
  constraint rating_run_pkey PRIMARY KEY (org_id, run_id)
table rating_run_change
  column org_id bigint not null
  column run_id bigint not null
  column account_id bigint not null
  column day bigint not null
  column revision bigint not null
  column before_paise bigint not null
  column after_paise bigint not null
  column inputs_hash bytea not null
  constraint rating_run_change_pkey PRIMARY KEY (org_id, run_id, account_id, day)
table rating_run_part
  column org_id bigint not null
  column run_id bigint not null
  column account_id bigint not null
  column day bigint not null
  column component text collate C not null
  column before_paise bigint not null
  column after_paise bigint not null
  constraint rating_run_part_pkey PRIMARY KEY (org_id, run_id, account_id, day, component)
table rating_turn
  column org_id bigint not null
  column turn bigint not null
  constraint rating_turn_pkey PRIMARY KEY (org_id)
table raw_frames partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column batch_id bigint not null
  column frames bytea not null
  constraint raw_frames_pkey PRIMARY KEY (org_id, day, meter_id, batch_id)
table raw_read partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column batch_id bigint not null
  column change bigint not null
  column read_at_ms bigint not null
  column rows bytea not null
  column register_start_wh bigint
  column register_end_wh bigint
  column clock_drift_s bigint
  column acknowledged bigint not null
  column register_wrap_wh bigint
  constraint raw_read_pkey PRIMARY KEY (org_id, day, meter_id, batch_id)
  CREATE INDEX raw_read_change ON ONLY public.raw_read USING btree (org_id, change)
  CREATE INDEX raw_read_open ON ONLY public.raw_read USING btree (org_id, read_at_ms) WHERE (acknowledged = 0)
table reading_edit
  column org_id bigint not null
  column edit_id bigint not null
  column request_key text collate C not null
  column request_hash bytea not null
  column meter_id bigint not null
  column channel bigint not null
  column tool text collate C not null
  column detail text collate C not null
  column reason_code text collate C not null
  column reason text collate C not null
  column state text collate C not null
  column needs_approval bigint not null
  column changed bigint not null
  column net bigint not null
  column first_day bigint not null
  column last_day bigint not null
  column login_id bigint not null
  column made_at_ms bigint not null
  column decided_by bigint
  column decided_at_ms bigint
  column decision text collate C
  column applied_at_ms bigint
  column undone_by bigint
  column undone_at_ms bigint
  column undo_reason text collate C
  column note text collate C not null
  constraint reading_edit_pkey PRIMARY KEY (org_id, edit_id)
  CREATE INDEX reading_edit_meter ON public.reading_edit USING btree (org_id, meter_id, edit_id)
  CREATE UNIQUE INDEX reading_edit_request ON public.reading_edit USING btree (org_id, request_key)
  CREATE INDEX reading_edit_state ON public.reading_edit USING btree (org_id, state, edit_id)
table reading_edit_day
  column org_id bigint not null
  column edit_id bigint not null
  column day bigint not null
  column base_version bigint not null
  column slot_values text collate C not null
  column changed bigint not null
  column applied_version bigint
  column undone_version bigint
  constraint reading_edit_day_pkey PRIMARY KEY (org_id, edit_id, day)
table reading_hold
  column org_id bigint not null
  column hold_id bigint not null
  column meter_id bigint
  column month_index bigint
  column reason text collate C not null
  column placed_at_ms bigint not null
  column released_at_ms bigint
  constraint reading_hold_pkey PRIMARY KEY (org_id, hold_id)
table reading_source partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column channel bigint not null
  column batch_id bigint not null
  column first_row bigint not null
  column last_row bigint not null
  column codes text collate C not null
  column received_at_ms bigint not null
  constraint reading_source_pkey PRIMARY KEY (org_id, day, meter_id, channel, batch_id)
table recharge
  column org_id bigint not null
  column recharge_id bigint not null
  column account_id bigint not null
  column amount_paise bigint not null
  column method text collate C not null
  column reference text collate C not null
  column business_at_ms bigint not null
  column entry_id bigint not null
  constraint recharge_pkey PRIMARY KEY (org_id, recharge_id)
  CREATE UNIQUE INDEX recharge_reference ON public.recharge USING btree (org_id, method, reference)
table register_reading partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column channel bigint not null
  column at_s bigint not null
  column value bigint not null
  column quality bigint not null
  column code text collate C not null
  column batch_id bigint not null
  column received_at_ms bigint not null
  constraint register_reading_pkey PRIMARY KEY (org_id, day, meter_id, channel, at_s)
table relay
  column org_id bigint not null
  column meter_id bigint not null
  column wanted text collate C not null
  column wanted_at_ms bigint not null
  column wanted_reason text collate C not null
  column actual text collate C
  column actual_at_ms bigint
  constraint relay_pkey PRIMARY KEY (org_id, meter_id)
table relay_change
  column org_id bigint not null
  column meter_id bigint not null
  column change_id bigint not null
  column at_ms bigint not null
  column side text collate C not null
  column state text collate C not null
  constraint relay_change_pkey PRIMARY KEY (org_id, meter_id, change_id)
table seen_event
  column org_id bigint not null
  column meter_id bigint not null
  column code bigint not null
  column meter_at_ms bigint not null
  column event_id bigint not null
  column at_ms bigint not null
  column kind text collate C not null
  column severity bigint not null
  column pushed_at_ms bigint
  column read_at_ms bigint
  column logged_at_ms bigint
  constraint seen_event_pkey PRIMARY KEY (org_id, meter_id, code, meter_at_ms)
  CREATE INDEX seen_event_kind ON public.seen_event USING btree (org_id, kind, at_ms, event_id)
  CREATE INDEX seen_event_meter ON public.seen_event USING btree (org_id, meter_id, at_ms, event_id)
  CREATE UNIQUE INDEX seen_event_order ON public.seen_event USING btree (org_id, at_ms, event_id)
table seller_place
  column org_id bigint not null
  column seller text collate C not null
  column from_day bigint not null
  column places text collate C not null
  constraint seller_place_pkey PRIMARY KEY (org_id, seller, from_day)
table service_clock
  column org_id bigint not null
  column day bigint not null
  column clock text collate C not null
  column target_ms bigint not null
  column goal_permille bigint not null
  column total bigint not null
  column in_time bigint not null
  constraint service_clock_pkey PRIMARY KEY (org_id, day, clock)
table session
  column token_hash bytea not null
  column org_id bigint not null
  column session_id bigint not null
  column login_id bigint not null
  column csrf_token text collate C not null
  column created_at_ms bigint not null
  column seen_at_ms bigint not null
  column expires_at_ms bigint not null
  column revoked_at_ms bigint
  column browser text collate C not null
  column network text collate C not null
  constraint session_org_id_login_id_fkey FOREIGN KEY (org_id, login_id) REFERENCES login(org_id, login_id)
  constraint session_pkey PRIMARY KEY (token_hash)
  CREATE UNIQUE INDEX session_login ON public.session USING btree (org_id, login_id, session_id)
table set_day partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column set_key text collate C not null
  column channel bigint not null
  column slots bigint not null
  column meters bigint not null
  column total_value bigint not null
  column slot_values bytea not null
  column estimated bytea not null
  column missing bytea not null
  column edited bytea
  constraint set_day_pkey PRIMARY KEY (org_id, day, set_key, channel, slots)
table set_day_state partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column channel bigint not null
  column change bigint not null
  column membership bigint not null
  column version bigint not null
  column made_at_ms bigint not null
  constraint set_day_state_pkey PRIMARY KEY (org_id, day, channel)
table set_forecast partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column set_key text collate C not null
  column slots bigint not null
  column meters bigint not null
  column known_day bigint not null
  column made_at_ms bigint not null
  column total_value bigint not null
  column slot_values bytea not null
  constraint set_forecast_pkey PRIMARY KEY (org_id, day, set_key)
table set_publication
  column org_id bigint not null
  column kind text collate C not null
  column start_s bigint not null
  column set_key text collate C not null
  column version bigint not null
  column slot_s bigint not null
  column slot_values text collate C not null
  column meters bigint not null
  column estimated bigint not null
  column missing bigint not null
  column made_at_ms bigint not null
  constraint set_publication_pkey PRIMARY KEY (org_id, kind, start_s, set_key, version)
table set_publication_day
  column org_id bigint not null
  column kind text collate C not null
  column day bigint not null
  column sums_version bigint not null
  column through_s bigint not null
  constraint set_publication_day_pkey PRIMARY KEY (org_id, kind, day)
table setting
  column org_id bigint not null
  column name text collate C not null
  column from_day bigint not null
  column value text collate C not null
  constraint setting_pkey PRIMARY KEY (org_id, name, from_day)
table subscription
  column org_id bigint not null
  column subscription_id bigint not null
  column account_id bigint not null
  column pack_id text collate C not null
  column kind text collate C not null
  column from_day bigint not null
  column to_day bigint
  column state text collate C not null
  column number bigint not null default 0
  column seller text collate C not null default 'own'::text
  column applied_day bigint
  column wanted_day bigint
  column approved_day bigint
  column ended_day bigint
  column term_to_day bigint
  column agreed_to_day bigint
  column term_months bigint
  column renews bigint not null default 0
  column renewed_days text collate C not null default ''::text
  column why text collate C not null default ''::text
  constraint subscription_pkey PRIMARY KEY (org_id, subscription_id)
  CREATE INDEX subscription_account ON public.subscription USING btree (org_id, account_id, from_day)
  CREATE INDEX subscription_state ON public.subscription USING btree (org_id, state, subscription_id)
table supply_account
  column org_id bigint not null
  column account_id bigint not null
  column account_number text collate C not null
  column name text collate C not null
  column category text collate C not null
  column place_id bigint not null
  column sanctioned_w bigint not null
  column language text collate C not null
  column opened_day bigint not null
  column closed_day bigint
  constraint supply_account_pkey PRIMARY KEY (org_id, account_id)
  CREATE UNIQUE INDEX supply_account_number ON public.supply_account USING btree (org_id, account_number)
table supply_decision
  column org_id bigint not null
  column decision_id bigint not null
  column account_id bigint not null
  column at_ms bigint not null
  column wanted text collate C not null
  column was text collate C not null
  column reasons text collate C not null
  column balance_paise bigint not null
  column rules text collate C not null
  column facts text collate C
  column rule_group text collate C
  column rule_from_day bigint
  column not_before_ms bigint
  constraint supply_decision_pkey PRIMARY KEY (org_id, decision_id)
  CREATE INDEX supply_decision_account ON public.supply_decision USING btree (org_id, account_id, decision_id)
  CREATE INDEX supply_decision_time ON public.supply_decision USING btree (org_id, at_ms)
table supply_hold
  column org_id bigint not null
  column hold_id bigint not null
  column asking bigint not null
  column reason text collate C not null
  column from_ms bigint not null
  column until_ms bigint
  column set_by bigint not null
  column ended_at_ms bigint
  column ended_by bigint
  column end_reason text collate C
  constraint supply_hold_pkey PRIMARY KEY (org_id, hold_id)
table supply_notice
  column org_id bigint not null
  column account_id bigint not null
  column threshold text collate C not null
  column message_id bigint not null
  column sent_at_ms bigint not null
  constraint supply_notice_pkey PRIMARY KEY (org_id, account_id, threshold)
table supply_order
  column org_id bigint not null
  column account_id bigint not null
  column kind text collate C not null
  column why text collate C not null
  column login_id bigint not null
  column at_ms bigint not null
  constraint supply_order_pkey PRIMARY KEY (org_id, account_id)
table supply_rule
  column org_id bigint not null
  column group_name text collate C not null
  column from_day bigint not null
  column rules text collate C not null
  column set_at_ms bigint not null
  column set_by bigint not null
  constraint supply_rule_pkey PRIMARY KEY (org_id, group_name, from_day)
table supply_state
  column org_id bigint not null
  column account_id bigint not null
  column wanted text collate C not null
  column since_ms bigint not null
  column reasons text collate C not null
  column low_since_ms bigint
  column warned_at_ms bigint
  column not_before_ms bigint
  column emergency_at_ms bigint
  column reason_bits bigint
  constraint supply_state_pkey PRIMARY KEY (org_id, account_id)
  CREATE INDEX supply_state_low ON public.supply_state USING btree (org_id, low_since_ms, account_id)
table tamper_case
  column org_id bigint not null
  column case_id bigint not null
  column meter_id bigint not null
  column kind text collate C not null
  column state text collate C not null
  column first_at_ms bigint not null
  column last_at_ms bigint not null
  column is_over bigint not null
  column times bigint not null
  column lasted_ms bigint not null
  column drop_ppm bigint
  column is_valid bigint not null
  column reasons text collate C not null
  column order_id bigint
  column restore_order_id bigint
  column closed_at_ms bigint
  column closed_why text collate C
  column closed_by bigint
  column looked_at_ms bigint not null
  constraint tamper_case_pkey PRIMARY KEY (org_id, case_id)
  CREATE INDEX tamper_case_meter ON public.tamper_case USING btree (org_id, meter_id, kind, first_at_ms)
  CREATE INDEX tamper_case_state ON public.tamper_case USING btree (org_id, state, last_at_ms)
table vee_exception partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column rule text collate C not null
  column from_slot bigint not null
  column to_slot bigint not null
  column severity text collate C not null
  column message text collate C not null
  column raw_values text collate C not null
  column raised_at_ms bigint not null
  column resolved_at_ms bigint
  column resolution text collate C
  column batch_id bigint
  column owner_id bigint
  column taken_at_ms bigint
  column resolved_by bigint
  constraint vee_exception_pkey PRIMARY KEY (org_id, day, meter_id, rule, from_slot)
  CREATE INDEX vee_exception_open ON ONLY public.vee_exception USING btree (org_id, day, meter_id) WHERE (resolved_at_ms IS NULL)
table vee_exception_step partition by RANGE (day)
  column org_id bigint not null
  column day bigint not null
  column meter_id bigint not null
  column rule text collate C not null
  column from_slot bigint not null
  column step_id bigint not null
  column what text collate C not null
  column login_id bigint not null
  column reason text collate C not null
  column at_ms bigint not null
  constraint vee_exception_step_pkey PRIMARY KEY (org_id, day, meter_id, rule, from_slot, step_id)
table vee_rule_set
  column org_id bigint not null
  column group_kind text collate C not null
  column group_value text collate C not null
  column from_day bigint not null
  column rules text collate C not null
  column set_at_ms bigint not null
  column set_by bigint not null
  constraint vee_rule_set_pkey PRIMARY KEY (org_id, group_kind, group_value, from_day)
table vee_task
  column org_id bigint not null
  column task_id bigint not null
  column what text collate C not null
  column reason text collate C not null
  column login_id bigint not null
  column asked_at_ms bigint not null
  column items text collate C not null
  column item_count bigint not null
  column looked_count bigint not null
  column done_count bigint not null
  column done_at_ms bigint
  constraint vee_task_pkey PRIMARY KEY (org_id, task_id)
  CREATE INDEX vee_task_open ON public.vee_task USING btree (org_id, task_id) WHERE (done_at_ms IS NULL)
table virtual_formula
  column org_id bigint not null
  column virtual_id bigint not null
  column from_day bigint not null
  column revision bigint not null
  column formula text collate C not null
  column made_at_ms bigint not null
  constraint virtual_formula_pkey PRIMARY KEY (org_id, virtual_id, from_day, revision)
table virtual_meter
  column org_id bigint not null
  column virtual_id bigint not null
  column name text collate C not null
  constraint virtual_meter_pkey PRIMARY KEY (org_id, virtual_id)
  CREATE UNIQUE INDEX virtual_meter_name ON public.virtual_meter USING btree (org_id, name)
table wallet_order
  column org_id bigint not null
  column account_id bigint not null
  column place bigint not null
  column to_account_id bigint not null
  constraint wallet_order_pkey PRIMARY KEY (org_id, account_id, place)
table what_if
  column org_id bigint not null
  column what_if_id bigint not null
  column asked text collate C not null
  column tariff text collate C not null
  column asked_by bigint not null
  column asked_at_ms bigint not null
  column reach_count bigint not null
  column account_count bigint not null
  column ended_at_ms bigint
  constraint what_if_pkey PRIMARY KEY (org_id, what_if_id)
table what_if_account
  column org_id bigint not null
  column what_if_id bigint not null
  column account_id bigint not null
  column outcome text collate C
  constraint what_if_account_pkey PRIMARY KEY (org_id, what_if_id, account_id)
table work_item
  column org_id bigint not null
  column run text collate C not null
  column account_id bigint not null
  column item text collate C not null
  column mender text collate C not null
  column reason text collate C not null
  column since_ms bigint not null
  column latest_ms bigint not null
  column attempts bigint not null
  constraint work_item_pkey PRIMARY KEY (org_id, run, account_id, item)
