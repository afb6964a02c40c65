//go:build amd64 || arm64

// The tables below are of a little-endian machine.

package discovery

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4711 1 0000000000000000 100 0 0 10 0
   1: 00000000:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4712 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1538 0100007F:D431 01 00000000:00000000 00:00000000 00000000   102        0 4713 1 0000000000000000 20 4 30 10 -1
   3: nonsense
`

const tcp6Table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4714 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:6989 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000   102        0 4715 1 0000000000000000 100 0 0 10 0
`

func TestTheKernelsTablesAreRead(t *testing.T) {
	postgres := &process{name: "postgres"}
	owners := map[string]*process{"4711": postgres, "4713": {name: "psql"}}
	got, err := readTable(strings.NewReader(tcpTable), owners)
	if err != nil {
		t.Fatal(err)
	}
	six, err := readTable(strings.NewReader(tcp6Table), owners)
	if err != nil {
		t.Fatal(err)
	}
	want := []listener{
		{netip.MustParseAddr("127.0.0.1"), 5432, "postgres"},
		{netip.MustParseAddr("0.0.0.0"), 3306, ""},
		{netip.MustParseAddr("::1"), 5432, ""},
		{netip.MustParseAddr("::ffff:127.0.0.1"), 27017, ""},
	}
	if got = append(got, six...); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !postgres.placed || owners["4713"].placed {
		t.Error("placed are those who listen")
	}
}

func TestABrokenTableIsAnError(t *testing.T) {
	for _, address := range []string{"", "0100007F", "0100007F:123456", "01:1538", "0100007G:1538", ":1538"} {
		line := "0: " + address + " x 0A x x x x x 1 x\n"
		if address == "" {
			line = "0: : x 0A x x x x x 1 x\n"
		}
		if got, err := readTable(strings.NewReader(line), nil); err == nil {
			t.Errorf("%q became %v", address, got)
		}
	}
}
