// Package migrations holds the database schema as numbered SQL files. There is one chain, and SQLite and PostgreSQL both take it as
// it is written.
//
// What that asks of the SQL: ids are TEXT made by us; times are BIGINT, milliseconds since 1970 in UTC, 0 for never; truth is 0 or 1 in
// a BIGINT; foreign text that has to stay byte for byte is BYTEA. SQLite has no such type and takes the word for a numeric column, which
// stores a blob untouched as long as blobs are what it is given (https://sqlite.org/datatype3.html §3.1, §3.4); package store gives it
// nothing else.
package migrations

import "embed"

// Files are the migrations in goose's format, named NNNNN_what.sql.
//
//go:embed *.sql
var Files embed.FS
