package autostart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// propertyList describes the entry to launchd: started when the person logs in
// to the screen, and not again when it ends.
func propertyList(e Entry) string {
	var b strings.Builder
	b.WriteString(xml.Header)
	b.WriteString(`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n")
	b.WriteString("<plist version=\"1.0\">\n<dict>\n\t<key>Label</key>\n\t" + element(e.ID) + "\n\t<key>ProgramArguments</key>\n\t<array>\n")
	for _, arg := range append([]string{e.Program}, e.Args...) {
		b.WriteString("\t\t" + element(arg) + "\n")
	}
	b.WriteString("\t</array>\n\t<key>RunAtLoad</key>\n\t<true/>\n\t<key>ProcessType</key>\n\t<string>Interactive</string>\n" +
		"\t<key>LimitLoadToSessionType</key>\n\t<string>Aqua</string>\n</dict>\n</plist>\n")
	return b.String()
}

func element(text string) string {
	var b bytes.Buffer
	// A buffer takes everything.
	_ = xml.EscapeText(&b, []byte(text))
	return "<string>" + b.String() + "</string>"
}

// programIn returns the program of a property list, or nothing when it says
// that it is disabled.
func programIn(text []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	program, key := "", ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return program, nil
		} else if err != nil {
			return "", err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch name := start.Name.Local; {
		case name == "key":
			if err := d.DecodeElement(&key, &start); err != nil {
				return "", err
			}
		case key == "Disabled" && name == "true":
			return "", nil
		case (key == "Program" || key == "ProgramArguments") && name == "string" && program == "":
			if err := d.DecodeElement(&program, &start); err != nil {
				return "", err
			}
		}
	}
}
