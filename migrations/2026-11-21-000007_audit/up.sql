-- Who did what, when, from where. No foreign keys: the log outlives what it speaks of.
CREATE TABLE IF NOT EXISTS audit_log (
    audit_id     uuid        PRIMARY KEY,
    occurred_at  timestamptz NOT NULL,
    actor        text        NOT NULL CHECK (actor IN ('user', 'key', 'command', 'system', 'nobody')),
    user_id      uuid,
    key_id       uuid,
    action       text        NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    subject_kind text        NOT NULL CHECK (subject_kind <> ''),
    subject_id   text        NOT NULL,
    address      text,
    request_id   text,
    before       jsonb,
    after        jsonb,
    CONSTRAINT audit_log_people_are_named CHECK ((actor IN ('user', 'key')) = (user_id IS NOT NULL)),
    CONSTRAINT audit_log_keys_are_named CHECK ((actor = 'key') = (key_id IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS audit_log_newest ON audit_log (occurred_at DESC, audit_id DESC);
CREATE INDEX IF NOT EXISTS audit_log_subject ON audit_log (subject_kind, subject_id, occurred_at DESC);
CREATE INDEX IF NOT EXISTS audit_log_user ON audit_log (user_id, occurred_at DESC) WHERE user_id IS NOT NULL;

-- What is written stays. ALWAYS: replication settings of a session do not switch it off.
CREATE OR REPLACE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
DROP TRIGGER IF EXISTS audit_log_append_only ON audit_log;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;
