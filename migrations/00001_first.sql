-- +goose Up

CREATE TABLE accounts (
  id          TEXT PRIMARY KEY,
  provider    TEXT   NOT NULL,            -- caldav, google
  name        TEXT   NOT NULL,
  owner       TEXT   NOT NULL,
  url         TEXT   NOT NULL,
  username    TEXT   NOT NULL,
  credential  BYTEA,                      -- sealed under the master key, bound to the id
  principal   TEXT   NOT NULL,
  homes       TEXT   NOT NULL,            -- JSON list of URLs
  addresses   TEXT   NOT NULL,            -- JSON list of calendar user addresses
  state       TEXT   NOT NULL CHECK (state IN ('active', 'locked', 'paused', 'removed')),
  trouble     TEXT   NOT NULL,
  busy_until  BIGINT NOT NULL,
  failures    BIGINT NOT NULL,
  lease_owner TEXT   NOT NULL DEFAULT '',
  lease_until BIGINT NOT NULL DEFAULT 0,
  epoch       BIGINT NOT NULL DEFAULT 0,  -- grows with every lease: a worker that shows an older one is fenced off
  created     BIGINT NOT NULL,
  updated     BIGINT NOT NULL
);

-- What we learned about a server, by origin; shared by every account there, so nothing personal.
CREATE TABLE servers (
  origin  TEXT PRIMARY KEY,
  profile TEXT   NOT NULL,                -- JSON
  updated BIGINT NOT NULL
);

CREATE TABLE calendars (
  id          TEXT PRIMARY KEY,
  account     TEXT   NOT NULL REFERENCES accounts (id),
  href        TEXT   NOT NULL,
  name        TEXT   NOT NULL,
  color       TEXT   NOT NULL,
  description TEXT   NOT NULL,
  zone        TEXT   NOT NULL,
  position    TEXT   NOT NULL,
  components  TEXT   NOT NULL,
  access      TEXT   NOT NULL,
  sync_token  TEXT   NOT NULL,            -- as last listed
  mark        TEXT   NOT NULL,            -- as last listed
  token       TEXT   NOT NULL,            -- where our copy stands
  pulled      TEXT   NOT NULL,            -- the mark our copy stands at
  audited     BIGINT NOT NULL,
  selected    BIGINT NOT NULL,
  state       TEXT   NOT NULL,
  on_conflict TEXT   NOT NULL,
  on_delete   TEXT   NOT NULL,
  missing     BIGINT NOT NULL,            -- since when the remote no longer lists it; 0: it does
  created     BIGINT NOT NULL,
  updated     BIGINT NOT NULL,
  UNIQUE (account, href)
);

CREATE TABLE objects (
  id          TEXT PRIMARY KEY,
  calendar    TEXT   NOT NULL REFERENCES calendars (id),
  href        TEXT   NOT NULL,            -- '': no name at the remote yet
  incarnation BIGINT NOT NULL,
  uid         TEXT   NOT NULL,
  component   TEXT   NOT NULL,
  trouble     TEXT   NOT NULL,
  summary     TEXT   NOT NULL,
  base        TEXT   NOT NULL,            -- the version both sides agreed on; '': absent
  base_etag   TEXT   NOT NULL,
  versions    BIGINT NOT NULL,            -- the highest versions.n given out
  rev         BIGINT NOT NULL,            -- the highest edits.rev given out
  gone        BIGINT NOT NULL,            -- when it became a tombstone; 0: it lives
  created     BIGINT NOT NULL,
  updated     BIGINT NOT NULL
);
CREATE UNIQUE INDEX objects_href ON objects (calendar, href) WHERE gone = 0 AND href <> '';
CREATE INDEX objects_uid ON objects (calendar, uid);
CREATE INDEX objects_gone ON objects (calendar, href) WHERE gone > 0;

-- Every state an object was ever seen or wanted in. Only a body that says the same may replace another.
CREATE TABLE versions (
  id     TEXT PRIMARY KEY,
  object TEXT   NOT NULL REFERENCES objects (id),
  n      BIGINT NOT NULL,                 -- 1, 2, 3 … within the object
  origin TEXT   NOT NULL CHECK (origin IN ('remote', 'local', 'merge')),
  at     BIGINT NOT NULL,
  etag   TEXT   NOT NULL,
  digest TEXT   NOT NULL,
  native BYTEA  NOT NULL,
  body   BYTEA  NOT NULL,                 -- last, so that reading the rest does not read it
  UNIQUE (object, n)
);

CREATE TABLE edits (
  object   TEXT PRIMARY KEY REFERENCES objects (id),
  calendar TEXT   NOT NULL,
  rev      BIGINT NOT NULL,
  want     TEXT   NOT NULL,               -- a version; '': deleted
  at       BIGINT NOT NULL,
  tries    BIGINT NOT NULL,
  due      BIGINT NOT NULL,
  block    TEXT   NOT NULL,
  trouble  TEXT   NOT NULL
);
CREATE INDEX edits_calendar ON edits (calendar, at);

CREATE TABLE attempts (
  id        TEXT PRIMARY KEY,
  object    TEXT   NOT NULL REFERENCES objects (id),
  calendar  TEXT   NOT NULL,
  href      TEXT   NOT NULL,
  condition TEXT   NOT NULL,              -- the etag in If-Match; '': If-None-Match: *
  rev       BIGINT NOT NULL,
  want      TEXT   NOT NULL,              -- a version; '': deletion
  state     TEXT   NOT NULL CHECK (state IN ('sent', 'done', 'refused', 'late')),
  at        BIGINT NOT NULL,
  epoch     BIGINT NOT NULL
);
CREATE INDEX attempts_object ON attempts (object);
CREATE INDEX attempts_calendar ON attempts (calendar, state);

CREATE TABLE conflicts (
  id         TEXT PRIMARY KEY,
  object     TEXT   NOT NULL,
  calendar   TEXT   NOT NULL,
  kind       TEXT   NOT NULL,
  base       TEXT   NOT NULL,             -- versions; '': absent
  mine       TEXT   NOT NULL,
  theirs     TEXT   NOT NULL,
  winner     TEXT   NOT NULL,
  contested  TEXT   NOT NULL,             -- JSON list of property groups
  policy     TEXT   NOT NULL,
  pending    BIGINT NOT NULL,             -- 1: waits for a person
  resolution TEXT   NOT NULL,
  at         BIGINT NOT NULL,
  resolved   BIGINT NOT NULL
);
CREATE INDEX conflicts_object ON conflicts (object);
CREATE INDEX conflicts_calendar ON conflicts (calendar, pending);

CREATE TABLE notices (
  id     TEXT PRIMARY KEY,
  object TEXT   NOT NULL,
  kind   TEXT   NOT NULL,
  was    TEXT   NOT NULL,                 -- versions; '': absent
  became TEXT   NOT NULL,
  at     BIGINT NOT NULL
);
CREATE INDEX notices_object ON notices (object);

-- Resources that were reported and could not be read yet.
CREATE TABLE todo (
  calendar TEXT   NOT NULL REFERENCES calendars (id),
  href     TEXT   NOT NULL,
  reason   TEXT   NOT NULL,
  tries    BIGINT NOT NULL,
  due      BIGINT NOT NULL,
  PRIMARY KEY (calendar, href)
);

CREATE TABLE runs (
  id       TEXT PRIMARY KEY,
  account  TEXT   NOT NULL,
  calendar TEXT   NOT NULL,               -- '': the account's own part of the work
  mode     TEXT   NOT NULL,
  state    TEXT   NOT NULL CHECK (state IN ('running', 'done', 'failed', 'held', 'approved')),
  counts   TEXT   NOT NULL,               -- JSON
  idle     BIGINT NOT NULL,               -- 1: it found nothing to do
  requests BIGINT NOT NULL,
  bytes    BIGINT NOT NULL,
  started  BIGINT NOT NULL,
  finished BIGINT NOT NULL,
  trouble  TEXT   NOT NULL,
  held     TEXT   NOT NULL,               -- JSON: what the held plan would delete
  guard    TEXT   NOT NULL                -- digest of held: approval counts for exactly this
);
CREATE INDEX runs_account ON runs (account, started);
CREATE INDEX runs_calendar ON runs (calendar, started);

CREATE TABLE changes (
  seq      BIGINT PRIMARY KEY,
  at       BIGINT NOT NULL,
  account  TEXT   NOT NULL,
  calendar TEXT   NOT NULL,
  kind     TEXT   NOT NULL,               -- account, calendar, object, conflict
  op       TEXT   NOT NULL,               -- created, updated, deleted
  subject  TEXT   NOT NULL,               -- the id of the thing
  version  TEXT   NOT NULL
);

-- One row. A writer raises seq as its last statement and holds the row until it commits: numbers come in commit order, without gaps.
CREATE TABLE feed (
  id    BIGINT PRIMARY KEY CHECK (id = 1),
  seq   BIGINT NOT NULL,                  -- the last number given out
  floor BIGINT NOT NULL                   -- everything up to here was pruned
);
INSERT INTO feed (id, seq, floor) VALUES (1, 0, 0);

-- +goose Down
DROP TABLE feed;
DROP TABLE changes;
DROP TABLE runs;
DROP TABLE todo;
DROP TABLE notices;
DROP TABLE conflicts;
DROP TABLE attempts;
DROP TABLE edits;
DROP TABLE versions;
DROP TABLE objects;
DROP TABLE calendars;
DROP TABLE servers;
DROP TABLE accounts;
