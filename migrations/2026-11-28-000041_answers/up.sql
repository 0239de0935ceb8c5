-- Questions that people asked their documents, with what was answered and from what: so that somebody
-- can look at what was not found, and at what was wrong.
CREATE TABLE IF NOT EXISTS questions (
    question_id    uuid        NOT NULL,
    asked_at       timestamptz NOT NULL,
    user_id        uuid        REFERENCES users (user_id) ON DELETE SET NULL,
    question       text        NOT NULL CHECK (length(question) BETWEEN 1 AND 2000),
    -- Absent where it was not clear.
    language       text        CHECK (language IN ('de', 'fr', 'it', 'en')),
    mode           text        NOT NULL CHECK (mode IN ('extractive', 'written')),
    model          text        CHECK (length(model) BETWEEN 1 AND 200),
    prompt_version int         CHECK (prompt_version >= 0),
    filters        jsonb       NOT NULL CHECK (jsonb_typeof(filters) = 'object'),
    chunks         jsonb       NOT NULL CHECK (jsonb_typeof(chunks) = 'array'),
    answer         jsonb       NOT NULL CHECK (jsonb_typeof(answer) = 'object'),
    abstained      bool        NOT NULL,
    confidence     float8      CHECK (confidence BETWEEN 0 AND 1),
    timings        jsonb       NOT NULL CHECK (jsonb_typeof(timings) = 'object'),
    CONSTRAINT questions_pkey PRIMARY KEY (question_id),
    -- Only a model has a prompt.
    CONSTRAINT questions_writing CHECK ((model IS NULL) = (prompt_version IS NULL))
);
CREATE INDEX IF NOT EXISTS questions_newest ON questions (asked_at DESC, question_id DESC);
CREATE INDEX IF NOT EXISTS questions_of ON questions (user_id, asked_at DESC) WHERE user_id IS NOT NULL;

-- What people think of something: the only place where feedback and rewards are kept.
CREATE TABLE IF NOT EXISTS labels (
    label_id     uuid        NOT NULL,
    user_id      uuid        REFERENCES users (user_id) ON DELETE SET NULL,
    ts           timestamptz NOT NULL,
    kind         text        NOT NULL CHECK (kind ~ '^[a-z][a-z_.]{0,59}$'),
    subject_kind text        NOT NULL CHECK (subject_kind ~ '^[a-z][a-z_.]{0,59}$'),
    subject_id   text        NOT NULL CHECK (length(subject_id) BETWEEN 1 AND 200),
    value        float8      NOT NULL CHECK (value BETWEEN -1 AND 1),
    note         text        CHECK (length(note) BETWEEN 1 AND 2000),
    meta         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(meta) = 'object'),
    CONSTRAINT labels_pkey PRIMARY KEY (label_id)
);
-- Whoever changes their mind about an answer says one thing, not two.
CREATE UNIQUE INDEX IF NOT EXISTS labels_one_feedback ON labels (user_id, subject_kind, subject_id)
    WHERE kind = 'feedback';
CREATE INDEX IF NOT EXISTS labels_of ON labels (subject_kind, subject_id);

-- Versions of the orders that a model gets; the newest is in force. Version 0 is the program's own and
-- has no row.
CREATE TABLE IF NOT EXISTS prompts (
    version    int         NOT NULL CHECK (version > 0),
    text       text        NOT NULL CHECK (length(text) BETWEEN 1 AND 8000),
    created_at timestamptz NOT NULL,
    created_by uuid        REFERENCES users (user_id) ON DELETE SET NULL,
    CONSTRAINT prompts_pkey PRIMARY KEY (version)
);
