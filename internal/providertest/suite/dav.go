package suite

import (
	"context"
	"net/http"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/caldav"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	"calbridge/internal/store"
)

// dav is a CalDAV server as a Side.
type dav struct{ providertest.Server }

func (d dav) Fresh(t testing.TB, components ...string) string {
	t.Helper()
	return providertest.FreshCalendar(t, d.Server, components...)
}

func (d dav) config(via http.RoundTripper) caldav.Config {
	return caldav.Config{Username: d.User, Password: caldav.Secret(d.Password), AllowPrivate: true, Via: via}
}

// Account discovers the account as a user would have it discovered.
func (d dav) Account(t testing.TB, via http.RoundTripper) store.Account {
	t.Helper()
	found, err := caldav.Discover(context.Background(), d.config(via), d.URL)
	if err != nil {
		t.Fatalf("discover %s: %v", d.Name, err)
	}
	return store.Account{Provider: "caldav", Name: d.Name, URL: d.URL, Username: d.User, Principal: found.Principal, Homes: found.Homes,
		Addresses: found.Addresses}
}

func (d dav) Connect(a store.Account, via http.RoundTripper) (Client, error) {
	cfg := d.config(via)
	cfg.Homes = a.Homes
	client, err := caldav.New(cfg)
	return unlearned{client}, err
}

// unlearned: what was found out stays with the one client of the test.
type unlearned struct{ *caldav.Client }

func (unlearned) Learned() (string, []byte) { return "", nil }

func (d dav) Remote(t testing.TB, calendar string) map[string][2]string {
	t.Helper()
	all := map[string][2]string{}
	for _, path := range d.List(t, calendar) {
		if body, _, ok := d.Get(t, path); ok {
			all[ical.Read(cal.Body(body)).UID] = [2]string{path, body}
		}
	}
	return all
}

func (d dav) Put(t testing.TB, calendar, uid, body string) {
	t.Helper()
	d.Server.Put(t, calendar+"x-"+uid+".ics", body)
}

func (d dav) Replace(t testing.TB, _, path, body string) { t.Helper(); d.Server.Put(t, path, body) }

func (d dav) Remove(t testing.TB, _, path string) bool { t.Helper(); return d.Server.Delete(t, path) }
