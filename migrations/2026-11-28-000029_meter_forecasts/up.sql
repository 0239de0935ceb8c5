-- Forecasts of meters are published beside those of prices; their series have no market and product.
ALTER TABLE forecast_runs ALTER COLUMN market DROP NOT NULL;
ALTER TABLE forecast_runs ALTER COLUMN product DROP NOT NULL;
ALTER TABLE forecast_runs ADD COLUMN IF NOT EXISTS detail jsonb;
COMMENT ON COLUMN forecast_runs.detail IS
    'of meters: how the model was chosen, what it looked at, days with a new monthly peak';
ALTER TABLE forecast_runs DROP CONSTRAINT IF EXISTS forecast_runs_market_by_series;
ALTER TABLE forecast_runs ADD CONSTRAINT forecast_runs_market_by_series CHECK (
    (market IS NULL) = (product IS NULL) AND (market IS NULL) = (series ~ '^(load|pv):')
);

-- What forecasts a meter: one model per series, the newest.
CREATE TABLE IF NOT EXISTS meter_models (
    series    text        PRIMARY KEY,
    meter_id  text        NOT NULL REFERENCES meters (meter_id) ON DELETE CASCADE,
    kind      text        NOT NULL CHECK (kind IN ('load', 'pv')),
    label     text        NOT NULL CHECK (label IN ('baseline', 'lightgbm')),
    fitted_at timestamptz NOT NULL,
    report    jsonb       NOT NULL,
    artifact  bytea       NOT NULL,
    CONSTRAINT meter_models_series CHECK (series = kind || ':' || meter_id)
);
