-- The key with which this installation signs the bundles it hands out, and who had signed those it took in.
CREATE TABLE IF NOT EXISTS bundle_keys (
    public_key text        PRIMARY KEY CHECK (public_key ~ '^[0-9a-f]{64}$'),
    secret     bytea       NOT NULL CHECK (length(secret) BETWEEN 32 AND 256),
    created_at timestamptz NOT NULL
);
ALTER TABLE ml_models ADD COLUMN IF NOT EXISTS signed_by text CHECK (signed_by ~ '^[0-9a-f]{64}$');
