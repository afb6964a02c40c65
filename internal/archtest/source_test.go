package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/rahatbackup/rahat"

// root is the folder that holds go.mod.
const root = "../.."

// A file is one Go file, whatever system or build tag it is for.
type file struct {
	name  string // from the root, with slashes
	pkg   string // the folder, which is the import path below the module
	test  bool
	fset  *token.FileSet
	ast   *ast.File
	lines int
}

// imports returns the import paths of the file.
func (f file) imports() []string {
	var all []string
	for _, spec := range f.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it, so it is a string
		}
		all = append(all, p)
	}
	return all
}

// position returns where a node stands, as "file:line".
func (f file) position(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
}

// sources reads every Go file of the tree once.
var sources = sync.OnceValues(func() ([]file, error) {
	var all []file
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != root && ignoredFolder(entry.Name()) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parse(name)
		if err == nil {
			all = append(all, f)
		}
		return err
	})
	return all, err
})

func ignoredFolder(name string) bool {
	return strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules"
}

func parse(name string) (file, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return file{}, err
	}
	rel = filepath.ToSlash(rel)
	return file{
		name: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"),
		fset: fset, ast: tree, lines: strings.Count(string(text), "\n"),
	}, nil
}

// goFiles returns every Go file of the tree.
func goFiles(t *testing.T) []file {
	t.Helper()
	all, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found only %d Go files: this test looks in the wrong place", len(all))
	}
	return all
}

// importGraph returns, for each package of the module, what its files that are
// not tests import. Packages of the module are named without its path.
func importGraph(files []file) map[string][]string {
	graph := map[string][]string{}
	for _, f := range files {
		if f.test {
			continue
		}
		if _, ok := graph[f.pkg]; !ok {
			graph[f.pkg] = nil
		}
		for _, imported := range f.imports() {
			imported = strings.TrimPrefix(imported, module+"/")
			if !slices.Contains(graph[f.pkg], imported) {
				graph[f.pkg] = append(graph[f.pkg], imported)
			}
		}
	}
	return graph
}
