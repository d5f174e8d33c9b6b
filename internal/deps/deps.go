// Package deps is scaffolding: it keeps go.mod's pins while the packages that use them are being written.
package deps

import (
	_ "github.com/BurntSushi/toml"
	_ "github.com/alecthomas/kong"
	_ "github.com/emersion/go-ical"
	_ "github.com/emersion/go-webdav/caldav"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/icholy/digest"
	_ "github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"
	_ "github.com/mattn/go-isatty"
	_ "github.com/miekg/dns"
	_ "github.com/pressly/goose/v3"
	_ "github.com/schollz/progressbar/v3"
	_ "github.com/tink-crypto/tink-go/v2/aead"
	_ "go.uber.org/goleak"
	_ "golang.org/x/net/http/httpguts"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "golang.org/x/text/encoding/charmap"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid"
)
