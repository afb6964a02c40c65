package window

import (
	"context"

	"golang.org/x/sys/windows/registry"
)

// Dark reports whether the person set Windows to dark colours for programs.
func Dark(context.Context) (dark, known bool) {
	key, err := registry.OpenKey(registry.CURRENT_USER, `Software\Microsoft\Windows\CurrentVersion\Themes\Personalize`, registry.QUERY_VALUE)
	if err != nil {
		return false, false
	}
	defer func() { _ = key.Close() }() // it was only read from
	light, _, err := key.GetIntegerValue("AppsUseLightTheme")
	return light == 0, err == nil
}
