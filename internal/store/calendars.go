package store

import (
	"time"

	"calbridge/internal/cal"
)

const calendarColumns = `id, account, href, name, color, description, zone, position, components, access, sync_token, mark, token, pulled,
	audited, selected, state, on_conflict, on_delete, missing`

func scanCalendar(c *cal.Calendar, scan scan) error {
	return scan(&c.ID, &c.Account, from(&c.Href), from(&c.Name), from(&c.Color), from(&c.Description), from(&c.TimeZone), from(&c.Order),
		from(&c.Components), &c.Access, from(&c.SyncToken), from(&c.Mark), from(&c.Token), from(&c.Pulled), moment(&c.Audited), &c.Selected,
		&c.State, &c.Rules.OnConflict, &c.Rules.OnDelete, moment(&c.Missing))
}

func calendarValues(c cal.Calendar) []any {
	return []any{
		string(c.ID), string(c.Account), foreign(c.Href), foreign(c.Name), foreign(c.Color), foreign(c.Description), foreign(c.TimeZone),
		foreign(c.Order), foreign(c.Components), string(c.Access), foreign(c.SyncToken), foreign(c.Mark), foreign(c.Token),
		foreign(c.Pulled), millis(c.Audited), truth(c.Selected), string(c.State), string(c.Rules.OnConflict), string(c.Rules.OnDelete), millis(c.Missing),
	}
}

// Calendars lists the calendars of an account, in the order they were found; an empty id: of all accounts.
func (tx *Tx) Calendars(account cal.AccountID) ([]cal.Calendar, error) {
	if account == "" {
		return tx.calendars(``)
	}
	if err := tx.Lock(account); err != nil {
		return nil, err
	}
	return tx.calendars(`WHERE account = ?`, string(account))
}

// Calendar gives one calendar. In a Write it also takes the account's row.
func (tx *Tx) Calendar(id cal.CalendarID) (cal.Calendar, error) {
	if err := tx.LockCalendar(id); err != nil {
		return cal.Calendar{}, err
	}
	all, err := tx.calendars(`WHERE id = ?`, string(id))
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return cal.Calendar{}, wrap("read calendar "+string(id), err)
	}
	return all[0], nil
}

func (tx *Tx) calendars(where string, args ...any) ([]cal.Calendar, error) {
	var all []cal.Calendar
	err := tx.each(`SELECT `+calendarColumns+` FROM calendars `+where+` ORDER BY id`, args, func(scan scan) error {
		var c cal.Calendar
		err := scanCalendar(&c, scan)
		all = append(all, c)
		return err
	})
	return all, wrap("list calendars", err)
}

// AddCalendar stores a new calendar and gives it back with its id.
func (tx *Tx) AddCalendar(c cal.Calendar) (cal.Calendar, error) {
	if err := tx.Lock(c.Account); err != nil {
		return c, err
	}
	id, err := tx.db.newID()
	if err != nil {
		return c, wrap("add a calendar", err)
	}
	c.ID = cal.CalendarID(id)
	if c.State == "" {
		c.State = cal.CalendarActive
	}
	err = tx.insert(`INSERT INTO calendars (`+calendarColumns+`, created, updated)`, 22,
		append(calendarValues(c), millis(tx.now), millis(tx.now)), "")
	if err != nil {
		return c, wrap("add a calendar", err)
	}
	tx.tell(Change{Account: c.Account, Calendar: c.ID, Kind: CalendarChange, Op: Created, Subject: id})
	return c, nil
}

// UpdateCalendar stores the whole calendar, so it has to be one that this Write read. The feed tells only what a user sees: how it is
// described, whether it is selected, its state and its rules.
func (tx *Tx) UpdateCalendar(c cal.Calendar) error {
	was, err := tx.Calendar(c.ID)
	if err != nil {
		return err
	}
	return tx.replaceCalendar(was, c)
}

// SetFacts stores what the remote tells of a calendar that is listed, so it is not missing any more. Whatever a person set meanwhile stays.
func (tx *Tx) SetFacts(id cal.CalendarID, f cal.Facts) error {
	was, err := tx.Calendar(id)
	if err != nil {
		return err
	}
	now := was
	now.Facts, now.Missing = f, time.Time{}
	return tx.replaceCalendar(was, now)
}

// SetCalendarState stores whether a calendar takes part, and since when it is not listed (zero: it is). Whatever a person set meanwhile
// stays.
func (tx *Tx) SetCalendarState(id cal.CalendarID, state cal.CalendarState, missing time.Time) error {
	was, err := tx.Calendar(id)
	if err != nil {
		return err
	}
	now := was
	now.State, now.Missing = state, missing
	return tx.replaceCalendar(was, now)
}

// replaceCalendar stores c in the place of was, which this Write has read.
func (tx *Tx) replaceCalendar(was, c cal.Calendar) error {
	err := tx.one(`UPDATE calendars SET href = ?, name = ?, color = ?, description = ?, zone = ?, position = ?, components = ?, access = ?,
		sync_token = ?, mark = ?, token = ?, pulled = ?, audited = ?, selected = ?, state = ?, on_conflict = ?, on_delete = ?, missing = ?, updated = ?
		WHERE id = ?`, append(calendarValues(c)[2:], millis(tx.now), string(c.ID))...)
	if err != nil {
		return wrap("update calendar "+string(c.ID), err)
	}
	if !was.Described(c.Facts) || was.Selected != c.Selected || was.State != c.State || was.Rules != c.Rules {
		tx.tell(Change{Account: was.Account, Calendar: c.ID, Kind: CalendarChange, Op: Updated, Subject: string(c.ID)})
	}
	return nil
}

// RemoveCalendar erases a calendar and everything in it. What is still at the remote stays there. The feed has one row for all of it.
func (tx *Tx) RemoveCalendar(id cal.CalendarID) error {
	c, err := tx.Calendar(id)
	if err != nil {
		return err
	}
	for _, text := range []string{
		`DELETE FROM notices WHERE object IN (SELECT id FROM objects WHERE calendar = ?)`,
		`DELETE FROM conflicts WHERE calendar = ?`,
		`DELETE FROM edits WHERE calendar = ?`,
		`DELETE FROM attempts WHERE calendar = ?`,
		`DELETE FROM versions WHERE object IN (SELECT id FROM objects WHERE calendar = ?)`,
		`DELETE FROM objects WHERE calendar = ?`,
		`DELETE FROM todo WHERE calendar = ?`,
		`DELETE FROM runs WHERE calendar = ?`,
		`DELETE FROM calendars WHERE id = ?`,
	} {
		if _, err := tx.exec(text, string(id)); err != nil {
			return wrap("remove calendar "+string(id), err)
		}
	}
	tx.tell(Change{Account: c.Account, Calendar: id, Kind: CalendarChange, Op: Deleted, Subject: string(id)})
	return nil
}

// Progress is how far a pull has come.
type Progress struct {
	Since   cal.Token // where it started: the calendar must still stand there
	Next    cal.Token // where the calendar stands now; empty: as before
	Pulled  string    // the Mark that was listed before a pull that has now ended well; empty: as before
	Audited time.Time // when a complete listing was compared; zero: as before
}

// Advance moves a calendar's token, in the transaction that applied everything up to it. ErrMoved: the calendar stands elsewhere.
func (tx *Tx) Advance(id cal.CalendarID, p Progress) error {
	was, err := tx.at(id, p.Since)
	if err != nil {
		return err
	}
	if p.Next == "" {
		p.Next = was.Next
	}
	if p.Pulled == "" {
		p.Pulled = was.Pulled
	}
	if p.Audited.IsZero() {
		p.Audited = was.Audited
	}
	err = tx.one(`UPDATE calendars SET token = ?, pulled = ?, audited = ? WHERE id = ?`,
		foreign(p.Next), foreign(p.Pulled), millis(p.Audited), string(id))
	return wrap("move the token of calendar "+string(id), err)
}

// at takes the account's row, checks that the calendar stands at the token, and tells how far it is.
func (tx *Tx) at(id cal.CalendarID, since cal.Token) (Progress, error) {
	if err := tx.LockCalendar(id); err != nil {
		return Progress{}, err
	}
	p := Progress{Since: since}
	err := tx.get(`SELECT token, pulled, audited FROM calendars WHERE id = ?`, []any{string(id)}, from(&p.Next), from(&p.Pulled), moment(&p.Audited))
	if err == nil && p.Next != since {
		err = ErrMoved
	}
	return p, wrap("compare the token of calendar "+string(id), err)
}
