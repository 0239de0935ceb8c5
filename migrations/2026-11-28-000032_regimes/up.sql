-- Which phases a model has learned from, and a dataset is of; absent: all days.
ALTER TABLE ml_models ADD COLUMN IF NOT EXISTS regime jsonb;
ALTER TABLE ml_models DROP CONSTRAINT IF EXISTS ml_models_regime_is_stated;
ALTER TABLE ml_models ADD CONSTRAINT ml_models_regime_is_stated CHECK (regime IS NULL
    OR (jsonb_typeof(regime) = 'object' AND regime <> '{}'::jsonb));
ALTER TABLE datasets ADD COLUMN IF NOT EXISTS regime jsonb;
ALTER TABLE datasets DROP CONSTRAINT IF EXISTS datasets_regime_is_stated;
ALTER TABLE datasets ADD CONSTRAINT datasets_regime_is_stated CHECK (regime IS NULL
    OR (jsonb_typeof(regime) = 'object' AND regime <> '{}'::jsonb));
