package paper

import (
	"bytes"
	"image"
	"image/color"
	_ "image/png" // what pdftoppm writes
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/makiuchi-d/gozxing"
	decoder "github.com/makiuchi-d/gozxing/qrcode"

	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/recoverykit"
)

// sheet is a kit for two destinations, one with a password in its address.
func sheet(lang string) Sheet {
	return Sheet{
		Identity: recoverykit.New(), Created: time.Date(2026, 11, 21, 13, 18, 0, 0, time.UTC), Texts: i18n.For(lang),
		Destinations: []Destination{
			{Name: "usb-disk", URL: "file:///media/ayse/YEDEK%20DISKI", Repository: "019e5f3a-b2c1-7abc-9def-0123456789ab"},
			{Name: "bulut", URL: "s3://ayse:hunter2@kova/yedekler?endpoint=https://s3.example.com", Repository: "019e5f3b-b2c1-7abc-9def-0123456789ab"},
		},
	}
}

func TestTheTextHoldsTheKeyInBothFormsAndNoPassword(t *testing.T) {
	for _, lang := range i18n.Languages() {
		s := sheet(lang)
		text := s.Text()
		typed, err := recoverykit.Read(text)
		if err != nil || typed.Identity.Reveal() != s.Identity.Secret().Reveal() {
			t.Errorf("%s: the key cannot be read from the text again: %v", lang, err)
		}
		from, to := strings.Index(text, " 1 "), strings.Index(text, "AGE-SECRET-KEY-1")
		for i := to; i < len(text); i++ { // the last mention is the key itself, after the words
			if strings.HasPrefix(text[i:], s.Identity.Secret().Reveal()) {
				to = i
			}
		}
		id, err := recoverykit.ParseWords(text[from:to])
		if err != nil || id.Recipient() != s.Identity.Recipient() {
			t.Errorf("%s: the words cannot be read from the text again: %v", lang, err)
		}
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s: the password of a destination is on the sheet", lang)
		}
		for _, want := range []string{"usb-disk", "file:///media/ayse/YEDEK%20DISKI", s.Destinations[1].Repository, "s3://ayse@kova/yedekler", s.Identity.Recipient(), "RESTORE-ME.txt"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", lang, want, text)
			}
		}
		if strings.Contains(text, "kit.") {
			t.Errorf("%s: a text is missing:\n%s", lang, text)
		}
	}
}

// The pages are looked at as a printer would draw them: their text is read
// back, letters of Turkish included, and the QR code is scanned.
func TestThePagesSayTheSameAndTheirCodeCanBeScanned(t *testing.T) {
	for _, lang := range i18n.Languages() {
		s := sheet(lang)
		pdf, err := s.PDF()
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if keep := os.Getenv("RAHAT_TEST_KEEP"); keep != "" {
			dir = keep
		}
		file := filepath.Join(dir, "kit-"+lang+".pdf")
		if err := os.WriteFile(file, pdf, 0o600); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(tool(t, "pdftotext", "-layout", file, "-")), " ")
		for _, b := range s.blocks() {
			if b.kind != secret && b.kind != place && !strings.Contains(text, strings.Join(strings.Fields(b.text), " ")[:min(40, len(b.text))]) {
				t.Errorf("%s: not on the pages: %q", lang, b.text)
			}
		}
		for i, w := range s.Identity.Words() {
			if !strings.Contains(text, strconv.Itoa(i+1)+" "+w) {
				t.Errorf("%s: word %d is not on the pages", lang, i+1)
			}
		}
		if !strings.Contains(text, s.Identity.Secret().Reveal()) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: the key is not on the pages, or a password is", lang)
		}
		tool(t, "pdftoppm", "-r", "150", "-png", file, strings.TrimSuffix(file, ".pdf"))
		pages, err := filepath.Glob(strings.TrimSuffix(file, ".pdf") + "-*.png")
		if err != nil || len(pages) == 0 || len(pages) > 2 {
			t.Fatalf("%s: pages %q, %v", lang, pages, err)
		}
		if got := scan(t, pages[0]); got != s.Identity.Secret().Reveal() {
			t.Errorf("%s: the QR code says %q", lang, got)
		}
	}
}

// tool runs a program of poppler.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errs bytes.Buffer
	c := exec.CommandContext(t.Context(), name, args...)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s (poppler-utils is needed: go run ./build setup): %v\n%s", name, err, errs.String())
	}
	return string(out)
}

// scan reads the QR code of a picture.
func scan(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, picture)
}

func read(t *testing.T, picture image.Image) string {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	found, err := decoder.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		t.Fatalf("no QR code: %v", err)
	}
	return found.GetText()
}

// A paper gets stained: the code must be read with a piece of it gone.
func TestAStainedCodeIsStillRead(t *testing.T) {
	key := recoverykit.New().Secret().Reveal()
	code, err := qr.Encode(key, qr.H, qr.AlphaNumeric)
	if err != nil {
		t.Fatal(err)
	}
	n := code.Bounds().Dx()
	big, err := barcode.Scale(code, 8*n, 8*n)
	if err != nil {
		t.Fatal(err)
	}
	stained := image.NewGray(image.Rect(0, 0, 8*n+64, 8*n+64))
	for y := range stained.Rect.Dy() {
		for x := range stained.Rect.Dx() {
			c := color.Color(color.White)
			if x >= 32 && y >= 32 && x < 32+8*n && y < 32+8*n {
				c = big.At(x-32, y-32)
			}
			if x > 32+4*n && x < 32+6*n && y > 32+4*n && y < 32+5*n {
				c = color.Black
			}
			stained.Set(x, y, c)
		}
	}
	if got := read(t, stained); got != key {
		t.Errorf("read %q", got)
	}
}

// Each kind of place has its step: a disk is connected, and a bucket wants the
// key of its account, which the sheet does not hold.
func TestTheSheetSaysWhatItsPlacesNeed(t *testing.T) {
	for _, lang := range i18n.Languages() {
		s := sheet(lang)
		disk, bucket := s.Destinations[0], s.Destinations[1]
		for _, c := range []struct {
			of   []Destination
			want string
		}{
			{nil, "disk"}, {[]Destination{disk}, "disk"}, {[]Destination{bucket}, "bucket"}, {[]Destination{bucket, disk}, "disk bucket"},
		} {
			s.Destinations = c.of
			var got []string
			for _, what := range []string{"disk", "bucket"} {
				if slices.ContainsFunc(s.blocks(), func(b block) bool { return b.kind == step && b.text == s.Texts.T("kit.step."+what) }) {
					got = append(got, what)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s, %d places: steps for %v, want %s", lang, len(c.of), got, c.want)
			}
		}
	}
}

// A kit of one destination, as most people have it, is one page: a second one
// with a line or two is a page that gets lost.
func TestAKitOfOneDestinationIsOnePage(t *testing.T) {
	for _, lang := range i18n.Languages() {
		for _, d := range sheet(lang).Destinations {
			s := sheet(lang)
			s.Destinations = []Destination{d}
			pdf, err := s.PDF()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "kit.pdf")
			if err := os.WriteFile(file, pdf, 0o600); err != nil {
				t.Fatal(err)
			}
			if pages := strings.Count(tool(t, "pdftotext", "-layout", file, "-"), "\f"); pages != 1 {
				t.Errorf("%s, %s: %d pages", lang, d.Name, pages)
			}
		}
	}
}
