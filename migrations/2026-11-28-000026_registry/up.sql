-- Models as things with a life: where each stands, what serves beside what, who changed it and why.
ALTER TABLE ml_models ADD COLUMN IF NOT EXISTS state text NOT NULL DEFAULT 'imported'
    CHECK (state IN ('imported', 'validated', 'shadow', 'active', 'retired', 'failed'));
ALTER TABLE ml_models ADD COLUMN IF NOT EXISTS origin text NOT NULL DEFAULT 'trained'
    CHECK (origin IN ('trained', 'file', 'url'));
ALTER TABLE ml_models ADD COLUMN IF NOT EXISTS format text NOT NULL DEFAULT 'luna'
    CHECK (format IN ('luna', 'lightgbm'));
ALTER TABLE ml_models ADD COLUMN IF NOT EXISTS missing_values jsonb NOT NULL DEFAULT '{"policy": "native"}'
    CHECK (missing_values ->> 'policy' IN ('native', 'refuse', 'fill'));
ALTER TABLE ml_models ADD COLUMN IF NOT EXISTS event jsonb
    CHECK (event IS NULL OR (event ->> 'direction' IN ('above', 'below')
        AND jsonb_typeof(event -> 'threshold') = 'number'));
ALTER TABLE ml_models DROP CONSTRAINT IF EXISTS ml_models_events_are_defined;
ALTER TABLE ml_models ADD CONSTRAINT ml_models_events_are_defined
    CHECK ((task = 'event') = (event IS NOT NULL));

UPDATE ml_models SET state = CASE
        WHEN status = 'FAILED' THEN 'failed'
        WHEN model_id IN (SELECT model_id FROM active_models) THEN 'active'
        ELSE 'validated' END
    WHERE state = 'imported' AND status IN ('READY', 'FAILED') AND origin = 'trained';

-- In the order in which lists are read, cursor and all.
DROP INDEX IF EXISTS ml_models_newest;
CREATE INDEX IF NOT EXISTS ml_models_newest_first
    ON ml_models (created_at DESC, model_id DESC) WHERE NOT is_deleted;
DROP INDEX IF EXISTS ml_models_target;
CREATE INDEX IF NOT EXISTS ml_models_of_target
    ON ml_models (target_variable, created_at DESC, model_id DESC) WHERE NOT is_deleted;
CREATE INDEX IF NOT EXISTS ml_models_of_name
    ON ml_models (name, created_at DESC, model_id DESC) WHERE NOT is_deleted;
CREATE INDEX IF NOT EXISTS ml_models_of_state
    ON ml_models (state, created_at DESC, model_id DESC) WHERE NOT is_deleted;
CREATE INDEX IF NOT EXISTS ml_models_of_type
    ON ml_models (model_type, created_at DESC, model_id DESC) WHERE NOT is_deleted;

-- One champion per series and purpose; others predict beside it and nobody acts on what they say.
ALTER TABLE active_models ADD COLUMN IF NOT EXISTS role text NOT NULL DEFAULT 'champion'
    CHECK (role IN ('champion', 'shadow'));
ALTER TABLE active_models ADD COLUMN IF NOT EXISTS purpose text NOT NULL DEFAULT 'value'
    CHECK (purpose ~ '^(value|event:(above|below):.+)$');
ALTER TABLE active_models DROP CONSTRAINT IF EXISTS active_models_pkey;
ALTER TABLE active_models ADD CONSTRAINT active_models_pkey PRIMARY KEY (model_id);
CREATE UNIQUE INDEX IF NOT EXISTS active_models_one_champion
    ON active_models (series, purpose) WHERE role = 'champion';

CREATE TABLE IF NOT EXISTS model_settings (
    model_id        uuid        PRIMARY KEY REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    alert_threshold float8,
    alert_config    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(alert_config) = 'object'),
    webhook_enabled boolean     NOT NULL DEFAULT false,
    webhook_url     text        CHECK (webhook_url ~ '^https?://'),
    send_mode       text        NOT NULL DEFAULT 'alerts_only'
        CHECK (send_mode IN ('all', 'alerts_only', 'positive_only', 'negative_only')),
    ignore_windows  jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(ignore_windows) = 'array'),
    updated_at      timestamptz NOT NULL
);

-- Rows of features with what the model answered when it was made.
CREATE TABLE IF NOT EXISTS model_golden (
    model_id uuid  PRIMARY KEY REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    rows     jsonb NOT NULL CHECK (jsonb_typeof(rows) = 'array' AND rows <> '[]')
);

CREATE TABLE IF NOT EXISTS model_history (
    history_id  uuid        PRIMARY KEY,
    at          timestamptz NOT NULL,
    model_id    uuid        NOT NULL REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    name        text        NOT NULL,
    series      text        NOT NULL,
    purpose     text        NOT NULL,
    action      text        NOT NULL CHECK (action ~ '^[a-z_]+$'),
    from_state  text        NOT NULL,
    to_state    text        NOT NULL,
    replaced_id uuid,
    actor       text        NOT NULL CHECK (actor IN ('user', 'key', 'command', 'system', 'nobody')),
    user_id     uuid,
    address     text,
    reason      text        NOT NULL DEFAULT '' CHECK (char_length(reason) <= 1000)
);
CREATE INDEX IF NOT EXISTS model_history_of_model ON model_history (model_id, at DESC, history_id DESC);
CREATE INDEX IF NOT EXISTS model_history_of_name ON model_history (name, at DESC, history_id DESC);
CREATE INDEX IF NOT EXISTS model_history_of_series
    ON model_history (series, purpose, at DESC, history_id DESC);

INSERT INTO model_history (history_id, at, model_id, name, series, purpose, action, from_state, to_state, actor, reason)
    SELECT gen_random_uuid(), a.activated_at, a.model_id, m.name, a.series, a.purpose, 'activate',
        'validated', 'active', 'system', 'it served before the history began'
    FROM active_models a JOIN ml_models m USING (model_id)
    WHERE NOT EXISTS (SELECT 1 FROM model_history h WHERE h.model_id = a.model_id);

CREATE OR REPLACE FUNCTION model_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'model_history is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
DROP TRIGGER IF EXISTS model_history_append_only ON model_history;
CREATE TRIGGER model_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON model_history
    FOR EACH STATEMENT EXECUTE FUNCTION model_history_is_append_only();
ALTER TABLE model_history ENABLE ALWAYS TRIGGER model_history_append_only;

DROP TRIGGER IF EXISTS active_models_notify ON active_models;
CREATE TRIGGER active_models_notify AFTER INSERT OR UPDATE OR DELETE ON active_models
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_models');
DROP TRIGGER IF EXISTS model_settings_notify ON model_settings;
CREATE TRIGGER model_settings_notify AFTER INSERT OR UPDATE ON model_settings
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_models');
DROP TRIGGER IF EXISTS ml_models_notify ON ml_models;
CREATE TRIGGER ml_models_notify AFTER UPDATE OF name, is_deleted ON ml_models
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_models');
