package sim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"golang.org/x/oauth2"
	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"calbridge/internal/sim"
)

// googlePeer is the client Google generates, which was not written with this server in mind.
func googlePeer(t *testing.T, b *googleBench) *calendar.Service {
	t.Helper()
	ts := httptest.NewServer(b)
	t.Cleanup(ts.Close)
	client := oauth2.NewClient(context.WithValue(t.Context(), oauth2.HTTPClient, ts.Client()), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: b.token}))
	service, err := calendar.NewService(t.Context(), option.WithEndpoint(ts.URL+"/calendar/v3/"), option.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func peerEvent(id, summary string) *calendar.Event {
	return &calendar.Event{Id: id, Summary: summary, Start: &calendar.EventDateTime{DateTime: "2026-03-02T09:00:00Z", TimeZone: "Europe/Zurich"},
		End: &calendar.EventDateTime{DateTime: "2026-03-02T10:00:00Z", TimeZone: "Europe/Zurich"}}
}

func TestGooglePeer(t *testing.T) {
	b := newGoogle(t)
	peer := googlePeer(t, b)
	for i := range 5 {
		made, err := peer.Events.Insert("primary", peerEvent(fmt.Sprintf("abcde%d", i), "s")).SendUpdates("none").ConferenceDataVersion(1).Do()
		if err != nil || made.Etag == "" || made.Etag != made.ServerResponse.Header.Get("ETag") {
			t.Fatal(made, err)
		}
	}
	var ids []string
	var token string
	err := peer.Events.List("primary").MaxResults(2).Pages(t.Context(), func(page *calendar.Events) error {
		for _, e := range page.Items {
			ids = append(ids, e.Id)
		}
		token = page.NextSyncToken
		return nil
	})
	if err != nil || len(ids) != 5 || token == "" {
		t.Fatal(ids, token, err)
	}
	peerChanges(t, peer)
	delta, err := peer.Events.List("primary").MaxResults(2).SyncToken(token).Do()
	if err != nil || len(delta.Items) != 2 || delta.Items[0].Summary != "new" || delta.Items[1].Status != "cancelled" {
		t.Error(delta, err)
	}
	b.ExpireSyncTokens()
	_, err = peer.Events.List("primary").MaxResults(2).SyncToken(token).Do()
	if refused := (*googleapi.Error)(nil); !errors.As(err, &refused) || refused.Code != http.StatusGone || refused.Errors[0].Reason != "fullSyncRequired" {
		t.Error(err)
	}
	b.clean()
}

// peerChanges patches one event, with conditions that hold and do not, and deletes another.
func peerChanges(t *testing.T, peer *calendar.Service) {
	t.Helper()
	before, err := peer.Events.Get("primary", "abcde1").Do()
	if err != nil {
		t.Fatal(err)
	}
	call := peer.Events.Patch("primary", "abcde1", &calendar.Event{Summary: "new"}).SendUpdates("none")
	call.Header().Set("If-Match", before.Etag)
	if after, err := call.Do(); err != nil || after.Etag == before.Etag {
		t.Fatal(after, err)
	}
	_, err = call.Do()
	if refused := (*googleapi.Error)(nil); !errors.As(err, &refused) || refused.Code != http.StatusPreconditionFailed || refused.Errors[0].Reason != "conditionNotMet" {
		t.Error(err)
	}
	if err := peer.Events.Delete("primary", "abcde2").SendUpdates("none").Do(); err != nil {
		t.Fatal(err)
	}
}

func TestGooglePeerSeesCalendars(t *testing.T) {
	b := newGoogle(t)
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: "de.german#holiday@group.v.calendar.google.com", Summary: "Holidays", AccessRole: "reader"})
	peer := googlePeer(t, b)
	list, err := peer.CalendarList.List().Do()
	if err != nil || len(list.Items) != 2 || !list.Items[0].Primary || list.NextSyncToken == "" {
		t.Fatal(list, err)
	}
	made, err := peer.Calendars.Insert(&calendar.Calendar{Summary: "New"}).Do()
	if err != nil {
		t.Fatal(err)
	}
	changed, err := peer.CalendarList.List().SyncToken(list.NextSyncToken).Do()
	if err != nil || !slices.ContainsFunc(changed.Items, func(e *calendar.CalendarListEntry) bool { return e.Id == made.Id }) {
		t.Error(changed, err)
	}
	if e, err := peer.Events.List(list.Items[1].Id).Do(); err != nil || e.AccessRole != "reader" { // an id with "#" in it
		t.Error(e, err)
	}
	b.clean()
}

func TestGooglePeerSignsIn(t *testing.T) {
	b := newOAuth(t, sim.GoogleOptions{})
	ts := httptest.NewServer(b)
	defer ts.Close()
	config := oauth2.Config{ClientID: "client", ClientSecret: "secret", RedirectURL: loopback, Scopes: []string{events},
		Endpoint: oauth2.Endpoint{AuthURL: ts.URL + "/o/oauth2/v2/auth", TokenURL: ts.URL + "/token", AuthStyle: oauth2.AuthStyleInParams}}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(config.AuthCodeURL("state", oauth2.AccessTypeOffline, oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		t.Fatal(answer.Status, err)
	}
	token, err := config.Exchange(t.Context(), to.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil || token.RefreshToken == "" {
		t.Fatal(token, err)
	}
	b.Revoke(b.ada)
	_, err = config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if refused := (*oauth2.RetrieveError)(nil); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Error(err)
	}
}
