package main

import "testing"

func TestMigrate(t *testing.T) {
	d := newDesk(t)
	before := ask[struct{ Migrations []migrationView }](d, "migrate", "status").Migrations
	if len(before) == 0 || before[0].Applied != nil {
		t.Errorf("%+v", before)
	}
	if v := ask[struct{ Applied int }](d, "migrate", "up"); v.Applied != len(before) {
		t.Errorf("%+v", v)
	}
	if v := ask[struct{ Applied int }](d, "migrate", "up"); v.Applied != 0 {
		t.Errorf("%+v", v)
	}
	for _, m := range ask[struct{ Migrations []migrationView }](d, "migrate", "status").Migrations {
		if m.Applied == nil {
			t.Errorf("%+v", m)
		}
	}
}
