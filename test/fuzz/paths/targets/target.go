// A Go program with a secret at /admin and below. Argument: port.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	mux := http.NewServeMux()
	secret := func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "SECRET") }
	mux.HandleFunc("/admin", secret)
	mux.HandleFunc("/admin/", secret)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "open") })
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], mux); err != nil {
		panic(err)
	}
}
