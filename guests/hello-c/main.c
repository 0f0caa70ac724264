/*
 * hello-c: a CGI guest in C. What the server tells it stands in the environment, what it prints is the response: fields,
 * an empty line, then the content.
 *
 * It must not print anything that a client sent: that would need escaping, which env shows.
 */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    const char *server = getenv("SERVER_SOFTWARE");

    printf("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    printf("Hello from C behind %s.\n", server != NULL ? server : "a server without a name");
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
