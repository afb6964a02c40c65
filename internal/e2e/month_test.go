//go:build integration && unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/s3"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/store/s3/s3test"
	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/file"
)

// ahead makes the test program an agent whose clock is ahead by what it says. It
// is the agent of the product but for that: the real one knows one clock only.
const ahead = "RAHAT_TEST_AHEAD"

// agentAhead is such an agent, for S3 and PostgreSQL.
func agentAhead() error {
	by, err := time.ParseDuration(os.Getenv(ahead))
	if err != nil {
		return err
	}
	home, err := paths.Default()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return agent.Run(ctx, agent.Config{
		Home: home, Drivers: map[string]engine.Driver{engine.Postgres: postgres.Driver{}}, VaultKind: "file",
		OpenVault: func(ctx context.Context) (vault.Vault, error) {
			return file.Open(ctx, home.Vault(), file.PassphraseFile(os.Getenv("RAHAT_VAULT_PASSPHRASE_FILE")))
		},
		OpenStore: func(ctx context.Context, url string, secret vault.Secret, _ bool) (store.Store, error) {
			cfg, err := s3.Parse(url, secret)
			if err != nil {
				return nil, err
			}
			return s3.Open(ctx, cfg)
		},
		Now: func() time.Time { return time.Now().Add(by) }, Console: io.Discard,
	})
}

// A month is a rig whose days pass at once.
type month struct {
	*rig
	bucket string // folder of the gateway
	day    int
	agent  *exec.Cmd // nil: the computer is off
	script *strings.Builder
}

// said writes what a person typed and saw into the transcript.
func (m *month) said(comment string, args ...string) string {
	m.t.Helper()
	s := m.run("", args...)
	if s.code != 0 {
		m.t.Fatalf("rahat %s: exit %d\n%s%s", strings.Join(args, " "), s.code, s.out, s.err)
	}
	if comment != "" {
		fmt.Fprintf(m.script, "\n# %s\n", comment)
	}
	fmt.Fprintf(m.script, "$ rahat %s\n%s", strings.Join(args, " "), s.out)
	return s.out
}

// on switches the computer on, on the day it is.
func (m *month) on() *client.Client {
	m.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	m.agent = exec.Command(exe)
	m.agent.Env = append(m.env, fmt.Sprintf("%s=%dh", ahead, 24*m.day))
	m.agent.Stderr = os.Stderr
	if err := m.agent.Start(); err != nil {
		m.t.Fatal(err)
	}
	c := client.Default(paths.Home(m.home))
	soon(m.t, "the agent answers", func() bool {
		_, err := c.Hello(m.t.Context())
		return err == nil
	})
	return c
}

// off ends the agent by a signal: SIGTERM as a shutdown does, SIGKILL as when the
// power goes.
func (m *month) off(by os.Signal) {
	m.t.Helper()
	if m.agent == nil {
		return
	}
	if err := m.agent.Process.Signal(by); err != nil {
		m.t.Fatal(err)
	}
	if err := m.agent.Wait(); err != nil && by != os.Kill {
		m.t.Fatalf("day %d: the agent ended with %v", m.day, err)
	}
	m.agent = nil
}

// night lets a day pass. The store has a clock of its own, which the gateway takes
// from its files.
func (m *month) night() {
	m.t.Helper()
	m.day++
	err := filepath.WalkDir(m.bucket, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		at := info.ModTime().Add(-24 * time.Hour)
		return os.Chtimes(path, at, at)
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// backedUp waits until the day's backup is there and nothing more is to be done.
func (m *month) backedUp(c *client.Client, before int) {
	m.t.Helper()
	soon(m.t, fmt.Sprintf("day %d's backup", m.day), func() bool {
		status, err := c.Status(m.t.Context())
		if err != nil {
			m.t.Fatal(err)
		}
		return len(status.Active) == 0 && m.made(c) > before
	})
}

// made counts the backups that runs have made; retention takes some away again.
func (m *month) made(c *client.Client) (n int) {
	m.t.Helper()
	runs, err := c.Runs(m.t.Context(), 0)
	if err != nil {
		m.t.Fatal(err)
	}
	for i := range runs {
		if r := &runs[i]; r.Kind == backup.RunBackup && r.Status == backup.OK {
			n++
		}
	}
	return n
}

func (m *month) size() (n int64) {
	m.t.Helper()
	err := filepath.WalkDir(m.bucket, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}

const transcriptHead = `# A month, as a person saw it

Written by TestAMonthOfBackupsToABucketComesBackFromPaper (RAHAT_TRANSCRIPT names the file). Real are the agent, the command line,
PostgreSQL and the bucket, whose server runs beside them; the days pass at once, and every night the computer was off at 02:00.

` + "```" + `
`

const fingerprint = "SELECT count(*), sum(hashtextextended(o::text, 0)) FROM orders o"

// A computer is on for a while every day for a month. Its database is backed up
// to a bucket every night that was missed, old backups go, the power fails twice.
// Then computer and database burn. All that is left is the bucket and a sheet of
// paper.
func TestAMonthOfBackupsToABucketComesBackFromPaper(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", "CREATE DATABASE shop")
	pg.Exec(t, "shop", `CREATE TABLE orders (id int PRIMARY KEY, what text, day int);
INSERT INTO orders SELECT i, md5(i::text) || md5((i * 7)::text), 0 FROM generate_series(1, 20000) i`)
	s3server := s3test.Start(t)
	bucket := s3server.Bucket(t, gateway.BucketOptions{})
	m := &month{rig: newRig(t), bucket: filepath.Join(s3server.Dir, bucket), script: &strings.Builder{}}
	t.Cleanup(func() { m.off(os.Kill) })
	url := s3server.URL(bucket, "shop")
	m.on()
	m.addServer(pg)
	m.okInput(nil, gateway.Secret+"\n", "destination", "add", "bucket", "--url", url, "--secret-stdin")
	m.said("The first day: a job for every night, and a recovery kit on paper", "job", "add", "nightly", "--server", "pg", "--database", "shop",
		"--to", "bucket", "--schedule", "02:00", "--keep-daily", "7", "--keep-weekly", "4", "--verify", "basic")
	kit := filepath.Join(t.TempDir(), "kit.txt")
	m.said("", "recovery-kit", "-o", kit)
	want, started := map[int][][]string{}, map[string]int{}
	for range 30 {
		m.off(syscall.SIGTERM)
		m.night()
		pg.Exec(t, "shop", fmt.Sprintf("UPDATE orders SET what = md5(what), day = %d WHERE id %% 100 = %d; INSERT INTO orders SELECT %d + i, 'new', %d FROM generate_series(1, 50) i",
			m.day, m.day, 100000+1000*m.day, m.day))
		want[m.day] = pg.Query(t, "shop", fingerprint)
		c := m.on()
		before := m.made(c)
		if m.day == 9 || m.day == 23 {
			c = m.powerFails(c)
		}
		m.backedUp(c, before)
		list := m.backups()
		started[list[0].ID] = m.day
		if m.day%10 == 0 {
			m.said(fmt.Sprintf("Day %d", m.day), "backups")
			m.said("", "prune")
		}
	}
	m.keptByTheRule(started)
	m.off(os.Kill)
	pg.Kill(t)
	m.backFromPaper(url, kit, want, started)
	if file := os.Getenv("RAHAT_TRANSCRIPT"); file != "" {
		folder := regexp.MustCompile(regexp.QuoteMeta(filepath.Dir(t.TempDir())) + `/\d+/`)
		text := strings.NewReplacer(url, "s3://backups/shop", bucket, "backups").Replace(folder.ReplaceAllString(m.script.String(), ""))
		if err := os.WriteFile(file, []byte(transcriptHead+strings.TrimLeft(text, "\n")+"```\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// powerFails kills the agent while the day's backup is being made and switches
// the computer on again. The backup would be tried again after a minute; somebody
// is impatient.
func (m *month) powerFails(c *client.Client) *client.Client {
	m.t.Helper()
	soon(m.t, "a backup under way", func() bool {
		status, err := c.Status(m.t.Context())
		if err != nil {
			m.t.Fatal(err)
		}
		return slices.ContainsFunc(status.Active, func(r control.Run) bool { return r.Progress != nil })
	})
	m.off(os.Kill)
	c = m.on()
	status, err := c.Status(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	waits := slices.IndexFunc(status.Active, func(r control.Run) bool { return r.Kind == backup.RunBackup && r.RetryAt != nil })
	if waits < 0 {
		m.t.Fatalf("day %d: after the power failed there is %+v", m.day, status.Active)
	}
	m.said(fmt.Sprintf("Day %d: the power fails while the backup is being made; the computer is on again", m.day), "runs", "--limit", "2")
	m.said("", "run", "retry", status.Active[waits].ID)
	return c
}

// keptByTheRule checks what is there after the month: seven days, and the Sundays
// before them, so that there are four weeks. What went has given back its room.
func (m *month) keptByTheRule(started map[string]int) {
	m.t.Helper()
	m.said("The month is over", "job", "show", "nightly")
	var days []int
	for _, b := range m.backups() {
		days = append(days, started[b.ID])
	}
	slices.Sort(days)
	slices.Reverse(days)
	if len(days) < 9 || len(days) > 10 || !slices.Equal(days[:7], []int{30, 29, 28, 27, 26, 25, 24}) {
		m.t.Errorf("backups of the days %v are left", days)
	}
	var runs []control.Run
	m.ok(&runs, "runs", "--limit", "1000")
	var freed, added int64
	for _, r := range runs {
		if pruned, ok := result[control.PruneResult](r); ok && r.Kind == backup.RunPrune {
			freed += pruned.FreedBytes
		}
		if made, ok := result[control.BackupResult](r); ok && r.Kind == backup.RunBackup {
			added += made.AddedBytes
		}
	}
	if size := m.size(); freed == 0 || size > added-freed/2 {
		m.t.Errorf("%d bytes were added and %d freed, the bucket holds %d", added, freed, size)
	}
}

// result reads what a run brought.
func result[T any](r control.Run) (v T, ok bool) {
	return v, json.Unmarshal(r.Result, &v) == nil
}

// backFromPaper restores on an empty computer with the bucket and the kit.
func (m *month) backFromPaper(url, kit string, want map[int][][]string, started map[string]int) {
	m.t.Helper()
	pg := pgtest.Start(m.t, pgtest.Options{})
	empty := newRig(m.t)
	dir := m.t.TempDir()
	key, secret := filepath.Join(dir, "key"), filepath.Join(dir, "secret")
	text, err := os.ReadFile(kit)
	if err != nil {
		m.t.Fatal(err)
	}
	at := strings.Index(string(text), "AGE-SECRET-KEY-1")
	if at < 0 {
		m.t.Fatal("the kit holds no key")
	}
	line, _, _ := strings.Cut(string(text[at:]), "\n")
	for path, content := range map[string]string{key: strings.TrimSpace(line), secret: gateway.Secret} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	from := []string{"--from", url, "--identity-file", key, "--secret-file", secret}
	empty.addServer(pg)
	var list []control.Backup
	empty.ok(&list, append([]string{"backups"}, from...)...)
	if len(list) < 9 {
		m.t.Fatalf("%d backups are found", len(list))
	}
	other := &month{rig: empty, script: m.script}
	for i, b := range []control.Backup{list[0], list[6], list[len(list)-1]} {
		day := started[b.ID]
		name := fmt.Sprintf("day%d", day)
		other.said([]string{"An empty computer, the bucket and the paper: the newest backup", "A week ago", "The oldest"}[i],
			append([]string{"restore", b.ID, "--to-server", "pg", "--to-database", name}, from...)...)
		if got := pg.Query(m.t, name, fingerprint); !slices.EqualFunc(got, want[day], slices.Equal) {
			m.t.Errorf("day %d: %v came back, want %v", day, got, want[day])
		}
	}
}
