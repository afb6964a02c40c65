package i18n

import (
	"math"
	"testing"
	"time"
)

type pair struct{ en, tr string }

func check(t *testing.T, what any, write func(*Texts) string, want pair) {
	t.Helper()
	if got := write(For("en")); got != want.en {
		t.Errorf("en %v: %q, want %q", what, got, want.en)
	}
	if got := write(For("tr")); got != want.tr {
		t.Errorf("tr %v: %q, want %q", what, got, want.tr)
	}
}

func TestSizesHaveThreeDigits(t *testing.T) {
	for n, want := range map[int64]pair{
		-1:              {"?", "?"},
		0:               {"0 B", "0 B"},
		999:             {"999 B", "999 B"},
		1000:            {"1.00 kB", "1,00 kB"},
		1_404_000:       {"1.40 MB", "1,40 MB"},
		9_999_000:       {"10.0 MB", "10,0 MB"},
		99_960_000:      {"100 MB", "100 MB"},
		999_400_000:     {"999 MB", "999 MB"},
		999_600_000:     {"1.00 GB", "1,00 GB"},
		41_000_000_000:  {"41.0 GB", "41,0 GB"},
		112_300_000_000: {"112 GB", "112 GB"},
		math.MaxInt64:   {"9.22 EB", "9,22 EB"},
	} {
		check(t, n, func(x *Texts) string { return x.Bytes(n) }, want)
	}
}

func TestCountsAreGrouped(t *testing.T) {
	for n, want := range map[int64]pair{
		0:             {"0", "0"},
		999:           {"999", "999"},
		1204:          {"1,204", "1.204"},
		-1204:         {"-1,204", "-1.204"},
		123456:        {"123,456", "123.456"},
		3_000_000:     {"3,000,000", "3.000.000"},
		math.MinInt64: {"-9,223,372,036,854,775,808", "-9.223.372.036.854.775.808"},
	} {
		check(t, n, func(x *Texts) string { return x.Count(n) }, want)
	}
}

func TestPercentNeverSaysAllBeforeAllIsDone(t *testing.T) {
	for share, want := range map[float64]pair{
		-1: {"0 %", "%0"}, 0: {"0 %", "%0"}, 0.58: {"58 %", "%58"}, 0.999: {"99 %", "%99"}, 1: {"100 %", "%100"}, 7: {"100 %", "%100"},
	} {
		check(t, share, func(x *Texts) string { return x.Percent(share) }, want)
	}
	if got := For("en").Percent(math.NaN()); got != "0 %" {
		t.Errorf("NaN: %q", got)
	}
}

func TestDurationsInWords(t *testing.T) {
	for d, want := range map[time.Duration]pair{
		-time.Second:                 {"0 ms", "0 ms"},
		13500 * time.Microsecond:     {"13 ms", "13 ms"},
		400 * time.Millisecond:       {"0.4 s", "0,4 sn"},
		9940 * time.Millisecond:      {"9.9 s", "9,9 sn"},
		9960 * time.Millisecond:      {"10 s", "10 sn"},
		59600 * time.Millisecond:     {"1 min", "1 dk"},
		84 * time.Second:             {"1 min 24 s", "1 dk 24 sn"},
		time.Hour - time.Millisecond: {"1 h", "1 sa"},
		125 * time.Minute:            {"2 h 5 min", "2 sa 5 dk"},
		24*time.Hour - time.Second:   {"1 day", "1 gün"},
		76 * time.Hour:               {"3 days 4 h", "3 gün 4 sa"},
		1000 * 24 * time.Hour:        {"1,000 days", "1.000 gün"},
	} {
		check(t, d, func(x *Texts) string { return x.Duration(d) }, want)
	}
}

func TestAgesHaveOneUnit(t *testing.T) {
	now := time.Date(2026, 11, 21, 13, 18, 0, 0, time.UTC)
	for d, want := range map[time.Duration]pair{
		-time.Hour:       {"just now", "az önce"},
		3 * time.Second:  {"just now", "az önce"},
		40 * time.Second: {"40 s ago", "40 sn önce"},
		12 * time.Minute: {"12 min ago", "12 dk önce"},
		3 * time.Hour:    {"3 h ago", "3 sa önce"},
		30 * time.Hour:   {"30 h ago", "30 sa önce"},
		50 * time.Hour:   {"2 days ago", "2 gün önce"},
	} {
		check(t, d, func(x *Texts) string { return x.Ago(now.Add(-d), now) }, want)
	}
}

func TestDatesAndSpeeds(t *testing.T) {
	at := time.Date(2026, 11, 21, 2, 30, 59, 0, time.UTC)
	check(t, "time", func(x *Texts) string { return x.Time(at) }, pair{"2026-11-21 02:30", "21.11.2026 02:30"})
	check(t, "date", func(x *Texts) string { return x.Date(at) }, pair{"2026-11-21", "21.11.2026"})
	check(t, "speed", func(x *Texts) string { return x.Speed(96e6) }, pair{"96.0 MB/s", "96,0 MB/sn"})
	for _, v := range []float64{math.NaN(), math.Inf(1), -1} {
		check(t, v, func(x *Texts) string { return x.Speed(v) }, pair{"?", "?"})
	}
}

func TestOneAndManyAreTold(t *testing.T) {
	check(t, 1, func(x *Texts) string { return x.N("format.days", 1) }, pair{"1 day", "1 gün"})
	check(t, 0, func(x *Texts) string { return x.N("format.days", 0) }, pair{"0 days", "0 gün"})
}
