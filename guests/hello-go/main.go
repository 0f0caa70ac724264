// hello-go: a CGI guest in Go. net/http/cgi makes a request of the environment and of standard input, and writes what the
// handler answers as a CGI response, so a handler that was written for a server of its own runs here as it is.
//
// It must not know which server runs it. What a client sent is shown as plain text and never as HTML.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"sort"
)

// The largest body that is taken, in bytes.
const limit = 1 << 20

func main() {
	if err := cgi.Serve(http.HandlerFunc(answer)); err != nil {
		fmt.Fprintln(os.Stderr, "hello-go:", err)
		os.Exit(1)
	}
}

// answer greets, says what was asked for, and lists the fields of a form or counts the bytes of any other body.
func answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	rest, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Hello from Go behind %s.\n", os.Getenv("SERVER_SOFTWARE"))
	fmt.Fprintf(w, "%s %s of %s\n", r.Method, r.URL.Path, r.Host)
	names := make([]string, 0, len(r.Form))
	for name := range r.Form {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(w, "field %s=%s\n", name, r.Form.Get(name))
	}
	if rest > 0 {
		fmt.Fprintf(w, "%d bytes of %s\n", rest, r.Header.Get("Content-Type"))
	}
}
