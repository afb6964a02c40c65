package archtest

import (
	"go/ast"
	"go/token"
	"testing"
)

// The hard limits. Most functions are under 50 lines and most files under 400.
const (
	longestFunction = 80
	longestFile     = 600
)

func TestFilesAndFunctionsStayReadable(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		if f.lines > longestFile {
			t.Errorf("%s has %d lines, more than %d", f.name, f.lines, longestFile)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if lines > longestFunction {
				t.Errorf("%s: %s has %d lines, more than %d", f.position(fn), fn.Name.Name, lines, longestFunction)
			}
		}
	}
}

func TestEveryExportedNameIsExplained(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			for _, bare := range unexplained(d) {
				t.Errorf("%s: %s has no doc comment", f.position(bare), bare.Name)
			}
		}
	}
}

// unexplained returns the exported names that a declaration leaves without a
// comment. A comment on a group of constants or variables is for all of them.
func unexplained(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && receiverExported(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT || d.Doc != nil && d.Tok != token.TYPE {
			return nil
		}
		var bare []*ast.Ident
		for _, spec := range d.Specs {
			bare = append(bare, unexplainedSpec(d, spec)...)
		}
		return bare
	}
	return nil
}

func unexplainedSpec(d *ast.GenDecl, spec ast.Spec) []*ast.Ident {
	var bare []*ast.Ident
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || len(d.Specs) > 1) {
			bare = append(bare, s.Name)
		}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() && s.Doc == nil && s.Comment == nil {
				bare = append(bare, name)
			}
		}
	}
	return bare
}

// receiverExported reports whether a function can be seen from outside: it has
// no receiver, or one whose type is exported.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}
