package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/rahatbackup/rahat/internal/problem"
)

// What makes a file [ConfigFile] cannot be read as.
const (
	ConfigKind    = "rahat configuration"
	ConfigVersion = 1
	// MaxConfig is the size of the largest file that is read, in bytes.
	MaxConfig = 1 << 20
)

// What can be wrong with a configuration file, as a person meets it.
var (
	// ErrConfigKind: the file is no exported configuration.
	ErrConfigKind = problem.New("config.not_one")
	// ErrConfigNewer: the file is of form {version}, this program knows {known}.
	ErrConfigNewer = problem.New("config.newer")
	// ErrConfigDamaged: the file holds what a configuration does not have:
	// {cause}.
	ErrConfigDamaged = problem.New("config.damaged")
)

// ParseConfig reads a file that `rahat config export` wrote. Kind and version
// are looked at first, so that a file of a newer version is called that and not
// damaged. What the form does not have is refused: it may be a setting that was
// misspelt and would be missed.
func ParseConfig(b []byte) (ConfigFile, error) {
	var head struct {
		Kind    string `json:"kind"`
		Version int    `json:"version"`
	}
	var c ConfigFile
	if len(b) > MaxConfig || json.Unmarshal(b, &head) != nil || head.Kind != ConfigKind || head.Version < 1 {
		return c, ErrConfigKind.Because(nil)
	}
	if head.Version > ConfigVersion {
		return c, ErrConfigNewer.Because(nil, "version", strconv.Itoa(head.Version), "known", strconv.Itoa(ConfigVersion))
	}
	if err := DecodeStrictly(b, &c); err != nil {
		return c, ErrConfigDamaged.Because(nil, "cause", err.Error())
	}
	return c, nil
}

// DecodeStrictly reads one JSON document into v and refuses fields that v does
// not have, and anything after it.
func DecodeStrictly(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one document")
	}
	return nil
}
