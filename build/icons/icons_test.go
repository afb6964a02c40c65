package icons

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// decode compares pictures, not bytes: a newer Go may compress otherwise.
func decode(t *testing.T, data []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(data, []byte("\x89PNG")) {
		return data
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	picture, ok := img.(*image.NRGBA)
	if !ok {
		t.Fatalf("an icon is a %T", img)
	}
	return picture.Pix
}

func TestTheTraysIconsAreTheOnesDrawnHere(t *testing.T) {
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "..", filepath.FromSlash(Dir))
	for name, want := range all {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(decode(t, got), decode(t, want)) {
			t.Errorf("%s is not what is drawn: go run ./build icons", name)
		}
	}
	there, err := os.ReadDir(dir)
	if err != nil || len(there) != len(all) {
		t.Errorf("%d files in %s, want %d: %v", len(there), dir, len(all), err)
	}
}

func TestTheProgramsIconIsTheOneDrawnHere(t *testing.T) {
	got, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(ProgramFile)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(decode(t, got), program().Pix) {
		t.Errorf("%s is not what is drawn: go run ./build icons", ProgramFile)
	}
}

// Whoever sees no colours, and a panel that shows none, must still tell the
// states apart: a good part of the pixels differs at every size.
func TestStatesDifferInShapeAtEverySize(t *testing.T) {
	for _, size := range icoSizes {
		var drawn []*image.NRGBA
		for i, a := range icons {
			drawn = append(drawn, a.render(size, black))
			for j, b := range icons[:i] {
				differ := 0.0
				for n := 3; n < len(drawn[i].Pix); n += 4 {
					differ += math.Abs(float64(drawn[i].Pix[n])-float64(drawn[j].Pix[n])) / 255
				}
				if share := differ / float64(size*size); share < 0.12 {
					t.Errorf("%s and %s differ in only %.0f %% of %d pixels", a.name, b.name, share*100, size*size)
				}
			}
		}
	}
}

// luminance is relative luminance as WCAG 2 defines it.
func luminance(c color.NRGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

func TestColoursAreSeenOnLightAndDarkPanels(t *testing.T) {
	panels := []color.NRGBA{{0xff, 0xff, 0xff, 0xff}, {0x35, 0x35, 0x35, 0xff}, {0x20, 0x24, 0x2b, 0xff}}
	for _, i := range icons {
		for _, panel := range panels {
			a, b := luminance(i.colour)+0.05, luminance(panel)+0.05
			if ratio := max(a, b) / min(a, b); ratio < 3 {
				t.Errorf("%s on %v: contrast %.2f, want 3", i.name, panel, ratio)
			}
		}
	}
}

func TestAnIconFileNamesWhereItsPicturesLie(t *testing.T) {
	img := icons[0].render(16, green)
	file := encodeICO([]*image.NRGBA{img, img})
	size := int(file[14]) | int(file[15])<<8
	if second := int(file[34]) | int(file[35])<<8; len(file) != 6+2*16+2*size || second != 6+2*16+size {
		t.Fatalf("%d bytes, pictures of %d, the second at %d", len(file), size, second)
	}
	row := file[6+2*16+40:] // the bottom row comes first
	if c := img.NRGBAAt(8, 15); row[4*8] != c.B || row[4*8+2] != c.R || row[4*8+3] != c.A {
		t.Errorf("bottom row holds %v, want %v", row[4*8:4*8+4], c)
	}
}
