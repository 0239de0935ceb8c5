-- What models said that is worth telling, to whom it was told, and what came of it.

-- What champions said and nobody has looked at yet. Written with the prediction, so that nothing is
-- missed; removed with what follows from it, so that nothing is told twice.
CREATE TABLE IF NOT EXISTS prediction_notices (
    prediction_id uuid        NOT NULL,
    made_at       timestamptz NOT NULL,
    model_id      uuid        NOT NULL REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    target_ts     timestamptz,
    value         float8,
    probability   float8      CHECK (probability BETWEEN 0 AND 1),
    threshold     float8,
    CONSTRAINT prediction_notices_pkey PRIMARY KEY (prediction_id, made_at),
    CONSTRAINT prediction_notices_say_one_thing CHECK (num_nonnulls(value, probability) = 1)
);
CREATE INDEX IF NOT EXISTS prediction_notices_in_order
    ON prediction_notices (model_id, made_at, target_ts, prediction_id);

CREATE OR REPLACE FUNCTION predictions_are_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO prediction_notices (prediction_id, made_at, model_id, target_ts, value, probability, threshold)
        SELECT NEW.prediction_id, NEW.made_at, NEW.model_id, NEW.target_ts, NEW.value, NEW.probability, NEW.threshold
        FROM model_settings AS s
        WHERE s.model_id = NEW.model_id
            AND (s.webhook_enabled OR s.alert_config -> 'enabled' = 'true'::jsonb)
        ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM pg_notify('luna_predictions', '');
    END IF;
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS predictions_are_told ON predictions;
CREATE TRIGGER predictions_are_told AFTER INSERT ON predictions
    FOR EACH ROW WHEN (NEW.role = 'champion') EXECUTE FUNCTION predictions_are_told();

CREATE TABLE IF NOT EXISTS alerts (
    alert_id      uuid        PRIMARY KEY,
    model_id      uuid        NOT NULL REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    series        text        NOT NULL CHECK (series <> ''),
    purpose       text        NOT NULL CHECK (purpose ~ '^(value|event:(above|below):.+)$'),
    prediction_id uuid        NOT NULL,
    made_at       timestamptz NOT NULL,
    target_ts     timestamptz,
    said          float8      NOT NULL,
    threshold     float8      NOT NULL,
    direction     text        NOT NULL CHECK (direction IN ('above', 'below')),
    severity      text        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    consecutive   int         NOT NULL CHECK (consecutive BETWEEN 1 AND 100),
    status        text        NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'success', 'failed', 'expired')),
    actual        float8,
    created_at    timestamptz NOT NULL,
    looked_at     timestamptz,
    evaluated_at  timestamptz,
    expires_at    timestamptz NOT NULL,
    CONSTRAINT alerts_end_once CHECK ((status = 'pending') = (evaluated_at IS NULL)),
    CONSTRAINT alerts_judged_by_truth CHECK ((status IN ('success', 'failed')) = (actual IS NOT NULL)),
    CONSTRAINT alerts_expire_later CHECK (expires_at > created_at)
);
CREATE UNIQUE INDEX IF NOT EXISTS alerts_once ON alerts (model_id, target_ts, threshold, direction);
CREATE INDEX IF NOT EXISTS alerts_newest ON alerts (created_at DESC, alert_id DESC);
CREATE INDEX IF NOT EXISTS alerts_of_model ON alerts (model_id, created_at DESC, alert_id DESC);
CREATE INDEX IF NOT EXISTS alerts_of_series ON alerts (series, created_at DESC, alert_id DESC);
CREATE INDEX IF NOT EXISTS alerts_pending ON alerts (looked_at NULLS FIRST, created_at) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS alerts_of_prediction ON alerts (prediction_id, made_at);

-- Where the watch over a model stands, and what it kept silent about.
CREATE TABLE IF NOT EXISTS alert_watch (
    model_id      uuid        PRIMARY KEY REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    streak        int         NOT NULL DEFAULT 0 CHECK (streak >= 0),
    last_alert_at timestamptz,
    judged        bigint      NOT NULL DEFAULT 0 CHECK (judged >= 0),
    ignored       bigint      NOT NULL DEFAULT 0 CHECK (ignored >= 0),
    cooling_down  bigint      NOT NULL DEFAULT 0 CHECK (cooling_down >= 0),
    repeated      bigint      NOT NULL DEFAULT 0 CHECK (repeated >= 0),
    outdated      bigint      NOT NULL DEFAULT 0 CHECK (outdated >= 0)
);

CREATE TABLE IF NOT EXISTS webhook_deliveries (
    delivery_id  uuid        PRIMARY KEY,
    model_id     uuid        NOT NULL REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    url          text        NOT NULL CHECK (url ~ '^https?://'),
    body         text        NOT NULL,
    predictions  int         NOT NULL CHECK (predictions > 0),
    alerts       int         NOT NULL CHECK (alerts BETWEEN 0 AND predictions),
    state        text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'retry', 'delivered', 'dead')),
    attempts     int         NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_status  int         CHECK (last_status BETWEEN 100 AND 999),
    last_error   text,
    created_at   timestamptz NOT NULL,
    attempted_at timestamptz,
    CONSTRAINT webhook_deliveries_tried CHECK ((attempts = 0) = (attempted_at IS NULL))
);
CREATE INDEX IF NOT EXISTS webhook_deliveries_newest ON webhook_deliveries (created_at DESC, delivery_id DESC);
CREATE INDEX IF NOT EXISTS webhook_deliveries_of_model
    ON webhook_deliveries (model_id, created_at DESC, delivery_id DESC);
