-- Every call of a model, as it was answered; truth is added when it comes, the answer stays.
CREATE TABLE IF NOT EXISTS predictions (
    prediction_id uuid        NOT NULL,
    model_id      uuid        NOT NULL REFERENCES ml_models (model_id) ON DELETE RESTRICT,
    series        text        NOT NULL CHECK (series <> ''),
    role          text        NOT NULL CHECK (role IN ('champion', 'shadow', 'asked')),
    made_at       timestamptz NOT NULL,
    target_ts     timestamptz,
    value         float8,
    quantiles     float4[]    CHECK (cardinality(quantiles) = 7),
    probability   float8      CHECK (probability BETWEEN 0 AND 1),
    threshold     float8,
    event_above   float8,
    event_below   float8,
    features_hash text        NOT NULL CHECK (length(features_hash) = 64),
    inputs_hash   text        CHECK (length(inputs_hash) = 64),
    actual        float8,
    scored_at     timestamptz,
    CONSTRAINT predictions_pkey PRIMARY KEY (prediction_id, made_at),
    CONSTRAINT predictions_say_one_thing CHECK (num_nonnulls(value, probability) = 1),
    CONSTRAINT predictions_events_are_defined
        CHECK ((probability IS NULL) = (num_nonnulls(event_above, event_below) = 0)),
    CONSTRAINT predictions_scored_with_truth CHECK ((actual IS NULL) = (scored_at IS NULL))
);
CREATE INDEX IF NOT EXISTS predictions_newest ON predictions (made_at DESC, prediction_id DESC);
CREATE INDEX IF NOT EXISTS predictions_of_series ON predictions (series, made_at DESC, prediction_id DESC);
CREATE INDEX IF NOT EXISTS predictions_of_model ON predictions (model_id, made_at DESC, prediction_id DESC);
CREATE INDEX IF NOT EXISTS predictions_about ON predictions (series, target_ts);

-- Scores against a truth that was restated later.
CREATE TABLE IF NOT EXISTS prediction_scores_replaced (
    prediction_id uuid        NOT NULL,
    made_at       timestamptz NOT NULL,
    actual        float8      NOT NULL,
    scored_at     timestamptz NOT NULL,
    replaced_at   timestamptz NOT NULL,
    CONSTRAINT prediction_scores_replaced_pkey PRIMARY KEY (prediction_id, made_at, replaced_at)
);

CREATE OR REPLACE FUNCTION predictions_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.model_id, NEW.series, NEW.role, NEW.target_ts, NEW.value, NEW.quantiles, NEW.probability,
        NEW.threshold, NEW.features_hash) IS DISTINCT FROM
       (OLD.model_id, OLD.series, OLD.role, OLD.target_ts, OLD.value, OLD.quantiles, OLD.probability,
        OLD.threshold, OLD.features_hash) THEN
        RAISE EXCEPTION 'a prediction is never overwritten' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS predictions_stay ON predictions;
CREATE TRIGGER predictions_stay BEFORE UPDATE ON predictions
    FOR EACH ROW EXECUTE FUNCTION predictions_stay();
