package archtest

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	wellFormed  = regexp.MustCompile(`^[a-z0-9]+\.[a-z0-9_]+$`)
	placeholder = regexp.MustCompile(`\{([a-z0-9_]+)(?::[a-z]+)?\}`)
)

// declared returns every problem code that the product declares, with the place:
// calls of problem.New, and the codes that package problem names itself.
func declared(files []file) map[string]string {
	codes := map[string]string{}
	for _, f := range files {
		if f.test || !strings.HasPrefix(f.pkg, "internal/") && !strings.HasPrefix(f.pkg, "app/") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if code, ok := codeIn(f, n); ok {
				codes[code] = f.position(n)
			}
			return true
		})
	}
	return codes
}

func codeIn(f file, n ast.Node) (string, bool) {
	var value ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		fn, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || fn.Sel.Name != "New" || len(n.Args) != 1 {
			return "", false
		}
		if pkg, ok := fn.X.(*ast.Ident); !ok || pkg.Name != "problem" {
			return "", false
		}
		value = n.Args[0]
	case *ast.ValueSpec:
		typ, ok := n.Type.(*ast.Ident)
		if f.pkg != "internal/problem" || !ok || typ.Name != "Code" || len(n.Values) != 1 {
			return "", false
		}
		value = n.Values[0]
	}
	lit, ok := value.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	code, err := strconv.Unquote(lit.Value)
	return code, err == nil
}

// texts reads the messages of a language: for each area, which is the name of
// the file, its keys and texts.
func texts(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "internal/i18n/messages", lang, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages in %s: %v", lang, err)
	}
	all := map[string]map[string]string{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		area := map[string]string{}
		if err := json.Unmarshal(data, &area); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".json")] = area
	}
	return all
}

func TestEveryProblemHasATitleAndARemedyInBothLanguages(t *testing.T) {
	codes := declared(goFiles(t))
	if len(codes) < 5 {
		t.Fatalf("found only %d problem codes: this test looks in the wrong place", len(codes))
	}
	en, tr := texts(t, "en"), texts(t, "tr")
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		if !wellFormed.MatchString(code) {
			t.Errorf("%s: code %q is not area.what", codes[code], code)
		}
		area, _, _ := strings.Cut(code, ".")
		var missing []string
		for _, part := range []string{".title", ".remedy"} {
			key := "problem." + code + part
			if strings.TrimSpace(en[area][key]) == "" {
				missing = append(missing, "en"+part)
			}
			if strings.TrimSpace(tr[area][key]) == "" {
				missing = append(missing, "tr"+part)
			}
		}
		if missing != nil {
			t.Errorf("%s: %s has no text in messages/*/%s.json: %s", codes[code], code, area, strings.Join(missing, " "))
		}
	}
}

func TestNoTextTellsOfAProblemThatDoesNotExist(t *testing.T) {
	codes := declared(goFiles(t))
	for area, keys := range texts(t, "en") {
		for key := range keys {
			code, ok := strings.CutPrefix(key, "problem.")
			if !ok {
				continue
			}
			dot := strings.LastIndexByte(code, '.')
			if dot < 0 || codes[code[:dot]] == "" {
				t.Errorf("messages/en/%s.json: %s belongs to no problem.New", area, key)
			}
		}
	}
}

func TestBothLanguagesSayTheSameThings(t *testing.T) {
	en, tr := texts(t, "en"), texts(t, "tr")
	for area, keys := range en {
		for key, text := range keys {
			other, ok := tr[area][key]
			if !ok {
				t.Errorf("messages/tr/%s.json: no %s", area, key)
				continue
			}
			if a, b := placeholders(text), placeholders(other); !slices.Equal(a, b) {
				t.Errorf("%s: {} are %v in en and %v in tr", key, a, b)
			}
		}
	}
	for area, keys := range tr {
		for key := range keys {
			if _, ok := en[area][key]; !ok {
				t.Errorf("messages/en/%s.json: no %s", area, key)
			}
		}
	}
}

// placeholders returns the distinct names in braces, sorted.
func placeholders(text string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
