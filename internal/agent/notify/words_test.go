package notify

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
)

func TestPeopleReadWhatIsMeant(t *testing.T) {
	at := time.Date(2026, 11, 21, 2, 30, 0, 0, time.Local)
	proof := &control.VerifyResult{Status: backup.OK, Level: "full", Rows: 1234567}
	full := control.BackupResult{PlainBytes: 41_000_000, AddedBytes: 1_400_000, Seconds: 13.2, Verify: proof}
	bare := full
	bare.Verify = nil
	noSpace := &control.Problem{Code: "store.no_space", Params: map[string]string{"place": "/mnt"}}
	notProven := &control.Problem{Code: proofFailed, Params: map[string]string{"backup": "019e", "checks": "rows"}}
	done := func(kind backup.RunKind, v any) control.Run {
		return control.Run{ID: "1", Kind: kind, Status: backup.OK, Server: "local", Database: "dükkân", Result: kept(t, v)}
	}
	failed := func(kind backup.RunKind, p *control.Problem) control.Run {
		return control.Run{ID: "1", Kind: kind, Status: backup.Failed, Server: "local", Database: "dükkân", Problem: p}
	}
	for name, c := range map[string]struct {
		run    control.Run
		newest *control.Backup
		en, tr string
	}{
		"backup with its proof": {done(backup.RunBackup, full), nil,
			"dükkân is backed up and proved\nProved: restored and compared, 1,234,567 rows.\n41.0 MB, 1.40 MB of it new, in 13 s.",
			"dükkân yedeklendi ve doğrulandı\nDoğrulandı: geri yüklenip karşılaştırıldı, 1.234.567 satır.\n13 sn içinde 41,0 MB, bunun 1,40 MB kadarı yeni."},
		"backup without a proof": {done(backup.RunBackup, bare), nil,
			"dükkân is backed up\nNot proved yet: a backup counts only when it has been restored.\n41.0 MB, 1.40 MB of it new, in 13 s.",
			"dükkân yedeklendi\nHenüz doğrulanmadı: geri yüklenip sınanmayan yedek yedek sayılmaz.\n13 sn içinde 41,0 MB, bunun 1,40 MB kadarı yeni."},
		"proof": {done(backup.RunVerify, *proof), nil,
			"The backup of dükkân is proved\nProved: restored and compared, 1,234,567 rows.",
			"dükkân yedeği doğrulandı\nDoğrulandı: geri yüklenip karşılaştırıldı, 1.234.567 satır."},
		"proof of pages": {done(backup.RunVerify, control.VerifyResult{Level: "full"}), nil,
			"The backup of dükkân is proved\nProved: restored and compared.",
			"dükkân yedeği doğrulandı\nDoğrulandı: geri yüklenip karşılaştırıldı."},
		"restore": {done(backup.RunRestore, control.RestoreResult{PlainBytes: 2000, Seconds: 84}), nil,
			"dükkân is restored\n2.00 kB on local, in 1 min 24 s.",
			"dükkân geri yüklendi\nlocal sunucusunda 2,00 kB, 1 dk 24 sn içinde."},
		"export": {done(backup.RunExport, control.ExportResult{Path: "/tmp/a.sql", Bytes: 999}), nil,
			"A backup is exported\n/tmp/a.sql (999 B)",
			"Bir yedek dışa aktarıldı\n/tmp/a.sql (999 B)"},
		"failed, with a backup": {failed(backup.RunBackup, noSpace), &control.Backup{Finished: at},
			"dükkân was not backed up\n<reason>\nThe backup made on 2026-11-21 02:30 is safe.\n<remedy>",
			"dükkân yedeklenemedi\n<reason>\n21.11.2026 02:30 tarihli yedek güvende.\n<remedy>"},
		"failed, without one": {failed(backup.RunBackup, noSpace), nil,
			"dükkân was not backed up\n<reason>\nThere is no backup of it yet.\n<remedy>",
			"dükkân yedeklenemedi\n<reason>\nHenüz hiç yedeği yok.\n<remedy>"},
		"proof failed": {failed(backup.RunBackup, notProven), &control.Backup{Finished: at},
			"The backup of dükkân failed its proof\n<reason>\n<remedy>",
			"dükkân yedeği doğrulamadan geçemedi\n<reason>\n<remedy>"},
		"restore failed": {failed(backup.RunRestore, noSpace), nil,
			"dükkân was not restored\n<reason>\nThe backup itself was not touched.\n<remedy>",
			"dükkân geri yüklenemedi\n<reason>\nYedeğin kendisine dokunulmadı.\n<remedy>"},
	} {
		t.Run(name, func(t *testing.T) {
			for lang, want := range map[string]string{"en": c.en, "tr": c.tr} {
				w := writer{i18n.For(lang), func(context.Context, string, string) *control.Backup { return c.newest }}
				m := w.one(t.Context(), c.run)
				got := masked(w, c.run, m)
				if got != want || m.Problem != (c.run.Status != backup.OK) {
					t.Errorf("%s: got\n%s\nwant\n%s", lang, got, want)
				}
			}
		})
	}
}

// masked is a message without the words of other packages.
func masked(w writer, r control.Run, m Message) string {
	text := m.Title + "\n" + m.Body
	if r.Problem == nil {
		return text
	}
	reason, remedy := w.Problem(problem.Of(r.Problem.Err()))
	return strings.NewReplacer(reason, "<reason>", remedy, "<remedy>").Replace(text)
}

func TestManyAreToldInAFewLines(t *testing.T) {
	var same, different []control.Run
	for i := range 12 {
		r := control.Run{Kind: backup.RunBackup, Status: backup.Failed, Server: "s", Database: fmt.Sprintf("db%d", i)}
		r.Problem = &control.Problem{Code: "store.no_space", Params: map[string]string{"place": "/mnt"}}
		same = append(same, r)
		r.Problem = &control.Problem{Code: "store.no_space", Params: map[string]string{"place": r.Database}}
		different = append(different, r)
	}
	en, tr := writer{i18n.For("en"), nil}, writer{i18n.For("tr"), nil}
	bad, good := subject{backup.RunBackup, false}, subject{backup.RunBackup, true}
	for name, c := range map[string][2]string{
		"same reason": {masked(en, same[0], en.several(bad, same)), "12 backups failed\ndb11, db10, db9, db8, db7 and 7 more\n<reason>\nEarlier backups were not touched.\n<remedy>"},
		"in Turkish":  {masked(tr, same[0], tr.several(bad, same)), "12 yedekleme başarısız oldu\ndb11, db10, db9, db8, db7 ve 7 tane daha\n<reason>\nÖnceki yedeklere dokunulmadı.\n<remedy>"},
		"different reasons": {masked(en, same[0], en.several(bad, different[:3])),
			"3 backups failed\ndb2, db1, db0\nEarlier backups were not touched.\nOpen Rahat Backup to see the reasons and what to do."},
		"all well": {masked(tr, control.Run{}, tr.several(good, same[:4])), "4 veritabanı yedeklendi\ndb3, db2, db1, db0"},
		"exports":  {masked(en, control.Run{}, en.several(subject{backup.RunExport, true}, make([]control.Run, 3))), "3 backups are exported\n"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: got\n%s\nwant\n%s", name, c[0], c[1])
		}
	}
}

func TestEverythingThatCanBeToldHasWords(t *testing.T) {
	w := writer{i18n.For("tr"), func(context.Context, string, string) *control.Backup { return nil }}
	for _, kind := range []backup.RunKind{backup.RunBackup, backup.RunVerify, backup.RunRestore, backup.RunExport} {
		for _, status := range []backup.Status{backup.OK, backup.Failed} {
			for _, m := range []Message{
				w.one(t.Context(), control.Run{Kind: kind, Status: status, Database: "x", Server: "s"}),
				w.several(subject{kind, status == backup.OK}, make([]control.Run, 3)),
			} {
				if text := m.Title + m.Body + m.Label; m.Title == "" || strings.Contains(text, "notify.") || strings.Contains(text, "?") {
					t.Errorf("%s %s: %+v", kind, status, m)
				}
			}
		}
	}
}

func TestNamesCannotBreakAMessage(t *testing.T) {
	w := writer{i18n.For("en"), nil}
	m := w.one(t.Context(), control.Run{Kind: backup.RunBackup, Status: backup.OK, Server: "s", Database: "a\x00b\nc\td\xff\u0085ığ日本 <b>"})
	if want := "a b c d\uFFFD ığ日本 <b> is backed up"; m.Title != want {
		t.Errorf("got %q, want %q", m.Title, want)
	}
	if got := toast(Message{About: `a"b`, Title: "<x> & ]]>", Body: "1\n2", Label: "Aç"}); got != `<toast launch="a&#34;b" duration="short"><visual><binding template="ToastGeneric">`+
		`<text>&lt;x&gt; &amp; ]]&gt;</text><text>1&#xA;2</text></binding></visual><actions><action content="Aç" arguments="a&#34;b"/></actions></toast>` {
		t.Error(got)
	}
}
