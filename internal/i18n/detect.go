package i18n

import "os"

// Detect returns the language to speak, as a two-letter code: RAHAT_LANG if it
// names one we have, else that of the person's locale, else English.
func Detect() string {
	if t, ok := find(os.Getenv("RAHAT_LANG")); ok {
		return t.lang
	}
	return For(locale()).lang
}

// fromEnvironment returns the locale for messages as POSIX orders its
// variables: the first that is set decides (XBD 8.2).
func fromEnvironment() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}
