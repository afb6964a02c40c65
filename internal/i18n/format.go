package i18n

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// form is how a language writes numbers and dates.
type form struct {
	decimal, group string
	percent        string // with # for the number
	date, clock    string // layouts of package time
}

var (
	english = form{decimal: ".", group: ",", percent: "# %", date: "2006-01-02", clock: "15:04"}
	turkish = form{decimal: ",", group: ".", percent: "%#", date: "02.01.2006", clock: "15:04"}
)

// units of sizes, decimal as disks are sold. They read alike in all languages.
var units = []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}

// Bytes writes a size with three significant digits: "999 B", "1.40 MB",
// "41.0 GB", "112 GB". One kB is 1000 bytes. A negative size is not known: "?".
func (t *Texts) Bytes(n int64) string {
	if n < 0 {
		return "?"
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n), 0
	// 999.5 and more would be written as 1000.
	for v >= 999.5 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	return t.significant(v) + " " + units[unit]
}

// significant writes v, which is below 1000, with three digits.
func (t *Texts) significant(v float64) string {
	digits := 0
	switch {
	case v < 9.995:
		digits = 2
	case v < 99.95:
		digits = 1
	}
	return t.Decimal(v, digits)
}

// Decimal writes a number with a fixed count of digits after the point.
func (t *Texts) Decimal(v float64, digits int) string {
	return strings.Replace(strconv.FormatFloat(v, 'f', digits, 64), ".", t.form.decimal, 1)
}

// Speed writes bytes a second: "96.0 MB/s".
func (t *Texts) Speed(bytesPerSecond float64) string {
	if !(bytesPerSecond >= 0) || bytesPerSecond > math.MaxInt64/2 {
		return "?"
	}
	return t.T("format.speed", "size", t.Bytes(int64(bytesPerSecond)))
}

// Count writes a whole number with its thousands grouped: "1,204" or "1.204".
func (t *Texts) Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + t.form.group + s[i:]
	}
	return sign + s
}

// Percent writes a share of one: 0.58 is "58 %" or "%58". It is cut, not
// rounded, and kept within 0 and 100, so that what is not done never reads 100.
func (t *Texts) Percent(share float64) string {
	n := 0
	if share > 0 {
		n = int(math.Min(share, 1)*100 + 1e-9)
	}
	return strings.Replace(t.form.percent, "#", strconv.Itoa(n), 1)
}

// Date writes a day in at's own zone: "2026-11-21" or "21.11.2026".
func (t *Texts) Date(at time.Time) string { return at.Format(t.form.date) }

// Time writes a moment in at's own zone, to the minute: "2026-11-21 02:30" or
// "21.11.2026 02:30".
func (t *Texts) Time(at time.Time) string { return at.Format(t.form.date + " " + t.form.clock) }

// Duration writes how long something took or takes, in at most two units:
// "13 ms", "0.4 s", "13 s", "1 min 24 s", "2 h 5 min", "3 days 4 h".
func (t *Texts) Duration(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 100*time.Millisecond:
		return t.T("format.milliseconds", "n", strconv.Itoa(int(d/time.Millisecond)))
	case d < 9950*time.Millisecond:
		return t.T("format.seconds", "n", t.Decimal(d.Seconds(), 1))
	case d < 59500*time.Millisecond:
		return t.T("format.seconds", "n", strconv.Itoa(int(d.Round(time.Second)/time.Second)))
	case d < time.Hour-500*time.Millisecond:
		d = d.Round(time.Second)
		return t.pair("format.minutes", int64(d/time.Minute), "format.seconds", int64(d%time.Minute/time.Second))
	case d < 24*time.Hour-30*time.Second:
		d = d.Round(time.Minute)
		return t.pair("format.hours", int64(d/time.Hour), "format.minutes", int64(d%time.Hour/time.Minute))
	}
	d = d.Round(time.Hour)
	days := int64(d / (24 * time.Hour))
	text := t.N("format.days", days)
	if h := int64(d % (24 * time.Hour) / time.Hour); h > 0 {
		text += " " + t.T("format.hours", "n", t.Count(h))
	}
	return text
}

func (t *Texts) pair(bigKey string, big int64, smallKey string, small int64) string {
	text := t.T(bigKey, "n", t.Count(big))
	if small > 0 {
		text += " " + t.T(smallKey, "n", t.Count(small))
	}
	return text
}

// Age writes a duration in one unit, cut: "40 s", "12 min", "3 h", "2 days".
func (t *Texts) Age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return t.T("format.seconds", "n", strconv.Itoa(int(d/time.Second)))
	case d < 90*time.Minute:
		return t.T("format.minutes", "n", strconv.Itoa(int(d/time.Minute)))
	case d < 48*time.Hour:
		return t.T("format.hours", "n", strconv.Itoa(int(d/time.Hour)))
	}
	return t.N("format.days", int64(d/(24*time.Hour)))
}

// Ago writes how long before now a moment lies: "12 min ago", "3 sa önce". What
// is less than ten seconds old, or to come by a clock that is ahead, is now.
func (t *Texts) Ago(at, now time.Time) string {
	d := now.Sub(at)
	if d < 10*time.Second {
		return t.T("format.now")
	}
	return t.T("format.ago", "age", t.Age(d))
}
