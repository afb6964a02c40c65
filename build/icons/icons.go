// Package icons draws the tray's icons: one shield in five silhouettes, so that
// a state is told by its shape before it is told by its colour. They are drawn
// for each size, because what can be seen at 64 pixels is a blot at 16.
package icons

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"io"
	"os"
	"path/filepath"
)

// Dir is where the tray takes its icons from.
const Dir = "app/tray/icons"

// An icon is one state as a picture.
type icon struct {
	name string
	// colour is seen on light and on dark panels; nobody tells us which it is.
	colour color.NRGBA
	draw   func(size int) shape
}

var (
	green = color.NRGBA{0x1f, 0x9a, 0x5f, 0xff}
	amber = color.NRGBA{0xc4, 0x7c, 0x06, 0xff}
	red   = color.NRGBA{0xe5, 0x48, 0x4d, 0xff}
	blue  = color.NRGBA{0x54, 0x7e, 0xf0, 0xff}
	grey  = color.NRGBA{0x80, 0x87, 0x92, 0xff}
	black = color.NRGBA{A: 0xff} // macOS takes only the shape of a template
)

var icons = []icon{
	{"protected", green, protected},
	{"attention", amber, attention},
	{"not_protected", red, notProtected},
	{"running", blue, running},
	{"unknown", grey, unknown},
}

// Sizes of the pictures in an .ico file, of the one for panels of Linux, which
// scale it down themselves, and of a template for macOS, which shows it at 16
// points on screens of two pixels a point.
var icoSizes = []int{16, 20, 24, 32, 48, 64}

const (
	panelSize    = 48
	templateSize = 32
)

// Write draws all icons into Dir, and [ProgramFile], and says so to out.
func Write(_ context.Context, out io.Writer) error {
	all, err := files()
	if err != nil {
		return err
	}
	for name, data := range all {
		if err := os.WriteFile(filepath.Join(Dir, name), data, 0o644); err != nil {
			return fmt.Errorf("write icon: %w", err)
		}
	}
	fmt.Fprintf(out, "%d icons in %s\n", len(all), Dir)
	return writeProgram()
}

// files returns all icon files by name.
func files() (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, i := range icons {
		var err error
		if all[i.name+".png"], err = encodePNG(i.render(panelSize, i.colour)); err != nil {
			return nil, err
		}
		if all[i.name+".template.png"], err = encodePNG(i.render(templateSize, black)); err != nil {
			return nil, err
		}
		var pictures []*image.NRGBA
		for _, size := range icoSizes {
			pictures = append(pictures, i.render(size, i.colour))
		}
		all[i.name+".ico"] = encodeICO(pictures)
	}
	return all, nil
}

// render draws the icon. Each pixel is as opaque as the shape covers it.
func (i icon) render(size int, colour color.NRGBA) *image.NRGBA {
	const samples = 8 // in either direction
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	in := i.draw(size)
	scale := 16 / float64(size)
	for at := range size * size {
		x, y, covered := at%size, at/size, 0
		for n := range samples * samples {
			p := point{
				(float64(x) + (float64(n%samples)+0.5)/samples) * scale,
				(float64(y) + (float64(n/samples)+0.5)/samples) * scale,
			}
			if in(p) {
				covered++
			}
		}
		c := colour
		c.A = uint8(covered * 255 / (samples * samples))
		img.SetNRGBA(x, y, c)
	}
	return img
}

// small reports whether only the silhouette can be seen at a size.
func small(size int) bool { return size < 20 }

var (
	shieldLine = outline(0.75)
	shield     = polygon(shieldLine...)
)

// outline is the shield's edge, moved inwards from where it would stand at 0.75.
func outline(top float64) []point {
	d := top - 0.75
	k := 1.06 * d // the slanting top moves by more than the upright sides
	line := []point{{8, 0.75 + k}, {14.25 - d, 3 + d*0.75}, {14.25 - d, 7.6}}
	line = append(line, curve(line[2], point{14.25 - d, 11.4 - d*0.7}, point{11.65 - d*0.7, 14 - d}, point{8, 15.25 - k})...)
	line = append(line, curve(point{8, 15.25 - k}, point{4.35 + d*0.7, 14 - d}, point{1.75 + d, 11.4 - d*0.7}, point{1.75 + d, 7.6})...)
	return append(line, point{1.75 + d, 3 + d*0.75})
}

// ring is the shield's rim.
func ring(width float64) shape { return shield.without(polygon(outline(0.75 + width)...)) }

// protected is a full shield with a check cut out.
func protected(int) shape {
	return shield.without(stroke(1.9, point{4.7, 8}, point{7.1, 10.4}, point{11.4, 5.7}))
}

// attention is a shield bitten by a triangle.
func attention(size int) shape {
	triangle := []point{{11.5, 7}, {15.7, 15.4}, {7.3, 15.4}}
	sign := grown(0.3, triangle...)
	if !small(size) {
		sign = sign.without(union(stroke(1.3, point{11.5, 10.2}, point{11.5, 12.2}), stroke(1.3, point{11.5, 14.1}, point{11.5, 14.2})))
	}
	return union(shield.without(grown(1.3, triangle...)), sign)
}

// notProtected is a hollow shield, struck through.
func notProtected(size int) shape {
	rim, line := 1.7, 1.9
	if small(size) {
		rim, line = 2, 2
	}
	from, to := point{1.4, 1.6}, point{14.6, 14.8}
	return union(ring(rim).without(stroke(4.4, from, to)), stroke(line, from, to))
}

// running is a shield filling from below.
func running(int) shape {
	level := func(p point) bool { return p.y >= 8 }
	return union(ring(1.6), shield.and(level))
}

// unknown is a broken outline: nobody can say what is inside.
func unknown(size int) shape {
	rim, gap := 1.7, 1.9
	if small(size) {
		rim, gap = 2, 2
	}
	gaps := union(
		stroke(gap, point{8, -1}, point{8, 4}), stroke(gap, point{8, 12}, point{8, 17}),
		stroke(gap, point{0, 6.6}, point{4, 6.6}), stroke(gap, point{12, 6.6}, point{16, 6.6}),
	)
	return ring(rim).without(gaps)
}
