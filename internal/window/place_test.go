package window

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAPlaceIsRemembered(t *testing.T) {
	home := shortHome(t)
	if p, err := ReadPlace(home); err != nil || p != DefaultPlace() {
		t.Errorf("first start: %+v, %v", p, err)
	}
	want := Place{Rect: Rect{X: -1200, Y: 40, Width: 900, Height: 700}, Placed: true, Maximised: true}
	for range 2 {
		if err := want.Save(home); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := ReadPlace(home); err != nil || p != want {
		t.Errorf("got %+v, %v", p, err)
	}
	files, err := filepath.Glob(filepath.Join(string(home), "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("left %v, %v", files, err)
	}
}

func TestADamagedPlaceIsTheDefaultOne(t *testing.T) {
	home := shortHome(t)
	for _, text := range []string{"", "{", "null", `{"width":-5,"height":10}`, `{"width":"wide"}`, `[1]`, `{"width":1e99,"height":5}`} {
		if err := os.WriteFile(home.WindowPlace(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := ReadPlace(home); err == nil || p != DefaultPlace() {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}

func TestAPlaceFitsTheScreensThereAre(t *testing.T) {
	laptop, beside := Rect{0, 0, 1366, 728}, Rect{1366, 0, 1920, 1040}
	left := Rect{-1920, 0, 1920, 1080}
	at := func(x, y, w, h int) Place { return Place{Rect: Rect{x, y, w, h}, Placed: true} }
	middle := func(w, h int) Place { return Place{Rect: Rect{Width: w, Height: h}} }
	for name, c := range map[string]struct {
		saved   Place
		screens []Rect
		want    Place
	}{
		"as it was":                {at(100, 50, 1000, 650), []Rect{laptop}, at(100, 50, 1000, 650)},
		"first start":              {DefaultPlace(), []Rect{laptop}, middle(1280, 728)},
		"on the second screen":     {at(1500, 80, 1600, 900), []Rect{laptop, beside}, at(1500, 80, 1600, 900)},
		"left of the first":        {at(-1900, 80, 1600, 900), []Rect{laptop, left}, at(-1900, 80, 1600, 900)},
		"the second is gone":       {at(1500, 80, 1600, 900), []Rect{laptop}, middle(1366, 728)},
		"the screen shrank":        {at(10, 10, 1900, 1000), []Rect{laptop}, at(10, 10, 1366, 728)},
		"half out of sight":        {at(1250, 600, 1000, 650), []Rect{laptop}, at(1250, 600, 1000, 650)},
		"only an edge is left":     {at(1350, 100, 1000, 650), []Rect{laptop}, middle(1000, 650)},
		"the title is above":       {at(100, -200, 1000, 650), []Rect{laptop}, middle(1000, 650)},
		"too small":                {at(100, 100, 10, 10), []Rect{laptop}, at(100, 100, MinWidth, MinHeight)},
		"a screen that is smaller": {at(0, 0, 1000, 650), []Rect{{0, 0, 640, 480}}, at(0, 0, MinWidth, MinHeight)},
		"nothing is known":         {at(100, 50, 1<<30, 650), nil, at(100, 50, 1<<14, 650)},
		"numbers at their end":     {at(1<<31, -1<<31, 1000, 650), []Rect{laptop}, middle(1000, 650)},
	} {
		if got := c.saved.Fit(c.screens); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestRoutesOfDatabases(t *testing.T) {
	for name, want := range map[string]string{
		"":                 "",
		"pg/shop":          "/databases/pg/shop",
		"lite//srv/a.db":   "/databases/lite/%2Fsrv%2Fa.db",
		"pg/çay & şeker?#": "/databases/pg/%C3%A7ay%20&%20%C5%9Feker%3F%23",
	} {
		if got, err := Route(name); err != nil || got != want {
			t.Errorf("%q: got %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"shop", "/shop", "pg/"} {
		if got, err := Route(name); err == nil {
			t.Errorf("%q was taken for %q", name, got)
		}
	}
}
