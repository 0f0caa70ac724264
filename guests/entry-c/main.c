/*
 * entry-c: a test guest with more than one entry point, for WasmEntryPoint.
 *
 * `_start` calls main, `respond` answers by another name, `broken` ends in a trap, and `add` has a type that no entry point may
 * have. Without a word about CGI: run it with WasmEnableCGI Off.
 */
#include <stdio.h>

int main(void)
{
    return puts("this is _start") < 0;
}

__attribute__((export_name("respond"))) void respond(void)
{
    puts("this is respond");
    fflush(stdout);
}

__attribute__((export_name("broken"))) void broken(void)
{
    __builtin_trap();
}

__attribute__((export_name("add"))) int add(int left, int right)
{
    return left + right;
}
