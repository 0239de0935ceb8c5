//! Tables as the migrations leave them; a test compares this file with the migrated database.

diesel::table! {
    accounts (account_id) {
        account_id -> Uuid,
        user_id -> Uuid,
        login -> Text,
        password_hash -> Text,
        role -> Text,
        language -> Text,
        time_zone -> Text,
        disabled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        password_changed_at -> Timestamptz,
    }
}

diesel::table! {
    active_models (model_id) {
        series -> Text,
        model_id -> Uuid,
        activated_at -> Timestamptz,
        role -> Text,
        purpose -> Text,
    }
}

diesel::table! {
    alert_watch (model_id) {
        model_id -> Uuid,
        streak -> Int4,
        last_alert_at -> Nullable<Timestamptz>,
        judged -> Int8,
        ignored -> Int8,
        cooling_down -> Int8,
        repeated -> Int8,
        outdated -> Int8,
    }
}

diesel::table! {
    alerts (alert_id) {
        alert_id -> Uuid,
        model_id -> Uuid,
        series -> Text,
        purpose -> Text,
        prediction_id -> Uuid,
        made_at -> Timestamptz,
        target_ts -> Nullable<Timestamptz>,
        said -> Double,
        threshold -> Double,
        direction -> Text,
        severity -> Text,
        consecutive -> Int4,
        status -> Text,
        actual -> Nullable<Double>,
        created_at -> Timestamptz,
        looked_at -> Nullable<Timestamptz>,
        evaluated_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    api_keys (key_id) {
        key_id -> Uuid,
        account_id -> Uuid,
        name -> Text,
        prefix -> Text,
        key_hash -> Bytea,
        scopes -> Array<Text>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit_log (audit_id) {
        audit_id -> Uuid,
        occurred_at -> Timestamptz,
        actor -> Text,
        user_id -> Nullable<Uuid>,
        key_id -> Nullable<Uuid>,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
    }
}

diesel::table! {
    bundle_keys (public_key) {
        public_key -> Text,
        secret -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    change_cursors (consumer) {
        consumer -> Text,
        writer -> Int8,
        change_id -> Int8,
        attempts -> Int4,
        retry_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<Timestamptz>,
        moved_at -> Timestamptz,
    }
}

diesel::table! {
    change_dead_letters (letter_id) {
        letter_id -> Uuid,
        consumer -> Text,
        change_id -> Int8,
        kind -> Text,
        name -> Text,
        range_from -> Timestamptz,
        range_to -> Timestamptz,
        reason -> Text,
        attempts -> Int4,
        created_at -> Timestamptz,
        resolution -> Nullable<Text>,
        resolved_at -> Nullable<Timestamptz>,
        resolved_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    consumption_totals (meter_id, month) {
        meter_id -> Text,
        month -> Date,
        consumption_kwh -> Double,
        production_kwh -> Nullable<Double>,
        entered_by -> Nullable<Uuid>,
        entered_at -> Timestamptz,
    }
}

diesel::table! {
    datasets (dataset_id) {
        dataset_id -> Uuid,
        name -> Text,
        market -> Text,
        product -> Text,
        object_key -> Text,
        features -> Jsonb,
        from_day -> Date,
        to_day -> Date,
        row_count -> Int8,
        sha256 -> Text,
        created_at -> Timestamptz,
        regime -> Nullable<Jsonb>,
    }
}

diesel::table! {
    dead_letters (letter_id) {
        letter_id -> Uuid,
        source -> Text,
        subject -> Text,
        raw_file_id -> Nullable<Uuid>,
        excerpt -> Text,
        reason -> Text,
        attempts -> Int4,
        created_at -> Timestamptz,
        last_at -> Timestamptz,
        resolution -> Nullable<Text>,
        resolved_at -> Nullable<Timestamptz>,
        resolved_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    dropped_files (dropped_file_id) {
        dropped_file_id -> Uuid,
        road -> Text,
        name -> Text,
        sha256 -> Text,
        size_bytes -> Int8,
        modified_at -> Nullable<Timestamptz>,
        meter_hint -> Text,
        format -> Text,
        outcome -> Text,
        rows_read -> Int8,
        inserted -> Int8,
        replaced -> Int8,
        unchanged -> Int8,
        left_out -> Int8,
        reason -> Nullable<Text>,
        raw_file_id -> Nullable<Uuid>,
        attempts -> Int4,
        first_at -> Timestamptz,
        last_at -> Timestamptz,
    }
}

diesel::table! {
    dropped_values (meter_id, direction, ts) {
        meter_id -> Text,
        direction -> Text,
        ts -> Timestamptz,
        interval_s -> Int4,
        power_kw -> Nullable<Double>,
        quality -> Text,
        condition -> Text,
        known_at -> Timestamptz,
    }
}

diesel::table! {
    events (event_id, ts) {
        event_id -> Uuid,
        user_id -> Nullable<Uuid>,
        ts -> Timestamptz,
        #[sql_name = "type"]
        type_ -> Text,
        item_id -> Nullable<Uuid>,
        meta -> Jsonb,
    }
}

diesel::table! {
    forecast_runs (run_id) {
        run_id -> Uuid,
        series -> Text,
        market -> Nullable<Text>,
        product -> Nullable<Text>,
        model_id -> Nullable<Uuid>,
        model_label -> Text,
        issued_at -> Timestamptz,
        known_until -> Timestamptz,
        created_at -> Timestamptz,
        inputs_hash -> Text,
        score -> Nullable<Jsonb>,
        scored_at -> Nullable<Timestamptz>,
        detail -> Nullable<Jsonb>,
    }
}

diesel::table! {
    forecast_values (run_id, ts) {
        run_id -> Uuid,
        ts -> Timestamptz,
        interval_s -> Int4,
        lead_day -> Int2,
        mean -> Double,
        quantiles -> Array<Float4>,
    }
}

diesel::table! {
    index_versions (version) {
        version -> Int4,
        embedder -> Nullable<Text>,
        digest -> Nullable<Text>,
        dimension -> Nullable<Int4>,
        average_terms -> Double,
        state -> Text,
        reason -> Text,
        created_at -> Timestamptz,
        activated_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    item_chunks (chunk_id) {
        chunk_id -> Uuid,
        item_id -> Uuid,
        chunk_idx -> Int4,
        text -> Text,
        metadata -> Jsonb,
        created_at -> Timestamptz,
        page -> Int4,
        page_end -> Int4,
        start_char -> Int4,
        end_char -> Int4,
        section -> Array<Text>,
        search_text -> Text,
        lang -> Text,
        tokens -> Int4,
        terms -> Int4,
    }
}

diesel::table! {
    item_index (item_id, version) {
        item_id -> Uuid,
        version -> Int4,
        points -> Int4,
        is_embedded -> Bool,
    }
}

diesel::table! {
    item_leftovers (leftover_id) {
        leftover_id -> Uuid,
        item_id -> Uuid,
        sha256 -> Nullable<Text>,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    item_texts (item_id) {
        item_id -> Uuid,
        text -> Text,
        pages -> Jsonb,
        blocks -> Jsonb,
    }
}

diesel::table! {
    items (item_id) {
        item_id -> Uuid,
        kind -> Text,
        source -> Text,
        title -> Text,
        tags -> Array<Text>,
        url -> Nullable<Text>,
        sha256 -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        file_name -> Text,
        lineage -> Text,
        media_type -> Nullable<Text>,
        bytes -> Int8,
        pages -> Nullable<Int4>,
        language -> Nullable<Text>,
        status -> Text,
        reason -> Nullable<Text>,
        findings -> Jsonb,
        method -> Nullable<Text>,
        approved_at -> Nullable<Timestamptz>,
        approved_by -> Nullable<Uuid>,
        previous_item -> Nullable<Uuid>,
        superseded_at -> Nullable<Timestamptz>,
        added_by -> Nullable<Uuid>,
        job_id -> Nullable<Uuid>,
        text_sha256 -> Nullable<Text>,
        chunk_count -> Nullable<Int4>,
        ready_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    job_definitions (name) {
        name -> Text,
        cron -> Text,
        time_zone -> Text,
        is_enabled -> Bool,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    job_runs (run_id) {
        run_id -> Uuid,
        job_id -> Uuid,
        attempt -> Int4,
        worker -> Text,
        started_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        error -> Nullable<Text>,
        log_excerpt -> Text,
    }
}

diesel::table! {
    jobs (job_id) {
        job_id -> Uuid,
        name -> Text,
        slot -> Nullable<Text>,
        payload -> Jsonb,
        state -> Text,
        attempts -> Int4,
        attempts_max -> Int4,
        run_after -> Timestamptz,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<Timestamptz>,
        cancel_requested -> Bool,
        progress -> Double,
        progress_note -> Text,
        result -> Nullable<Jsonb>,
        error -> Nullable<Text>,
        requested_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    kafka_offsets (topic, partition) {
        topic -> Text,
        partition -> Int4,
        next_offset -> Nullable<Int8>,
        high_watermark -> Nullable<Int8>,
        records_read -> Int8,
        rows_taken -> Int8,
        rows_refused -> Int8,
        records_lost -> Int8,
        lost_at -> Nullable<Timestamptz>,
        last_record_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        trouble -> Nullable<Text>,
        trouble_at -> Nullable<Timestamptz>,
        holder -> Nullable<Text>,
        held_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    kafka_refusals (topic, partition, record_offset, row_index) {
        topic -> Text,
        partition -> Int4,
        record_offset -> Int8,
        row_index -> Int4,
        field -> Text,
        reason -> Text,
        excerpt -> Text,
        refused_at -> Timestamptz,
    }
}

diesel::table! {
    labels (label_id) {
        label_id -> Uuid,
        user_id -> Nullable<Uuid>,
        ts -> Timestamptz,
        kind -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        value -> Double,
        note -> Nullable<Text>,
        meta -> Jsonb,
    }
}

diesel::table! {
    login_counts (subject) {
        subject -> Bytea,
        failures -> Int4,
        last_failed_at -> Timestamptz,
        succeeded_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    market_price_revisions (market, product, ts, known_at, replaced_at) {
        market -> Text,
        product -> Text,
        ts -> Timestamptz,
        price_eur_mwh -> Nullable<Double>,
        volume -> Nullable<Double>,
        interval_s -> Int4,
        quality -> Text,
        known_at -> Timestamptz,
        known_at_assumed -> Bool,
        source -> Text,
        replaced_at -> Timestamptz,
    }
}

diesel::table! {
    market_prices (market, product, ts) {
        market -> Text,
        product -> Text,
        ts -> Timestamptz,
        price_eur_mwh -> Nullable<Double>,
        volume -> Nullable<Double>,
        interval_s -> Int4,
        quality -> Text,
        known_at -> Timestamptz,
        known_at_assumed -> Bool,
        source -> Text,
        confirmed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    meter_counters (meter_id, ts) {
        meter_id -> Text,
        ts -> Timestamptz,
        consumption_kwh_total -> Nullable<Double>,
        production_kwh_total -> Nullable<Double>,
        known_at -> Timestamptz,
    }
}

diesel::table! {
    meter_daily (meter_id, ts) {
        meter_id -> Text,
        ts -> Timestamptz,
        interval_s -> Int4,
        consumption_kwh -> Nullable<Double>,
        production_kwh -> Nullable<Double>,
        consumption_s -> Int8,
        production_s -> Int8,
        covered_s -> Int8,
        missing_s -> Int8,
    }
}

diesel::table! {
    meter_hourly (meter_id, ts) {
        meter_id -> Text,
        ts -> Timestamptz,
        consumption_kwh -> Nullable<Double>,
        production_kwh -> Nullable<Double>,
        consumption_s -> Int8,
        production_s -> Int8,
        covered_s -> Int8,
        missing_s -> Int8,
    }
}

diesel::table! {
    meter_models (series) {
        series -> Text,
        meter_id -> Text,
        kind -> Text,
        label -> Text,
        fitted_at -> Timestamptz,
        report -> Jsonb,
        artifact -> Bytea,
    }
}

diesel::table! {
    meter_reading_revisions (meter_id, ts, known_at, replaced_at) {
        meter_id -> Text,
        ts -> Timestamptz,
        consumption_kw -> Nullable<Double>,
        production_kw -> Nullable<Double>,
        voltage -> Nullable<Double>,
        quality -> Text,
        interval_s -> Int4,
        known_at -> Timestamptz,
        replaced_at -> Timestamptz,
    }
}

diesel::table! {
    metering_points (point) {
        point -> Text,
        meter_id -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    meters (meter_id) {
        meter_id -> Text,
        site_id -> Uuid,
        name -> Text,
        role -> Text,
        is_simulated -> Bool,
        time_zone -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    ml_models (model_id) {
        model_id -> Uuid,
        name -> Text,
        version -> Int4,
        model_type -> Text,
        target_variable -> Text,
        task -> Text,
        train_start -> Timestamptz,
        train_end -> Timestamptz,
        features -> Jsonb,
        future_minutes -> Int4,
        params -> Jsonb,
        dataset_id -> Nullable<Uuid>,
        dataset_sha256 -> Nullable<Text>,
        artifact_key -> Nullable<Text>,
        artifact_sha256 -> Nullable<Text>,
        metrics -> Jsonb,
        status -> Text,
        error -> Nullable<Text>,
        is_deleted -> Bool,
        created_at -> Timestamptz,
        trained_at -> Nullable<Timestamptz>,
        state -> Text,
        origin -> Text,
        format -> Text,
        missing_values -> Jsonb,
        event -> Nullable<Jsonb>,
        signed_by -> Nullable<Text>,
        regime -> Nullable<Jsonb>,
    }
}

diesel::table! {
    model_golden (model_id) {
        model_id -> Uuid,
        rows -> Jsonb,
    }
}

diesel::table! {
    model_history (history_id) {
        history_id -> Uuid,
        at -> Timestamptz,
        model_id -> Uuid,
        name -> Text,
        series -> Text,
        purpose -> Text,
        action -> Text,
        from_state -> Text,
        to_state -> Text,
        replaced_id -> Nullable<Uuid>,
        actor -> Text,
        user_id -> Nullable<Uuid>,
        address -> Nullable<Text>,
        reason -> Text,
    }
}

diesel::table! {
    model_settings (model_id) {
        model_id -> Uuid,
        alert_threshold -> Nullable<Double>,
        alert_config -> Jsonb,
        webhook_enabled -> Bool,
        webhook_url -> Nullable<Text>,
        send_mode -> Text,
        ignore_windows -> Jsonb,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    mqtt_consumer (consumer_id) {
        consumer_id -> Int4,
        holder -> Nullable<Uuid>,
        held_until -> Nullable<Timestamptz>,
        client_id -> Text,
        state -> Text,
        broker -> Text,
        detail -> Text,
        since -> Timestamptz,
        messages -> Int8,
        rows_stored -> Int8,
        rows_refused -> Int8,
        last_message_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mqtt_mappings (mapping_id) {
        mapping_id -> Uuid,
        topic_filter -> Text,
        value_path -> Text,
        meter_id -> Text,
        field -> Text,
        unit -> Text,
        is_inverted -> Bool,
        interval_s -> Int4,
        time_path -> Nullable<Text>,
        preset -> Nullable<Text>,
        is_enabled -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    mqtt_samples (meter_id, field, ts) {
        meter_id -> Text,
        field -> Text,
        ts -> Timestamptz,
        value -> Double,
        known_at -> Timestamptz,
    }
}

diesel::table! {
    mqtt_seen (topic, digest) {
        topic -> Text,
        digest -> Text,
        received_at -> Timestamptz,
    }
}

diesel::table! {
    mqtt_topics (topic) {
        topic -> Text,
        last_at -> Timestamptz,
        messages -> Int8,
        refused -> Int8,
        last -> Jsonb,
        reason -> Nullable<Text>,
        refused_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    observations (series_id, ts, known_at) {
        series_id -> Int4,
        ts -> Timestamptz,
        known_at -> Timestamptz,
        known_at_assumed -> Bool,
        value -> Double,
    }
}

diesel::table! {
    prediction_notices (prediction_id, made_at) {
        prediction_id -> Uuid,
        made_at -> Timestamptz,
        model_id -> Uuid,
        target_ts -> Nullable<Timestamptz>,
        value -> Nullable<Double>,
        probability -> Nullable<Double>,
        threshold -> Nullable<Double>,
    }
}

diesel::table! {
    prediction_scores_replaced (prediction_id, made_at, replaced_at) {
        prediction_id -> Uuid,
        made_at -> Timestamptz,
        actual -> Double,
        scored_at -> Timestamptz,
        replaced_at -> Timestamptz,
    }
}

diesel::table! {
    predictions (prediction_id, made_at) {
        prediction_id -> Uuid,
        model_id -> Uuid,
        series -> Text,
        role -> Text,
        made_at -> Timestamptz,
        target_ts -> Nullable<Timestamptz>,
        value -> Nullable<Double>,
        quantiles -> Nullable<Array<Float4>>,
        probability -> Nullable<Double>,
        threshold -> Nullable<Double>,
        event_above -> Nullable<Double>,
        event_below -> Nullable<Double>,
        features_hash -> Text,
        inputs_hash -> Nullable<Text>,
        actual -> Nullable<Double>,
        scored_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    prompts (version) {
        version -> Int4,
        text -> Text,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    quality_days (source, subject, day) {
        source -> Text,
        subject -> Text,
        day -> Date,
        time_zone -> Text,
        interval_s -> Int4,
        expected -> Int4,
        found -> Int4,
        revised -> Int4,
        is_simulated -> Bool,
        verdict -> Text,
        expected_by -> Nullable<Timestamptz>,
        first_complete_at -> Nullable<Timestamptz>,
        late_s -> Nullable<Int8>,
        report_id -> Uuid,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    quality_due (kind, subject, day) {
        kind -> Text,
        subject -> Text,
        day -> Date,
        since -> Timestamptz,
    }
}

diesel::table! {
    quality_reports (report_id) {
        report_id -> Uuid,
        source -> Text,
        subject -> Text,
        raw_file_id -> Nullable<Uuid>,
        range_from -> Timestamptz,
        range_to -> Timestamptz,
        interval_s -> Int4,
        expected -> Int4,
        found -> Int4,
        duplicates -> Int4,
        conflicts -> Int4,
        out_of_order -> Int4,
        outside -> Int4,
        off_grid -> Int4,
        not_finite -> Int4,
        outliers -> Int4,
        spikes -> Int4,
        revised -> Int4,
        quarantined -> Int4,
        longest_equal_s -> Int4,
        outlier_score -> Nullable<Double>,
        gaps -> Jsonb,
        verdict -> Text,
        reasons -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    quarantined_rows (row_id) {
        row_id -> Uuid,
        source -> Text,
        subject -> Text,
        ts -> Timestamptz,
        interval_s -> Int4,
        value -> Nullable<Double>,
        reason -> Text,
        sentence -> Text,
        raw_file_id -> Nullable<Uuid>,
        report_id -> Uuid,
        arrived_at -> Timestamptz,
        decision -> Nullable<Text>,
        decided_at -> Nullable<Timestamptz>,
        decided_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    questions (question_id) {
        question_id -> Uuid,
        asked_at -> Timestamptz,
        user_id -> Nullable<Uuid>,
        question -> Text,
        language -> Nullable<Text>,
        mode -> Text,
        model -> Nullable<Text>,
        prompt_version -> Nullable<Int4>,
        filters -> Jsonb,
        chunks -> Jsonb,
        answer -> Jsonb,
        abstained -> Bool,
        confidence -> Nullable<Double>,
        timings -> Jsonb,
    }
}

diesel::table! {
    raw_files (raw_file_id) {
        raw_file_id -> Uuid,
        source -> Text,
        subject -> Text,
        range_from -> Timestamptz,
        range_to -> Timestamptz,
        url -> Text,
        http_status -> Int4,
        content_type -> Text,
        size_bytes -> Int8,
        sha256 -> Text,
        object_key -> Text,
        object_sha256 -> Text,
        parse_result -> Nullable<Text>,
        fetched_at -> Timestamptz,
        last_fetched_at -> Timestamptz,
    }
}

diesel::table! {
    reading_horizon (only_row) {
        only_row -> Bool,
        before -> Timestamptz,
    }
}

diesel::table! {
    reading_requests (user_id, request_key) {
        user_id -> Uuid,
        request_key -> Text,
        body_sha256 -> Text,
        answer -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    series (series_id) {
        series_id -> Int4,
        name -> Text,
        unit -> Text,
        source -> Text,
        market -> Nullable<Text>,
        resolution_s -> Int4,
        attribution -> Text,
        created_at -> Timestamptz,
        is_feature -> Bool,
    }
}

diesel::table! {
    series_changes (writer, change_id) {
        writer -> Int8,
        change_id -> Int8,
        kind -> Text,
        name -> Text,
        range_from -> Timestamptz,
        range_to -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (session_id) {
        session_id -> Uuid,
        account_id -> Uuid,
        kind -> Text,
        refresh_hash -> Nullable<Text>,
        user_agent -> Text,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        address -> Nullable<Text>,
    }
}

diesel::table! {
    settings (key) {
        key -> Text,
        value -> Jsonb,
        changed_by -> Uuid,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    setup_codes (code_hash) {
        code_hash -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sftp_hosts (address) {
        address -> Text,
        fingerprint -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        secret -> Bytea,
        created_at -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    simulation_streams (stream) {
        stream -> Text,
        is_running -> Bool,
        started_at -> Nullable<Timestamptz>,
        stopped_at -> Nullable<Timestamptz>,
        interval_s -> Nullable<Int4>,
        written_until -> Nullable<Timestamptz>,
        rows_written -> Int8,
        written_at -> Nullable<Timestamptz>,
        writer -> Nullable<Text>,
    }
}

diesel::table! {
    site_members (user_id, site_id) {
        user_id -> Uuid,
        site_id -> Uuid,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    sites (site_id) {
        site_id -> Uuid,
        name -> Text,
        time_zone -> Text,
        is_default -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    smart_meter_readings (meter_id, ts) {
        meter_id -> Text,
        ts -> Timestamptz,
        consumption_kw -> Nullable<Double>,
        production_kw -> Nullable<Double>,
        voltage -> Nullable<Double>,
        quality -> Text,
        interval_s -> Int4,
        known_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    source_answers (source, day) {
        source -> Text,
        day -> Date,
        answers -> Int4,
        bytes -> Int8,
    }
}

diesel::table! {
    source_states (source, subject) {
        source -> Text,
        subject -> Text,
        asked_at -> Timestamptz,
        last_success_at -> Nullable<Timestamptz>,
        last_failure_at -> Nullable<Timestamptz>,
        failure -> Nullable<Text>,
        licence -> Nullable<Text>,
        newest -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    staged_files (staged_file_id) {
        staged_file_id -> Uuid,
        user_id -> Uuid,
        kind -> Text,
        subject -> Text,
        file_name -> Text,
        size_bytes -> Int8,
        sha256 -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tariff_price_revisions (tariff_id, component, ts, known_at, replaced_at) {
        tariff_id -> Text,
        component -> Text,
        ts -> Timestamptz,
        price_chf_kwh -> Double,
        interval_s -> Int4,
        known_at -> Timestamptz,
        known_at_assumed -> Bool,
        quality -> Text,
        source -> Text,
        replaced_at -> Timestamptz,
    }
}

diesel::table! {
    tariff_prices (tariff_id, component, ts) {
        tariff_id -> Text,
        component -> Text,
        ts -> Timestamptz,
        price_chf_kwh -> Double,
        interval_s -> Int4,
        known_at -> Timestamptz,
        known_at_assumed -> Bool,
        quality -> Text,
        source -> Text,
    }
}

diesel::table! {
    tariffs (tariff_id) {
        tariff_id -> Text,
        name -> Text,
        operator -> Text,
        kind -> Text,
        preset -> Text,
        currency -> Text,
        time_zone -> Text,
        vat_percent -> Double,
        base_chf_month -> Nullable<Double>,
        fallback -> Nullable<Text>,
        attribution -> Text,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    users (user_id) {
        user_id -> Uuid,
        external_id -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_deliveries (delivery_id) {
        delivery_id -> Uuid,
        model_id -> Uuid,
        url -> Text,
        body -> Text,
        predictions -> Int4,
        alerts -> Int4,
        state -> Text,
        attempts -> Int4,
        last_status -> Nullable<Int4>,
        last_error -> Nullable<Text>,
        created_at -> Timestamptz,
        attempted_at -> Nullable<Timestamptz>,
    }
}
