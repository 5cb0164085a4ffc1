// Command serve runs hubtest's server for tests in other languages:
//
//	hubserver FOLDER
//
// It prints its address. POST /-/faults sets what it does wrong, GET /-/log
// gives the requests so far. It ends with its standard input.
package main

import (
	"fmt"
	"io"
	"os"

	"ddcore/core/hub/hubtest"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: hubserver FOLDER")
		os.Exit(2)
	}
	s := hubtest.Start(os.Args[1])
	defer s.Close()
	fmt.Println(s.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}
