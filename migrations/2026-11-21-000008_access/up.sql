-- The places that meters, devices and plans belong to; one of them is where newcomers arrive.
CREATE TABLE IF NOT EXISTS sites (
    site_id    uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (name <> ''),
    time_zone  text        NOT NULL DEFAULT 'Europe/Zurich',
    is_default boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS sites_one_default ON sites (is_default) WHERE is_default;
INSERT INTO sites (site_id, name, is_default)
    SELECT gen_random_uuid(), 'Home', true WHERE NOT EXISTS (SELECT FROM sites WHERE is_default);

CREATE TABLE IF NOT EXISTS site_members (
    user_id  uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    site_id  uuid        NOT NULL REFERENCES sites (site_id) ON DELETE CASCADE,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, site_id)
);
CREATE INDEX IF NOT EXISTS site_members_site ON site_members (site_id);
INSERT INTO site_members (user_id, site_id)
    SELECT a.user_id, s.site_id FROM accounts a CROSS JOIN sites s
    WHERE a.role = 'customer' AND s.is_default
    ON CONFLICT DO NOTHING;

ALTER TABLE sessions ADD COLUMN IF NOT EXISTS address text;

-- Keys of programs: what is stored opens nothing.
CREATE TABLE IF NOT EXISTS api_keys (
    key_id       uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    name         text        NOT NULL CHECK (name <> ''),
    prefix       text        NOT NULL,
    key_hash     bytea       NOT NULL CHECK (length(key_hash) = 32),
    scopes       text[]      NOT NULL
        CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['read', 'ingest', 'train', 'admin']),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT api_keys_hash_key UNIQUE (key_hash),
    CONSTRAINT api_keys_expire_after_creation CHECK (expires_at > created_at)
);
CREATE INDEX IF NOT EXISTS api_keys_account ON api_keys (account_id);
CREATE INDEX IF NOT EXISTS api_keys_newest ON api_keys (created_at DESC, key_id DESC);

-- Wrong passwords, counted per login, per address and per pair of both, each by its hash.
CREATE TABLE IF NOT EXISTS login_counts (
    subject        bytea       PRIMARY KEY CHECK (length(subject) = 32),
    failures       int         NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_failed_at timestamptz NOT NULL,
    succeeded_at   timestamptz
);
CREATE INDEX IF NOT EXISTS login_counts_oldest ON login_counts (last_failed_at);

CREATE OR REPLACE FUNCTION luna_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '');
    RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS api_keys_notify ON api_keys;
CREATE TRIGGER api_keys_notify AFTER DELETE OR UPDATE OF revoked_at ON api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_access');
