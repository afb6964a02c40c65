package archtest

import (
	"os"
	"path"
	"strings"
	"testing"
)

// topLevel is everything that may lie beside go.mod.
var topLevel = map[string]bool{
	"app": true, "frontend": true, "build": true, "internal": true,
	"go.mod": true, "go.sum": true, "wails.json": true, "README.md": true, "LICENSE": true,
	"bin": true, // built programs, ignored by git
}

// vague are names that say nothing of what is inside, and so attract anything.
var vague = map[string]bool{
	"util": true, "utils": true, "common": true, "helper": true, "helpers": true,
	"types": true, "models": true, "misc": true, "shared": true, "base": true, "lib": true,
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !topLevel[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s lies in the root, whose entries are fixed", e.Name())
		}
	}
}

func TestPackagesSayWhatTheyHold(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		if f.pkg == "." {
			t.Errorf("%s: no Go file in the root", f.name)
		}
		if name := path.Base(f.pkg); vague[name] || vague[f.ast.Name.Name] {
			t.Errorf("%s: %q says nothing of what is inside", f.name, name)
		}
		if !f.test {
			documented[f.pkg] = documented[f.pkg] || f.ast.Doc != nil
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}
