//go:build !desktop

package main

import (
	"fmt"
	"io"
)

func run(_ []string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "rahat-window: this program was built without the tag desktop, so it has no window; build it with: go run ./build dev")
	return 1
}
