-- What the program does on a schedule. The program writes the times at its start; whether a schedule
-- is kept is the admin's to say.
CREATE TABLE IF NOT EXISTS job_definitions (
    name       text        PRIMARY KEY CHECK (name <> ''),
    cron       text        NOT NULL CHECK (cron <> ''),
    time_zone  text        NOT NULL CHECK (time_zone <> ''),
    is_enabled boolean     NOT NULL DEFAULT true,
    changed_at timestamptz NOT NULL
);
