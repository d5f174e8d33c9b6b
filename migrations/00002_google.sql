-- +goose Up

ALTER TABLE accounts ADD COLUMN scopes        TEXT   NOT NULL DEFAULT '[]'; -- JSON list of what an OAuth consent granted
ALTER TABLE accounts ADD COLUMN writes_until  BIGINT NOT NULL DEFAULT 0;    -- the remote takes no writes before; reading goes on
ALTER TABLE accounts ADD COLUMN refresh_owner TEXT   NOT NULL DEFAULT '';   -- who renews the access token right now
ALTER TABLE accounts ADD COLUMN refresh_until BIGINT NOT NULL DEFAULT 0;

-- One person's Google account is there once for each owner.
CREATE UNIQUE INDEX accounts_google ON accounts (owner, principal) WHERE provider = 'google' AND principal <> '';

-- Which instance of a series the object is, where the remote keeps exceptions as resources of their own (Google); '': a whole series.
ALTER TABLE objects ADD COLUMN recurrence_id TEXT NOT NULL DEFAULT '';

ALTER TABLE edits ADD COLUMN after_object TEXT NOT NULL DEFAULT '';         -- not to be sent before this object is at the remote
ALTER TABLE edits ADD COLUMN notify       TEXT NOT NULL DEFAULT '';         -- whom the remote may mail about it; '': nobody

-- Google's push channels. No call lists them, so each is on record before it is opened.
CREATE TABLE channels (
  id       TEXT PRIMARY KEY,              -- the channel id that the remote sends back
  account  TEXT   NOT NULL REFERENCES accounts (id),
  calendar TEXT   NOT NULL,               -- '': the list of calendars
  resource TEXT   NOT NULL,               -- the remote's name for what is watched; '': not answered yet
  secret   TEXT   NOT NULL,               -- SHA-256 of the token that notifications carry, in hex
  address  TEXT   NOT NULL,
  expires  BIGINT NOT NULL,               -- 0: not answered yet
  state    TEXT   NOT NULL CHECK (state IN ('opening', 'open', 'stopping', 'refused')),
  created  BIGINT NOT NULL
);
CREATE INDEX channels_account ON channels (account);

-- +goose Down
DROP INDEX accounts_google;
DROP TABLE channels;
ALTER TABLE edits DROP COLUMN notify;
ALTER TABLE edits DROP COLUMN after_object;
ALTER TABLE objects DROP COLUMN recurrence_id;
ALTER TABLE accounts DROP COLUMN refresh_until;
ALTER TABLE accounts DROP COLUMN refresh_owner;
ALTER TABLE accounts DROP COLUMN writes_until;
ALTER TABLE accounts DROP COLUMN scopes;
