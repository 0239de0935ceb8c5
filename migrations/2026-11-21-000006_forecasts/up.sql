-- What Luna published, with what it knew then; scored when truth arrives, never overwritten.
CREATE TABLE IF NOT EXISTS forecast_runs (
    run_id      uuid        PRIMARY KEY,
    series      text        NOT NULL,
    market      text        NOT NULL,
    product     text        NOT NULL,
    model_id    uuid        REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    model_label text        NOT NULL,
    issued_at   timestamptz NOT NULL,
    known_until timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    inputs_hash text        NOT NULL,
    score       jsonb,
    scored_at   timestamptz
);
CREATE INDEX IF NOT EXISTS forecast_runs_latest ON forecast_runs (series, issued_at DESC, created_at DESC);
CREATE INDEX IF NOT EXISTS forecast_runs_unscored ON forecast_runs (issued_at) WHERE scored_at IS NULL;

CREATE TABLE IF NOT EXISTS forecast_values (
    run_id     uuid        NOT NULL REFERENCES forecast_runs (run_id) ON DELETE CASCADE,
    ts         timestamptz NOT NULL,
    interval_s int         NOT NULL CHECK (interval_s > 0),
    lead_day   smallint    NOT NULL CHECK (lead_day > 0),
    mean       float8      NOT NULL,
    quantiles  float4[]    NOT NULL CHECK (cardinality(quantiles) = 7),
    CONSTRAINT forecast_values_pkey PRIMARY KEY (run_id, ts)
);
