-- What admins changed in the running program; stands between the environment and the files.
CREATE TABLE IF NOT EXISTS settings (
    key        text        PRIMARY KEY CHECK (key ~ '^[a-z_]+\.[a-z0-9_]+$'),
    value      jsonb       NOT NULL,
    changed_by uuid        NOT NULL,
    changed_at timestamptz NOT NULL
);

DROP TRIGGER IF EXISTS settings_notify ON settings;
CREATE TRIGGER settings_notify AFTER INSERT OR UPDATE OR DELETE ON settings
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_settings');
