package caldav

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

// clinic is a small CalDAV server: a calendar of tasks, an empty one, and one with an event.
func clinic(inline, history bool) http.HandlerFunc {
	listed := func(component string) string {
		return aCalendar + `<d:sync-token>data:,1</d:sync-token><s:getctag xmlns:s="http://calendarserver.org/ns/">"17"</s:getctag>` +
			`<c:supported-calendar-component-set><c:comp name="` + component + `"/></c:supported-calendar-component-set>` +
			`<d:supported-report-set><d:supported-report><d:report><d:sync-collection/></d:report></d:supported-report></d:supported-report-set>`
	}
	files := tree{"/": aPrincipal, "/p/alice/": aHome + addresses, "/c/alice/": aCollection,
		"/c/alice/1/": listed("VTODO"), "/c/alice/2/": listed("VEVENT"), "/c/alice/3/": listed("VEVENT")}
	return func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.Method == "OPTIONS":
			w.Header().Set("Server", "Clinic/1")
			w.Header().Add("DAV", "1, calendar-access")
			w.Header().Add("DAV", "calendar-auto-schedule")
			w.Header().Set("Allow", "OPTIONS, PROPFIND, REPORT")
		case q.Method == "REPORT" && !history:
			w.WriteHeader(403)
			fmt.Fprint(w, `<d:error xmlns:d="DAV:"><d:supported-report/></d:error>`)
		case q.Method == "REPORT":
			w.WriteHeader(207)
			data := ""
			if inline {
				data = "<c:calendar-data>BEGIN:VCALENDAR</c:calendar-data>"
			}
			events := ""
			if q.URL.Path == "/c/alice/3/" {
				events = answerTo("/c/alice/3/e.ics", `<d:getetag>W/"abcdef"</d:getetag>`+data)
			}
			fmt.Fprint(w, `<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">`+events+`<d:sync-token>data:,1</d:sync-token></d:multistatus>`)
		default:
			files.ServeHTTP(w, q)
		}
	}
}

func TestDoctor(t *testing.T) {
	for _, inline := range []bool{true, false} {
		s := record(t, clinic(inline, true))
		r, err := Doctor(t.Context(), dial(t, s).cfg, s.URL)
		if err != nil || len(r.Trouble) > 0 {
			t.Fatalf("%v, %q", err, r.Trouble)
		}
		if r.Server != "Clinic/1" || r.Protocol != "HTTP/1.1" || !r.Scheduling || len(r.Calendars) != 3 || r.Probed != "/c/alice/3/" ||
			r.SyncCollection != Yes || r.InlineData != knownIf(inline) || r.Profile.InlineData != r.InlineData || r.Auth != AuthBasic ||
			r.Token != "data: URL of 7 characters" || r.CTag != "quoted number of 2 characters" || r.ETag != "weak hash of 6 characters" ||
			!reflect.DeepEqual(r.Reports, []string{"sync-collection"}) || !reflect.DeepEqual(r.Methods, []string{"OPTIONS", "PROPFIND", "REPORT"}) {
			t.Errorf("%+v", r)
		}
		if r.Requests != s.count() || r.Bytes == 0 {
			t.Errorf("it counts %d requests, the server %d", r.Requests, s.count())
		}
		for _, q := range s.requests() {
			if !(request{method: q.Method}).reads() {
				t.Errorf("the doctor sent a %s", q.Method)
			}
		}
		text, err := json.Marshal(r)
		if err != nil || strings.Contains(string(text), "null") || strings.Contains(string(text), password) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestDoctorWithoutHistory(t *testing.T) {
	s := record(t, clinic(false, false))
	r, err := Doctor(t.Context(), dial(t, s).cfg, s.URL)
	if err != nil || r.SyncCollection != No || len(r.Trouble) != 1 || !strings.Contains(strings.Join(r.Advice, "\n"), "no sync-collection") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestDoctorTellsHowFarItCame(t *testing.T) {
	s := record(t, status(401))
	r, err := Doctor(t.Context(), dial(t, s).cfg, s.URL)
	if !errors.Is(err, cal.ErrLocked) || len(r.Steps) != 1 || r.Requests != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestShape(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "1700000000": "number of 10 characters", `"gcs00000000"`: "quoted text of 11 characters", "http://sabre.io/ns/sync/5": "URL of 25 characters",
		`W/"1-2"`: "weak text of 3 characters", "d41d8cd98f": "hash of 10 characters", "data:,1-2": "data: URL of 9 characters",
	} {
		if got := shape(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}
