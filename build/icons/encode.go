package icons

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
)

func encodePNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encode icon: %w", err)
	}
	return b.Bytes(), nil
}

// encodeICO puts pictures of one icon into an .ico file, as bitmaps of 32 bits a
// pixel: every Windows reads those at every size.
func encodeICO(pictures []*image.NRGBA) []byte {
	const header, entry = 6, 16
	le := binary.LittleEndian
	file := le.AppendUint16(nil, 0)
	file = le.AppendUint16(file, 1) // icons, not cursors
	file = le.AppendUint16(file, uint16(len(pictures)))
	var bitmaps []byte
	for _, img := range pictures {
		size, bitmap := img.Rect.Dx(), bitmap(img)
		file = append(file, byte(size), byte(size), 0, 0)
		file = le.AppendUint16(file, 1)  // planes
		file = le.AppendUint16(file, 32) // bits a pixel
		file = le.AppendUint32(file, uint32(len(bitmap)))
		file = le.AppendUint32(file, uint32(header+entry*len(pictures)+len(bitmaps)))
		bitmaps = append(bitmaps, bitmap...)
	}
	return append(file, bitmaps...)
}

// bitmap is a picture as icons hold it: a BITMAPINFOHEADER of twice the height,
// rows of BGRA from the bottom, and a mask that is empty because alpha says it.
func bitmap(img *image.NRGBA) []byte {
	size := img.Rect.Dx()
	maskRow := (size + 31) / 32 * 4
	le := binary.LittleEndian
	out := le.AppendUint32(nil, 40)
	out = le.AppendUint32(out, uint32(size))
	out = le.AppendUint32(out, uint32(2*size))
	out = le.AppendUint16(out, 1)
	out = le.AppendUint16(out, 32)
	out = append(out, make([]byte, 24)...)
	for y := size - 1; y >= 0; y-- {
		for x := range size {
			c := img.NRGBAAt(x, y)
			out = append(out, c.B, c.G, c.R, c.A)
		}
	}
	return append(out, make([]byte, maskRow*size)...)
}
