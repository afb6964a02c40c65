package icons

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
)

// ProgramFile is the picture of the program itself, which window lists and
// switchers show.
const ProgramFile = "app/window/icon.png"

// programSize is what the largest switchers show it at.
const programSize = 128

var (
	accent = color.NRGBA{0x31, 0x56, 0xc8, 0xff}
	white  = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// writeProgram draws the picture of the program.
func writeProgram() error {
	data, err := encodePNG(program())
	if err != nil {
		return err
	}
	if err := os.WriteFile(ProgramFile, data, 0o644); err != nil {
		return fmt.Errorf("write icon: %w", err)
	}
	return nil
}

// program is the sign of the pages: a shield in their accent with an arrow that
// goes back, in white.
func program() *image.NRGBA {
	body := icon{draw: func(int) shape { return brandShield }}.render(programSize, accent)
	sign := icon{draw: func(int) shape { return brandArrow }}.render(programSize, white)
	for i := 0; i < len(body.Pix); i += 4 {
		over := int(sign.Pix[i+3])
		for c := range 3 {
			body.Pix[i+c] = uint8((int(body.Pix[i+c])*(255-over) + 255*over) / 255)
		}
	}
	return body
}

var (
	brandShield = polygon(append([]point{b(2.5, 9.25), b(2.5, 4), b(10, 1.25), b(17.5, 4), b(17.5, 9.25)},
		append(curve(b(17.5, 9.25), b(17.5, 13.85), b(14.4, 17.15), b(10, 18.75)),
			curve(b(10, 18.75), b(5.6, 17.15), b(2.5, 13.85), b(2.5, 9.25))...)...)...)
	brandArrow = union(stroke(1.28, arc()...), stroke(1.28, b(13.9, 5.9), b(13.9, 8.3), b(11.5, 8.3)))
)

// b is a point of the pages' drawing, which is 20 wide and 20 high.
func b(x, y float64) point { return point{x * 0.8, y * 0.8} }

// arc is the arrow's way: nearly a whole turn, against the clock.
func arc() []point {
	const from, to, steps = -28.0, -360.0, 48
	var line []point
	for i := range steps + 1 {
		at := (from + (to-from)*float64(i)/steps) * math.Pi / 180
		line = append(line, b(10+4*math.Cos(at), 10+4*math.Sin(at)))
	}
	return line
}
