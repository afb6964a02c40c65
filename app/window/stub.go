//go:build !desktop

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "rahat-window: built without the tag desktop, so there is no window; build it with: go run ./build dev")
	os.Exit(1)
}
