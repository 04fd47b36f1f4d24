// Command check tells whether libpeft can be used; tests run it with libraries that cannot.
package main

import (
	"fmt"
	"os"

	"libpeft.org/go/peft"
)

func main() {
	context, err := peft.NewContext(nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	context.Close()
	fmt.Println("libpeft", peft.Version())
}
