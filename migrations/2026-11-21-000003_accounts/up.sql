-- `users` holds no personal data; what a person logs in with lives in `accounts`.
CREATE TABLE IF NOT EXISTS users (
    user_id     uuid        PRIMARY KEY,
    external_id text        UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS accounts (
    account_id          uuid        PRIMARY KEY,
    user_id             uuid        NOT NULL UNIQUE REFERENCES users (user_id) ON DELETE RESTRICT,
    login               text        NOT NULL CHECK (login = lower(login) AND login <> ''),
    password_hash       text        NOT NULL,
    role                text        NOT NULL CHECK (role IN ('admin', 'analyst', 'viewer', 'customer')),
    language            text        NOT NULL DEFAULT 'de' CHECK (language IN ('de', 'en')),
    time_zone           text        NOT NULL DEFAULT 'Europe/Zurich',
    disabled_at         timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    password_changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_login_key UNIQUE (login)
);

CREATE TABLE IF NOT EXISTS sessions (
    session_id   uuid        PRIMARY KEY,
    account_id   uuid        NOT NULL REFERENCES accounts (account_id) ON DELETE CASCADE,
    kind         text        NOT NULL CHECK (kind IN ('login', 'command_line')),
    refresh_hash text,
    user_agent   text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    CONSTRAINT sessions_expire_after_creation CHECK (expires_at > created_at)
);
CREATE INDEX IF NOT EXISTS sessions_account ON sessions (account_id);

CREATE TABLE IF NOT EXISTS signing_keys (
    kid        text        PRIMARY KEY,
    secret     bytea       NOT NULL CHECK (length(secret) >= 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);

CREATE TABLE IF NOT EXISTS setup_codes (
    code_hash  text        PRIMARY KEY,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
