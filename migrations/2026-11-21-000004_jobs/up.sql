-- The durable queue: a job is stored before it runs and may run twice.
CREATE TABLE IF NOT EXISTS jobs (
    job_id           uuid        PRIMARY KEY,
    name             text        NOT NULL CHECK (name <> ''),
    slot             text,
    payload          jsonb       NOT NULL DEFAULT '{}',
    state            text        NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'done', 'dead', 'cancelled')),
    attempts         int         NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    attempts_max     int         NOT NULL CHECK (attempts_max > 0),
    run_after        timestamptz NOT NULL,
    lease_owner      text,
    lease_until      timestamptz,
    cancel_requested boolean     NOT NULL DEFAULT false,
    progress         float8      NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    progress_note    text        NOT NULL DEFAULT '',
    result           jsonb,
    error            text,
    requested_by     uuid,
    created_at       timestamptz NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    CONSTRAINT jobs_slot_runs_once UNIQUE (name, slot),
    CONSTRAINT jobs_running_has_lease
        CHECK (state <> 'running' OR (lease_owner IS NOT NULL AND lease_until IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (run_after) WHERE state IN ('queued', 'running');
CREATE INDEX IF NOT EXISTS jobs_newest ON jobs (created_at DESC, job_id);

CREATE TABLE IF NOT EXISTS job_runs (
    run_id      uuid        PRIMARY KEY,
    job_id      uuid        NOT NULL REFERENCES jobs (job_id) ON DELETE CASCADE,
    attempt     int         NOT NULL,
    worker      text        NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    outcome     text        CHECK (outcome IN ('done', 'retry', 'dead', 'cancelled', 'lease_lost')),
    error       text,
    log_excerpt text        NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS job_runs_job ON job_runs (job_id, started_at);
