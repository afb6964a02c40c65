package window

import (
	"net/url"
	"strings"
)

// Route returns the route of the page of a database that is named as
// server/name, or nothing when name is empty. Names of servers hold no slash,
// those of databases may. [ErrDatabase] when it cannot be such a name.
func Route(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	server, database, ok := strings.Cut(name, "/")
	if !ok || server == "" || database == "" {
		return "", ErrDatabase.Because(nil, "name", name)
	}
	return "/databases/" + url.PathEscape(server) + "/" + url.PathEscape(database), nil
}
