package i18n

import "golang.org/x/sys/windows"

// locale returns the locale of the environment (as terminals brought from Unix
// set it) or the first language of the person's Windows.
func locale() string {
	if l := fromEnvironment(); l != "" {
		return l
	}
	names, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil || len(names) == 0 {
		return "" // nothing better is known than English
	}
	return names[0]
}
