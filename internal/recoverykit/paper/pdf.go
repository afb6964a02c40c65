package paper

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode/qr"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
)

// Measures of the page in millimetres; sizes of letters in points.
const (
	margin    = 16.0
	textWidth = 210 - 2*margin
	lineHigh  = 4.5
	textSize  = 10.0
	codeSize  = 9.0
	qrSide    = 42.0
	wordHigh  = 6.4
)

// The fonts, which have the letters of Turkish.
const (
	sans = "go"
	mono = "gomono"
)

// page is the sheet being drawn.
type page struct {
	*fpdf.Fpdf
	sheet Sheet
	steps int
}

// PDF is the sheet as pages of A4, with the key as a QR code too.
func (s Sheet) PDF() ([]byte, error) {
	p := &page{Fpdf: fpdf.New("P", "mm", "A4", ""), sheet: s}
	p.AddUTF8FontFromBytes(sans, "", goregular.TTF)
	p.AddUTF8FontFromBytes(sans, "B", gobold.TTF)
	p.AddUTF8FontFromBytes(mono, "", gomono.TTF)
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, margin)
	p.SetTitle(s.Texts.T("kit.title"), true)
	p.SetCreator("Rahat Backup", true)
	p.SetCreationDate(s.Created)
	p.SetModificationDate(s.Created)
	p.SetFooterFunc(p.foot)
	p.AliasNbPages("")
	p.AddPage()
	for _, b := range s.blocks() {
		if err := p.draw(b); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if err := p.Output(&out); err != nil {
		return nil, fmt.Errorf("write recovery kit as PDF: %w", err)
	}
	return out.Bytes(), nil
}

func (p *page) foot() {
	p.SetY(-13)
	p.SetFont(sans, "", 8)
	p.SetTextColor(110, 110, 110)
	p.CellFormat(0, 5, p.sheet.Texts.T("kit.title")+"  ·  "+p.sheet.Texts.Date(p.sheet.Created)+"  ·  "+
		strconv.Itoa(p.PageNo())+"/{nb}", "", 0, "C", false, 0, "")
	p.SetTextColor(0, 0, 0)
}

func (p *page) draw(b block) error {
	switch b.kind {
	case title:
		p.SetFont(sans, "B", 20)
		p.CellFormat(0, 11, b.text, "", 1, "L", false, 0, "")
	case heading:
		p.keep(4 * lineHigh)
		p.Ln(2)
		p.SetFont(sans, "B", 12.5)
		p.CellFormat(0, 7, b.text, "", 1, "L", false, 0, "")
	case paragraph:
		p.text(b.text)
	case warning:
		p.warning(b.text)
	case step:
		p.step(b.text)
	case command:
		p.command(b.text)
	case place:
		p.place(b.lines)
	case secret:
		return p.secret()
	}
	return nil
}

// keep begins a new page unless so much room is left on this one.
func (p *page) keep(room float64) {
	if _, high := p.GetPageSize(); p.GetY()+room > high-margin {
		p.AddPage()
	}
}

func (p *page) text(text string) {
	p.SetFont(sans, "", textSize)
	p.MultiCell(textWidth, lineHigh, text, "", "L", false)
	p.Ln(1.2)
}

func (p *page) warning(text string) {
	p.SetFont(sans, "B", textSize)
	p.SetFillColor(255, 244, 214)
	p.SetCellMargin(3)
	p.MultiCell(textWidth, lineHigh+1, text, "", "L", true)
	p.SetCellMargin(1)
	p.Ln(1)
}

// step is drawn on the page that its command is on.
func (p *page) step(text string) {
	p.keep(4 * lineHigh)
	p.steps++
	p.SetFont(sans, "B", textSize)
	p.CellFormat(7, lineHigh, strconv.Itoa(p.steps)+".", "", 0, "L", false, 0, "")
	p.SetFont(sans, "", textSize)
	p.MultiCell(textWidth-7, lineHigh, text, "", "L", false)
	p.Ln(0.8)
}

func (p *page) command(text string) {
	p.SetFont(mono, "", codeSize)
	p.SetFillColor(240, 240, 240)
	p.SetX(margin + 7)
	p.MultiCell(textWidth-7, lineHigh+0.6, text, "", "L", true)
	p.Ln(1.2)
}

func (p *page) place(lines []string) {
	p.keep(float64(len(lines)) * lineHigh)
	for i, line := range lines {
		style := ""
		if i == 0 {
			style = "B"
		}
		p.SetFont(sans, style, textSize)
		p.SetX(margin + 4)
		p.MultiCell(textWidth-4, lineHigh, line, "", "L", false)
	}
	p.Ln(1.2)
}

// secret draws the words beside the QR code, and the key as text below.
func (p *page) secret() error {
	p.keep(qrSide + 4*lineHigh)
	top := p.GetY() + 1
	words := p.sheet.Identity.Words()
	wide := (textWidth - qrSide - 6) / columns
	for i, w := range words {
		x, y := margin+float64(i%columns)*wide, top+float64(i/columns)*wordHigh
		p.SetXY(x, y)
		p.SetFont(mono, "", 7.5)
		p.SetTextColor(120, 120, 120)
		p.CellFormat(6, wordHigh, strconv.Itoa(i+1), "", 0, "R", false, 0, "")
		p.SetFont(mono, "", 10.5)
		p.SetTextColor(0, 0, 0)
		p.CellFormat(wide-6, wordHigh, w, "", 0, "L", false, 0, "")
	}
	if err := p.code(210-margin-qrSide, top); err != nil {
		return err
	}
	p.SetY(top + qrSide + 2)
	p.SetFont(mono, "", 9.6)
	p.SetDrawColor(160, 160, 160)
	p.MultiCell(textWidth, 8, p.sheet.Identity.Secret().Reveal(), "1", "C", false)
	p.Ln(1.5)
	p.SetFont(sans, "", 8)
	p.MultiCell(textWidth, 4, p.sheet.Texts.T("kit.public"), "", "L", false)
	p.SetFont(mono, "", 8)
	p.MultiCell(textWidth, 4, p.sheet.Identity.Recipient(), "", "L", false)
	return nil
}

// code draws the key as a QR code with the highest correction of errors.
func (p *page) code(left, top float64) error {
	picture, err := qr.Encode(p.sheet.Identity.Secret().Reveal(), qr.H, qr.AlphaNumeric)
	if err != nil {
		return errors.New("make QR code: the key does not fit") // the library's error shows the key
	}
	n := picture.Bounds().Dx()
	module := qrSide / float64(n)
	p.SetFillColor(0, 0, 0)
	dark := func(x, y int) bool {
		if x >= n {
			return false
		}
		r, _, _, _ := picture.At(x, y).RGBA()
		return r == 0
	}
	for y := range n {
		for x := 0; x < n; x++ {
			from := x
			for dark(x, y) {
				x++
			}
			if x > from { // a run of modules at once leaves no hairlines between them
				p.Rect(left+float64(from)*module, top+float64(y)*module, float64(x-from)*module, module+0.01, "F")
			}
		}
	}
	return nil
}
