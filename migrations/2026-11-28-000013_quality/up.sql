-- How good what sources send is: one report per batch, one row per source, subject and local day, what
-- was not stored and why, and payloads that nobody can read.
CREATE TABLE IF NOT EXISTS quality_reports (
    report_id       uuid        PRIMARY KEY,
    source          text        NOT NULL CHECK (source <> ''),
    subject         text        NOT NULL CHECK (subject <> ''),
    raw_file_id     uuid        REFERENCES raw_files (raw_file_id) ON DELETE SET NULL,
    range_from      timestamptz NOT NULL,
    range_to        timestamptz NOT NULL,
    interval_s      int         NOT NULL CHECK (interval_s > 0),
    expected        int         NOT NULL CHECK (expected >= 0),
    found           int         NOT NULL CHECK (found BETWEEN 0 AND expected),
    duplicates      int         NOT NULL CHECK (duplicates >= 0),
    conflicts       int         NOT NULL CHECK (conflicts >= 0),
    out_of_order    int         NOT NULL CHECK (out_of_order >= 0),
    outside         int         NOT NULL CHECK (outside >= 0),
    off_grid        int         NOT NULL CHECK (off_grid >= 0),
    not_finite      int         NOT NULL CHECK (not_finite >= 0),
    outliers        int         NOT NULL CHECK (outliers >= 0),
    spikes          int         NOT NULL CHECK (spikes >= 0),
    revised         int         NOT NULL CHECK (revised >= 0),
    quarantined     int         NOT NULL CHECK (quarantined >= 0),
    longest_equal_s int         NOT NULL CHECK (longest_equal_s >= 0),
    outlier_score   float8      CHECK (outlier_score >= 0),
    gaps            jsonb       NOT NULL,
    verdict         text        NOT NULL CHECK (verdict IN ('good', 'suspect', 'refused')),
    reasons         jsonb       NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT quality_reports_range CHECK (range_from < range_to)
);
CREATE INDEX IF NOT EXISTS quality_reports_newest ON quality_reports (created_at DESC, report_id DESC);
CREATE INDEX IF NOT EXISTS quality_reports_subject
    ON quality_reports (source, subject, created_at DESC, report_id DESC);

CREATE TABLE IF NOT EXISTS quality_days (
    source            text        NOT NULL CHECK (source <> ''),
    subject           text        NOT NULL CHECK (subject <> ''),
    day               date        NOT NULL,
    time_zone         text        NOT NULL CHECK (time_zone <> ''),
    interval_s        int         NOT NULL CHECK (interval_s > 0),
    expected          int         NOT NULL CHECK (expected > 0),
    found             int         NOT NULL CHECK (found BETWEEN 0 AND expected),
    revised           int         NOT NULL CHECK (revised >= 0),
    is_simulated      boolean     NOT NULL,
    verdict           text        NOT NULL CHECK (verdict IN ('good', 'suspect', 'refused')),
    expected_by       timestamptz,
    first_complete_at timestamptz,
    late_s            bigint      CHECK (late_s >= 0),
    report_id         uuid        NOT NULL REFERENCES quality_reports (report_id) ON DELETE RESTRICT,
    changed_at        timestamptz NOT NULL,
    PRIMARY KEY (source, subject, day),
    CONSTRAINT quality_days_complete CHECK ((found = expected) = (first_complete_at IS NOT NULL))
);
CREATE INDEX IF NOT EXISTS quality_days_day ON quality_days (day);

CREATE TABLE IF NOT EXISTS quarantined_rows (
    row_id      uuid        PRIMARY KEY,
    source      text        NOT NULL CHECK (source <> ''),
    subject     text        NOT NULL CHECK (subject <> ''),
    ts          timestamptz NOT NULL,
    interval_s  int         NOT NULL CHECK (interval_s > 0),
    value       float8      CHECK (value BETWEEN -1e300 AND 1e300),
    reason      text        NOT NULL CHECK (reason <> ''),
    sentence    text        NOT NULL CHECK (sentence <> ''),
    raw_file_id uuid        REFERENCES raw_files (raw_file_id) ON DELETE SET NULL,
    report_id   uuid        NOT NULL REFERENCES quality_reports (report_id) ON DELETE CASCADE,
    arrived_at  timestamptz NOT NULL,
    decision    text        CHECK (decision IN ('released', 'discarded')),
    decided_at  timestamptz,
    decided_by  uuid,
    CONSTRAINT quarantined_rows_decided CHECK ((decision IS NULL) = (decided_at IS NULL))
);
-- A source that repeats itself adds nothing; a value that is no number is stored as none.
CREATE UNIQUE INDEX IF NOT EXISTS quarantined_rows_once
    ON quarantined_rows (source, subject, ts, reason, coalesce(value, 'NaN'::float8));
CREATE INDEX IF NOT EXISTS quarantined_rows_newest ON quarantined_rows (arrived_at DESC, row_id DESC);
CREATE INDEX IF NOT EXISTS quarantined_rows_open
    ON quarantined_rows (arrived_at DESC, row_id DESC) WHERE decision IS NULL;

CREATE TABLE IF NOT EXISTS dead_letters (
    letter_id   uuid        PRIMARY KEY,
    source      text        NOT NULL CHECK (source <> ''),
    subject     text        NOT NULL CHECK (subject <> ''),
    raw_file_id uuid        REFERENCES raw_files (raw_file_id) ON DELETE SET NULL,
    excerpt     text        NOT NULL,
    reason      text        NOT NULL CHECK (reason <> ''),
    attempts    int         NOT NULL CHECK (attempts > 0),
    created_at  timestamptz NOT NULL,
    last_at     timestamptz NOT NULL CHECK (last_at >= created_at),
    resolution  text        CHECK (resolution IN ('resolved', 'superseded')),
    resolved_at timestamptz,
    resolved_by uuid,
    CONSTRAINT dead_letters_resolved CHECK ((resolution IS NULL) = (resolved_at IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS dead_letters_open
    ON dead_letters (source, subject, md5(reason)) WHERE resolution IS NULL;
CREATE INDEX IF NOT EXISTS dead_letters_newest ON dead_letters (last_at DESC, letter_id DESC);

-- How often and how much each source answers, per day in UTC: what a quota is measured against.
CREATE TABLE IF NOT EXISTS source_answers (
    source  text   NOT NULL CHECK (source <> ''),
    day     date   NOT NULL,
    answers int    NOT NULL CHECK (answers > 0),
    bytes   bigint NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (source, day)
);
