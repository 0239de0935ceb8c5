CREATE TABLE IF NOT EXISTS datasets (
    dataset_id uuid        PRIMARY KEY,
    name       text        NOT NULL UNIQUE,
    market     text        NOT NULL,
    product    text        NOT NULL,
    object_key text        NOT NULL,
    features   jsonb       NOT NULL CHECK (jsonb_typeof(features) = 'array' AND features <> '[]'),
    from_day   date        NOT NULL,
    to_day     date        NOT NULL,
    row_count  bigint      NOT NULL CHECK (row_count > 0),
    sha256     text        NOT NULL CHECK (length(sha256) = 64),
    created_at timestamptz NOT NULL,
    CONSTRAINT datasets_days_in_order CHECK (from_day <= to_day)
);

CREATE TABLE IF NOT EXISTS ml_models (
    model_id        uuid        PRIMARY KEY,
    name            text        NOT NULL CHECK (name <> ''),
    version         int         NOT NULL CHECK (version > 0),
    model_type      text        NOT NULL
        CHECK (model_type IN ('naive', 'linear', 'lear', 'lightgbm', 'random_forest', 'ensemble')),
    target_variable text        NOT NULL CHECK (target_variable <> ''),
    task            text        NOT NULL DEFAULT 'value' CHECK (task IN ('value', 'event')),
    train_start     timestamptz NOT NULL,
    train_end       timestamptz NOT NULL,
    features        jsonb       NOT NULL CHECK (jsonb_typeof(features) = 'array' AND features <> '[]'),
    future_minutes  int         NOT NULL CHECK (future_minutes > 0),
    params          jsonb       NOT NULL DEFAULT '{}',
    dataset_id      uuid        REFERENCES datasets (dataset_id) ON DELETE RESTRICT,
    dataset_sha256  text,
    artifact_key    text,
    artifact_sha256 text,
    metrics         jsonb       NOT NULL DEFAULT '{}',
    status          text        NOT NULL CHECK (status IN ('QUEUED', 'TRAINING', 'READY', 'FAILED')),
    error           text,
    is_deleted      boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    trained_at      timestamptz,
    CONSTRAINT ml_models_trained_on_a_range CHECK (train_start < train_end),
    CONSTRAINT ml_models_version_key UNIQUE (name, version),
    CONSTRAINT ml_models_ready_has_artifact
        CHECK (status <> 'READY' OR (artifact_key IS NOT NULL AND artifact_sha256 IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS ml_models_newest ON ml_models (created_at DESC, model_id) WHERE NOT is_deleted;
CREATE INDEX IF NOT EXISTS ml_models_target ON ml_models (target_variable, status) WHERE NOT is_deleted;

CREATE TABLE IF NOT EXISTS active_models (
    series       text        PRIMARY KEY,
    model_id     uuid        NOT NULL REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    activated_at timestamptz NOT NULL
);
