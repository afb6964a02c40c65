package recoverykit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/rahatbackup/rahat/internal/problem"
)

func TestTheListIsThatOfBIP39(t *testing.T) {
	const want = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
	if sum := sha256.Sum256([]byte(english)); hex.EncodeToString(sum[:]) != want {
		t.Errorf("SHA-256 is %x", sum)
	}
	if v := vocabularies(); len(v.words) != 1<<wordBits || len(v.short) != len(v.words) {
		t.Errorf("%d words, %d beginnings of four letters", len(v.words), len(v.short))
	}
}

// The vectors of BIP 39 for keys of 32 bytes.
func TestWordsAreThoseOfBIP39(t *testing.T) {
	for key, want := range map[string]string{
		"0000000000000000000000000000000000000000000000000000000000000000": strings.Repeat("abandon ", 23) + "art",
		"7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f": strings.Repeat("legal winner thank year wave sausage worth useful ", 2) + "legal winner thank year wave sausage worth title",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff": strings.Repeat("zoo ", 23) + "vote",
		"68a79eaca2324873eacc50cb9c6eca8cc68ea5d936f98787c60c7ebc74e6ce7c": "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length",
		"9f6a2878b2520799a44ef18bc7df394e7061a224d2c33cd015b157d746869863": "panda eyebrow bullet gorilla call smoke muffin taste mesh discover soft ostrich alcohol speed nation flash devote level hobby quick inner drive ghost inside",
	} {
		raw, err := hex.DecodeString(key)
		if err != nil {
			t.Fatal(err)
		}
		words := toWords([keySize]byte(raw))
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", key, got, want)
		}
		id, err := ParseWords(want)
		if err != nil || id.Secret().Reveal() != fromBytes([keySize]byte(raw)).Secret().Reveal() {
			t.Errorf("%s is not read again: %v", want, err)
		}
	}
}

func TestAgeReadsOurKeysAndWeReadAges(t *testing.T) {
	for range 20 {
		id := New()
		theirs, err := age.ParseX25519Identity(id.Secret().Reveal())
		if err != nil || theirs.Recipient().String() != id.Recipient() {
			t.Fatalf("age: %v", err)
		}
		made, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		file := "# created: 2026-11-21T13:18:00Z\n# public key: " + made.Recipient().String() + "\n" + made.String() + "\n"
		ours, err := ParseIdentity(file)
		if err != nil || ours.Recipient() != made.Recipient().String() {
			t.Fatalf("read a file of age-keygen: %v", err)
		}
		again, err := ParseWords(strings.Join(ours.Words(), " "))
		if err != nil || again.Secret().Reveal() != made.String() {
			t.Fatalf("words of a key of age: %v", err)
		}
	}
}

const sample = "hamster diagram private dutch cause delay private meat slide toddler razor book happy fancy gospel tennis maple dilemma loan word shrug inflict delay length"

func TestWordsMayBeTypedInManyWays(t *testing.T) {
	want, err := ParseWords(sample)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(sample)
	write := func(form func(i int, w string) string) string {
		var b strings.Builder
		for i, w := range words {
			b.WriteString(form(i, w))
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"capitals":            strings.ToUpper(sample),
		"Turkish capitals":    strings.ToUpper(strings.ReplaceAll(sample, "i", "İ")),
		"dotless":             strings.ReplaceAll(sample, "i", "ı"),
		"dotted apart":        strings.ReplaceAll(sample, "i", "i\u0307"),
		"numbers":             write(func(i int, w string) string { return fmt.Sprintf("%d. %s ", i+1, w) }),
		"numbers, stuck":      write(func(i int, w string) string { return fmt.Sprintf("%d)%s\r\n", i+1, w) }),
		"a table":             write(func(i int, w string) string { return fmt.Sprintf("%2d %-14s", i+1, w) }),
		"four letters":        write(func(_ int, w string) string { return w[:min(4, len(w))] + " " }),
		"five letters, lines": write(func(_ int, w string) string { return w[:min(5, len(w))] + "\n\n" }),
		"commas":              strings.ReplaceAll(sample, " ", ", ") + ".",
		"no-break spaces":     strings.ReplaceAll(sample, " ", "\u00a0"),
	} {
		id, err := ParseWords(text)
		if err != nil || id.Secret().Reveal() != want.Secret().Reveal() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsWrongWithTheWordsIsSaid(t *testing.T) {
	words := strings.Fields(sample)
	changed := func(i int, w string) string {
		c := append([]string(nil), words...)
		c[i] = w
		return strings.Join(c, " ")
	}
	swapped := append([]string{words[1], words[0]}, words[2:]...)
	for name, c := range map[string]struct {
		text  string
		want  *problem.Problem
		param string
	}{
		"nothing":                {" \n 1 2 3 ", ErrEmpty, ""},
		"one too few":            {strings.Join(words[:23], " "), ErrWordCount, "23"},
		"one too many":           {sample + " zoo", ErrWordCount, "25"},
		"not on the list":        {changed(6, "privatt"), ErrWord, "7"},
		"three letters":          {changed(0, "ham"), ErrWord, "1"},
		"a letter of Turkish":    {changed(23, "lengthş"), ErrWord, "24"},
		"another word":           {changed(3, "zoo"), ErrChecksum, ""},
		"two in the wrong place": {strings.Join(swapped, " "), ErrChecksum, ""},
	} {
		_, err := ParseWords(c.text)
		p := problem.Of(err)
		if !errors.Is(err, c.want) || c.param != "" && p.Params["number"] != c.param && p.Params["count"] != c.param {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range append(words, "privatt") {
			if w != "word" && err != nil && strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error shows a word: %v", name, err)
			}
		}
	}
}

func TestWhatWasTypedIsFoundOut(t *testing.T) {
	id, err := ParseWords(sample)
	if err != nil {
		t.Fatal(err)
	}
	key := id.Secret().Reveal()
	mistyped := key[:20] + map[bool]string{true: "Q", false: "P"}[key[20] != 'Q'] + key[21:]
	for name, c := range map[string]struct {
		text                 string
		identity, passphrase bool
		doubt                error
	}{
		"words":                     {sample + "\n", true, true, nil},
		"identity":                  {key, true, false, nil},
		"identity in small letters": {strings.ToLower(key), true, false, nil},
		"identity over two lines":   {"  " + key[:40] + " \r\n  " + key[40:] + "\n", true, false, nil},
		"mistyped identity":         {mistyped, false, true, ErrIdentity},
		"half an identity":          {key[:50], false, true, ErrIdentity},
		"passphrase":                {"correct horse battery staple", false, true, nil},
		"passphrase of Turkish":     {"çok gizli bir şifre", false, true, nil},
		"words, one wrong":          {strings.Replace(sample, "slide", "zoo", 1), false, true, ErrChecksum},
		"words, one unknown":        {strings.Replace(sample, "slide", "slyde", 1), false, true, ErrWord},
	} {
		got, err := Read(c.text)
		if err != nil || got.Identity.Empty() == c.identity || got.Passphrase.Empty() == c.passphrase || !errors.Is(got.Doubt, c.doubt) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if c.identity && got.Identity.Reveal() != key {
			t.Errorf("%s: another key", name)
		}
		if shown := fmt.Sprintf("%v %+v %#v %v", got, got, got, got.Doubt); strings.Contains(shown, key[16:30]) || strings.Contains(shown, "hamster") {
			t.Errorf("%s: the key shows itself: %s", name, shown)
		}
	}
	if _, err := Read(" \n"); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing: %v", err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", id, id, id); strings.Contains(shown, key[16:30]) {
		t.Errorf("the key shows itself: %s", shown)
	}
}

// FuzzRead types anything: nothing may panic, whatever is taken for a key must
// be written the same again, and no error may show what was typed.
func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Add(strings.ToUpper(sample))
	f.Add("1. abandon 2. ability")
	f.Add("AGE-SECRET-KEY-1QQQQ")
	f.Add(New().Secret().Reveal())
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Read(text)
		if err != nil {
			return
		}
		if got.Identity.Empty() {
			if got.Passphrase.Empty() {
				t.Fatal("neither key nor passphrase")
			}
			return
		}
		id, err := ParseIdentity(got.Identity.Reveal())
		if err != nil {
			t.Fatalf("taken for a key, but: %v", err)
		}
		again, err := ParseWords(strings.Join(id.Words(), " "))
		if err != nil || again.Secret().Reveal() != got.Identity.Reveal() {
			t.Fatalf("its words give another key: %v", err)
		}
	})
}
