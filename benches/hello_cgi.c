/*
 * The CGI program of `make bench` in C. It is compiled twice from this one
 * file: for this machine, to run under mod_cgid, and for WASI, to run under
 * mod_wasm. Must answer what hello_cgi.rs and mod_bench_native.c answer.
 */
#include <stdio.h>

int main(void)
{
    fputs("Content-Type: text/plain\r\n\r\nHello, world!\n", stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
