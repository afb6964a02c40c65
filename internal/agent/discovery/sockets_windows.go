package discovery

import (
	"context"
	"net"
	"strings"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"github.com/rahatbackup/rahat/internal/engine"
)

const pipeRoot = `\\.\pipe\`

// usualSockets lists the named pipes of database servers: sql\query and
// MSSQL$NAME\sql\query of SQL Server's default and named instances, MySQL and
// MariaDB under the names their installers give.
func usualSockets() []target {
	var all []target
	for _, name := range pipeNames() {
		if kind := engineOfPipe(name); kind != "" {
			all = append(all, target{hint: kind, sure: true, ways: []way{{network: pipe, address: pipeRoot + name}}})
		}
	}
	return all
}

func engineOfPipe(name string) string {
	name = strings.ToLower(name)
	switch {
	case name == `sql\query`, strings.HasPrefix(name, "mssql$") && strings.HasSuffix(name, `\sql\query`):
		return engine.SQLServer
	case strings.HasPrefix(name, "mysql"), strings.HasPrefix(name, "mariadb"):
		return engine.MySQL
	}
	return ""
}

// pipeNames lists all pipes; the pipe file system is a flat directory.
func pipeNames() []string {
	pattern, err := windows.UTF16PtrFromString(pipeRoot + "*")
	if err != nil {
		return nil
	}
	var data windows.Win32finddata
	search, err := windows.FindFirstFile(pattern, &data)
	if err != nil {
		return nil // no pipe, or not told: ports are looked at anyway
	}
	defer func() { _ = windows.FindClose(search) }() // nothing of ours is lost
	var names []string
	for err == nil {
		names = append(names, windows.UTF16ToString(data.FileName[:]))
		err = windows.FindNextFile(search, &data)
	}
	return names
}

func dialPipe(ctx context.Context, path string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, path)
}
