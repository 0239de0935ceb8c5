-- Versions of the index: all chunks of one have the same kind of vectors and the same weights of words.
-- One answers, another may be built beside it.
CREATE TABLE IF NOT EXISTS index_versions (
    version       int         PRIMARY KEY CHECK (version > 0),
    -- The model behind the vectors; absent: words only.
    embedder      text        CHECK (embedder <> ''),
    digest        text        CHECK (digest <> ''),
    dimension     int         CHECK (dimension BETWEEN 1 AND 65536),
    -- Mean number of terms of a chunk, with which the weights of its words were made.
    average_terms float8      NOT NULL CHECK (average_terms > 0 AND average_terms < 'infinity'),
    state         text        NOT NULL CHECK (state IN ('building', 'active', 'retired', 'damaged')),
    reason        text        NOT NULL CHECK (reason <> ''),
    created_at    timestamptz NOT NULL,
    activated_at  timestamptz,
    ended_at      timestamptz,
    CONSTRAINT index_versions_vectors
        CHECK ((embedder IS NULL) = (dimension IS NULL) AND (embedder IS NULL) = (digest IS NULL)),
    CONSTRAINT index_versions_active CHECK (state <> 'active' OR activated_at IS NOT NULL),
    CONSTRAINT index_versions_ended
        CHECK ((state IN ('retired', 'damaged')) = (ended_at IS NOT NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS index_versions_one_active ON index_versions (state) WHERE state = 'active';
CREATE UNIQUE INDEX IF NOT EXISTS index_versions_one_building ON index_versions (state) WHERE state = 'building';

-- Documents: what came, version by version. What is made of one lies in the tables below.
CREATE TABLE IF NOT EXISTS items (
    item_id       uuid        PRIMARY KEY,
    kind          text        NOT NULL CHECK (kind IN ('document', 'text')),
    source        text        NOT NULL CHECK (source <> '' AND length(source) <= 200),
    title         text        NOT NULL CHECK (title <> '' AND length(title) <= 300),
    tags          text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 50),
    url           text        CHECK (url ~ '^https?://' AND length(url) <= 2000),
    -- Of the bytes that came; they lie in the object store under documents/{sha256}.
    sha256        text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    version       int         NOT NULL CHECK (version > 0),
    created_at    timestamptz NOT NULL,
    file_name     text        NOT NULL CHECK (file_name <> '' AND length(file_name) <= 200 AND file_name !~ '[/\\]'),
    -- What versions of one document have in common: its title, or its place among files.
    lineage       text        NOT NULL CHECK (lineage ~ '^(title|file|path):' AND length(lineage) <= 600),
    media_type    text        CHECK (media_type <> ''),
    bytes         bigint      NOT NULL CHECK (bytes > 0),
    pages         int         CHECK (pages >= 0),
    language      text        CHECK (language IN ('de', 'fr', 'it', 'en')),
    status        text        NOT NULL CHECK (status IN ('queued', 'working', 'ready', 'failed', 'cancelled')),
    -- Why it failed, for whoever brought it, or what it waits for.
    reason        text        CHECK (reason <> ''),
    findings      jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(findings) = 'array'),
    method        text        CHECK (method <> ''),
    approved_at   timestamptz,
    approved_by   uuid        REFERENCES users (user_id) ON DELETE SET NULL,
    previous_item uuid        REFERENCES items (item_id) ON DELETE SET NULL,
    superseded_at timestamptz,
    added_by      uuid        REFERENCES users (user_id) ON DELETE SET NULL,
    job_id        uuid        REFERENCES jobs (job_id) ON DELETE SET NULL,
    text_sha256   text        CHECK (text_sha256 ~ '^[0-9a-f]{64}$'),
    chunk_count   int         CHECK (chunk_count >= 0),
    ready_at      timestamptz,
    CONSTRAINT items_failed_says_why CHECK (status <> 'failed' OR reason IS NOT NULL),
    CONSTRAINT items_ready CHECK (status <> 'ready' OR (ready_at IS NOT NULL AND chunk_count IS NOT NULL)),
    CONSTRAINT items_not_its_own CHECK (previous_item <> item_id),
    CONSTRAINT items_version_once UNIQUE (lineage, version)
);
-- The same bytes are the same document.
CREATE UNIQUE INDEX IF NOT EXISTS items_content_once ON items (sha256) WHERE superseded_at IS NULL;
CREATE INDEX IF NOT EXISTS items_sha256 ON items (sha256);
CREATE INDEX IF NOT EXISTS items_newest ON items (created_at DESC, item_id DESC);
CREATE INDEX IF NOT EXISTS items_status ON items (status);
CREATE INDEX IF NOT EXISTS items_tags ON items USING gin (tags);
CREATE INDEX IF NOT EXISTS items_job ON items (job_id);
CREATE INDEX IF NOT EXISTS items_previous ON items (previous_item);

-- The canonical text, with pages and blocks as spans of its bytes in UTF-8.
CREATE TABLE IF NOT EXISTS item_texts (
    item_id uuid  PRIMARY KEY REFERENCES items (item_id) ON DELETE CASCADE,
    text    text  NOT NULL,
    pages   jsonb NOT NULL CHECK (jsonb_typeof(pages) = 'array'),
    blocks  jsonb NOT NULL CHECK (jsonb_typeof(blocks) = 'array')
);

-- Chunks: what is found and quoted. Offsets count letters (Unicode scalar values) of the canonical text.
CREATE TABLE IF NOT EXISTS item_chunks (
    chunk_id   uuid        PRIMARY KEY,
    item_id    uuid        NOT NULL REFERENCES items (item_id) ON DELETE CASCADE,
    chunk_idx  int         NOT NULL CHECK (chunk_idx >= 0),
    text       text        NOT NULL CHECK (text <> ''),
    metadata   jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    created_at timestamptz NOT NULL,
    page       int         NOT NULL CHECK (page > 0),
    page_end   int         NOT NULL,
    start_char int         NOT NULL CHECK (start_char >= 0),
    end_char   int         NOT NULL,
    section    text[]      NOT NULL DEFAULT '{}',
    -- What is searched: the path of its section and its text.
    search_text text       NOT NULL CHECK (search_text <> ''),
    lang       text        NOT NULL CHECK (lang IN ('de', 'fr', 'it', 'en')),
    tokens     int         NOT NULL CHECK (tokens >= 0),
    terms      int         NOT NULL CHECK (terms >= 0),
    CONSTRAINT item_chunks_place UNIQUE (item_id, chunk_idx),
    CONSTRAINT item_chunks_pages CHECK (page <= page_end),
    CONSTRAINT item_chunks_letters CHECK (start_char < end_char)
);

-- Which document lies in which version of the index.
CREATE TABLE IF NOT EXISTS item_index (
    item_id     uuid    NOT NULL REFERENCES items (item_id) ON DELETE CASCADE,
    version     int     NOT NULL REFERENCES index_versions (version) ON DELETE CASCADE,
    points      int     NOT NULL CHECK (points >= 0),
    -- Whether its chunks have their vectors; a model that is away holds up only these.
    is_embedded boolean NOT NULL,
    CONSTRAINT item_index_pkey PRIMARY KEY (item_id, version)
);
CREATE INDEX IF NOT EXISTS item_index_version ON item_index (version);

-- What must still be removed outside of the database: the points of a document, and its bytes when no
-- document has them any more. Written before an object, and in the transaction of a removal.
CREATE TABLE IF NOT EXISTS item_leftovers (
    leftover_id uuid        PRIMARY KEY,
    item_id     uuid        NOT NULL,
    sha256      text        CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    due_at      timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS item_leftovers_due ON item_leftovers (due_at);
