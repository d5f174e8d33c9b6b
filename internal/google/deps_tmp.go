package google

import (
	_ "github.com/teambition/rrule-go"
	_ "golang.org/x/oauth2"
	_ "golang.org/x/time/rate"
	_ "google.golang.org/api/calendar/v3"
	_ "google.golang.org/api/option"
)
