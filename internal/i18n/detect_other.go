//go:build !windows

package i18n

func locale() string { return fromEnvironment() }
