package tray

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
)

// How many rows there are of what comes in any number.
const (
	mostRuns      = 3
	mostDatabases = 20
	mostLines     = 4 // of a trouble
)

// longestLine is how long a line of a trouble may be, in characters.
const longestLine = 72

// painter writes a state down in one language at one moment.
type painter struct {
	*state
	texts *i18n.Texts
	now   time.Time
}

// render makes the view of a state.
func render(s *state, now time.Time) View {
	p := painter{s, i18n.For(s.lang), now}
	sentence, facts := p.sentence()
	return View{Icon: p.icon(), Tooltip: p.tooltip(sentence, facts), Menu: p.menu(sentence, facts)}
}

func (p painter) icon() Icon {
	switch {
	case p.link != up:
		return Unknown
	case len(p.running()) > 0:
		return Running
	}
	switch p.status.State {
	case control.Protected:
		return Protected
	case control.Attention:
		return Attention
	case control.NotProtected:
		return NotProtected
	}
	return Unknown // a word of a newer agent
}

// sentence says how things stand and what else to know; facts may be empty.
func (p painter) sentence() (sentence, facts string) {
	switch p.link {
	case starting:
		return p.t("tray.starting"), ""
	case lost:
		return p.t("tray.lost"), p.t("tray.down")
	case stopped:
		return p.t("tray.stopped"), p.t("tray.down")
	case failed:
		return p.t("tray.failed"), p.t("tray.down")
	case otherness:
		return p.t("tray.version"), p.t("tray.version.facts", "agent", short(p.trouble.Params["agent"]), "client", short(p.trouble.Params["client"]))
	case up: // below
	}
	sentence = p.say(p.status.Headline)
	if p.status.Facts != nil {
		facts = p.say(*p.status.Facts)
	}
	return sentence, facts
}

// tooltip is the sentence and one line more: what runs, else the facts.
func (p painter) tooltip(sentence, facts string) string {
	text := sentence
	if runs := p.running(); len(runs) > 0 {
		text = p.doing(runs[0]) + "\n" + sentence
	} else if facts != "" {
		text += "\n" + facts
	}
	return text
}

func (p painter) menu(sentence, facts string) []Row {
	rows := []Row{words(sentence), words(facts), words(p.pausedNote())}
	rows = append(rows, p.troubleRows()...)
	rows = append(rows, p.runRows()...)
	pause := Row{Label: p.t("tray.pause"), Action: Action{Do: Pause}, Hidden: p.link != up}
	if p.status.Paused {
		pause.Label, pause.Action.Do = p.t("tray.resume"), Resume
	}
	again := Row{Label: p.t("tray.again"), Action: Action{Do: Reconnect}, Hidden: p.link == starting || p.link == up}
	if p.link == otherness {
		again.Label = p.t("tray.replace")
	}
	rows = append(rows,
		Row{Separator: true},
		again,
		Row{Label: p.t("tray.open"), Action: Action{Do: Open}},
		Row{Label: p.t("tray.back_up"), Hidden: p.link != up, Rows: p.databaseRows()},
		pause,
		Row{Separator: true},
	)
	return append(rows, p.quitRows()...)
}

// pausedNote says that backups are paused, unless the sentence does.
func (p painter) pausedNote() string {
	if p.link != up || !p.status.Paused || strings.HasPrefix(p.status.Headline.Code, "state.paused") {
		return ""
	}
	return p.t("state.paused")
}

// words is a row that only says something; it is hidden when that is nothing.
func words(text string) Row { return Row{Label: text, Disabled: true, Hidden: text == ""} }

// troubleRows say what went wrong and what to do about it.
func (p painter) troubleRows() []Row {
	var lines []string
	if p.trouble != nil && p.link != otherness { // there the facts say it
		title, remedy := p.texts.Problem(p.trouble)
		lines = append(wrap(title, longestLine), wrap(remedy, longestLine)...)
	}
	rows := make([]Row, mostLines)
	for i := range rows {
		text := ""
		switch {
		case i == mostLines-1 && i < len(lines):
			text = strings.Join(lines[i:], " ")
		case i < len(lines):
			text = lines[i]
		}
		rows[i] = words(clean(text))
	}
	return rows
}

// runRows say what runs now and how far it is.
func (p painter) runRows() []Row {
	runs := p.running()
	rows := make([]Row, mostRuns+1)
	for i := range rows {
		rows[i] = words("")
		if i < len(runs) && i < mostRuns {
			rows[i] = words(p.doing(runs[i]))
		}
	}
	if more := len(p.status.Active) - min(len(runs), mostRuns); more > 0 && len(runs) > 0 {
		rows[mostRuns] = words(p.texts.N("tray.more", int64(more)))
	}
	return rows
}

// doing says what a run is doing: "Backing up orders: 58 %".
func (p painter) doing(r control.Run) string {
	kind := r.Kind
	if kind == backup.RunBackup && r.Progress != nil && proving(r.Progress.Phase) {
		kind = backup.RunVerify
	}
	text := p.t("tray.doing."+string(kind), "database", short(r.Database))
	if r.Progress == nil || r.Progress.Total <= 0 {
		return text
	}
	return p.t("tray.doing.share", "what", text, "share", p.texts.Percent(float64(r.Progress.Done)/float64(r.Progress.Total)))
}

// proving reports whether a phase of a backup belongs to its proof.
func proving(phase backup.Phase) bool {
	switch phase {
	case backup.PhaseRead, backup.PhaseSchema, backup.PhaseLoad, backup.PhaseIndex, backup.PhaseCompare:
		return true
	case backup.PhaseConnect, backup.PhaseDump, backup.PhaseCommit, backup.PhaseScript, backup.PhaseDelete:
	}
	return false
}

// databaseRows are the databases that can be backed up at once. When there are
// too many, those that need somebody are among them; they stand in the order of
// their names, so that a row does not move away under the hand.
func (p painter) databaseRows() []Row {
	var all []control.DatabaseStatus
	for _, d := range p.databases {
		if d.Server != "" && d.Database != "" && d.Present && d.Readable {
			all = append(all, d)
		}
	}
	rest := len(all) == 0 || len(all) < len(p.databases)
	if len(all) > mostDatabases {
		all, rest = all[:mostDatabases], true
	}
	slices.SortFunc(all, func(a, b control.DatabaseStatus) int {
		return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Server, b.Server))
	})
	rows := make([]Row, mostDatabases+1)
	for i := range mostDatabases {
		rows[i] = Row{Hidden: true}
		if i < len(all) {
			rows[i] = p.databaseRow(all[i])
		}
	}
	rows[mostDatabases] = Row{Label: p.t("tray.all_databases"), Action: Action{Do: Open}, Hidden: !rest}
	return rows
}

func (p painter) databaseRow(d control.DatabaseStatus) Row {
	row := Row{Label: short(d.Database), Action: Action{Do: BackUp, Server: d.Server, Database: d.Database}}
	same := func(o control.DatabaseStatus) bool {
		return o.Database == d.Database && o.Server != d.Server && o.Server != ""
	}
	if slices.ContainsFunc(p.databases, same) {
		row.Label = p.t("tray.database_of", "database", row.Label, "server", short(d.Server))
	}
	for _, r := range p.status.Active {
		if r.Kind == backup.RunBackup && r.Server == d.Server && r.Database == d.Database {
			row.Label, row.Disabled = p.t("tray.database."+string(r.Status), "database", row.Label), true
			break
		}
	}
	return row
}

// quitRows are a plain row, and one that asks because something runs: whoever
// closes its menu again has done nothing.
func (p painter) quitRows() []Row {
	busy := p.busy()
	later := Row{Label: p.t("tray.quit.later"), Action: Action{Do: QuitLater}}
	ask := p.t("tray.quit.busy")
	if p.leaving {
		ask = p.t("tray.quit.leaving")
		later = Row{Label: p.t("tray.quit.stay"), Action: Action{Do: Stay}}
	}
	return []Row{
		{Label: p.t("tray.quit"), Action: Action{Do: Quit}, Hidden: busy},
		{Label: ask, Hidden: !busy, Rows: []Row{{Label: p.t("tray.quit.now"), Action: Action{Do: QuitNow}}, later}},
	}
}

func (p painter) t(key string, params ...string) string { return p.texts.T(key, params...) }

// say writes a text that the agent chose.
func (p painter) say(text control.Text) string {
	params := make(map[string]string, len(text.Params))
	for name, value := range text.Params {
		params[name] = short(value)
	}
	return p.texts.Say(text.Code, params, p.now)
}
