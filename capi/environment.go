package main

// #include <stdlib.h>
import "C"

import (
	"os"
	"unsafe"

	"ddcore/core"
)

// updateEnvironment takes over what the host has changed since Go last looked.
func updateEnvironment() error {
	for _, name := range core.Variables {
		key := C.CString(name)
		value := C.getenv(key)
		C.free(unsafe.Pointer(key))
		old, was := os.LookupEnv(name)
		var err error
		switch {
		case value == nil && was:
			err = os.Unsetenv(name)
		case value != nil && (!was || C.GoString(value) != old):
			err = os.Setenv(name, C.GoString(value))
		}
		if err != nil {
			return internalError(err)
		}
	}
	return nil
}
