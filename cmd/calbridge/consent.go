package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"calbridge/internal/google"
)

// askConsent leads a person to Google's consent page, in a browser, and waits for what comes back to a port of this machine (RFC 8252
// §7.3) or is pasted into the terminal. hint is who should be asked, an address; empty: whoever sits there.
func (s *session) askConsent(ctx context.Context, o google.OAuth, scopes []string, hint string, c addGoogleCmd) (google.Grant, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return google.Grant{}, fmt.Errorf("wait for Google's answer: %w", err)
	}
	question, err := o.Begin("http://"+listener.Addr().String()+answerPath, scopes, s.chance)
	if err != nil {
		return google.Grant{}, errors.Join(err, listener.Close())
	}
	d := &doorstep{question: question, answers: make(chan url.Values, 1)}
	defer d.open(listener)()
	address := question.URL
	if hint != "" {
		address += "&login_hint=" + url.QueryEscape(hint) // OpenID Connect Core §3.1.2.1
	}
	s.showConsent(address, !c.NoBrowser)
	if isTerminal(s.stdin) {
		s.note("If that browser is on another machine, paste the address here that it ends up at:")
		go d.read(s.stdin, s.note)
	}
	answer, err := d.wait(ctx, c.Wait)
	if err != nil {
		return google.Grant{}, err
	}
	g, err := o.Finish(ctx, question, answer)
	if errors.Is(err, google.ErrConsent) {
		err = failure{err, exitPerson}
	}
	return g, err
}

// showConsent prints the address, alone on a line that begins alike for ever, and opens a browser there unless told not to.
func (s *session) showConsent(address string, browse bool) {
	s.note("Open this URL in a browser: %s", address)
	if !browse {
		return
	}
	if err := s.browse(address); err != nil {
		s.note("No browser could be opened here (%v).", err)
	}
}

// browse starts $BROWSER, else what the desktop opens addresses with.
func (s *session) browse(address string) error {
	command := []string{"xdg-open"}
	switch {
	case s.env("BROWSER") != "":
		command = []string{s.env("BROWSER")}
	case runtime.GOOS == "darwin":
		command = []string{"open"}
	case runtime.GOOS == "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	browser := exec.Command(command[0], append(command[1:], address)...)
	if err := browser.Start(); err != nil {
		return err
	}
	go browser.Wait() // so that it is no zombie
	return nil
}

// doorstep is where the answer to one question arrives. It takes one answer, and nothing that belongs to another question.
type doorstep struct {
	question google.Consent
	answered atomic.Bool
	answers  chan url.Values
}

const (
	answerPath = "/callback"
	pageTime   = 2 * time.Second // for the page to reach the browser
)

// open serves until the returned function is called.
func (d *doorstep) open(listener net.Listener) (closes func()) {
	server := &http.Server{
		Handler: d, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server.SetKeepAlivesEnabled(false)
	go server.Serve(listener)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), pageTime)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}
}

// ServeHTTP takes the redirect and gives the person a page to end with.
func (d *doorstep) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case r.URL.Path != answerPath:
		page(w, http.StatusNotFound, "There is nothing here.")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		page(w, http.StatusMethodNotAllowed, "There is nothing here.")
	case !d.question.Answers(query):
		page(w, http.StatusBadRequest, "This is not the answer to what calbridge asked. Begin anew in the terminal.")
	case !d.take(query):
		page(w, http.StatusConflict, "calbridge has this answer already.")
	default:
		page(w, http.StatusOK, "calbridge has Google's answer. Close this page; the terminal tells how it went.")
	}
}

// page is plain text: nothing of the request is in it, and the address, which holds the code, goes nowhere from here.
func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// take keeps the first answer.
func (d *doorstep) take(answer url.Values) bool {
	if d.answered.Swap(true) {
		return false
	}
	d.answers <- answer
	return true
}

// read looks for the answer among the lines that a person pastes.
func (d *doorstep) read(r io.Reader, tell func(string, ...any)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		pasted := strings.TrimSpace(lines.Text())
		u, err := url.Parse(pasted)
		switch {
		case pasted == "":
		case err == nil && d.question.Answers(u.Query()):
			d.take(u.Query())
			return
		default:
			tell("That is not the address: it begins with %s?", d.question.Redirect)
		}
	}
}

func (d *doorstep) wait(ctx context.Context, atMost time.Duration) (url.Values, error) {
	t := time.NewTimer(atMost)
	defer t.Stop()
	select {
	case answer := <-d.answers:
		return answer, nil
	case <-t.C:
		return nil, failure{fmt.Errorf("no answer came within %s. If the browser shows an error of Google's, check CALBRIDGE_GOOGLE_CLIENT_ID; else run it again, and give --wait for more time", brief(atMost)), exitPerson}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
