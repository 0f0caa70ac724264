/*
 * probe-c: the test guest in C. QUERY_STRING chooses what it does:
 *
 *   echo      (or nothing) copies CONTENT_LENGTH bytes of stdin, or all of it when there is no length, to stdout
 *   div0      divides a signed integer by zero, which is a trap of its own in WebAssembly
 *   overflow  calls itself without end
 *   exit=N    answers, then exits with status N
 *   inodes    lists /data and tells how many entries have the number and the kind that lstat gives, and how many have not
 *
 * Anything else: a line on stderr and exit status 64. It must not decode or escape: tests send these exact words.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* volatile: the compiler may not know the values, so the instruction stays in the program. */
static volatile int one = 1;
static volatile int zero = 0;
static volatile unsigned end_of_recursion = 0;

static void head(void)
{
    fputs("Content-Type: application/octet-stream\r\n\r\n", stdout);
}

static int echo(void)
{
    static char piece[65536];
    const char *length = getenv("CONTENT_LENGTH");
    unsigned long long left = length != NULL ? strtoull(length, NULL, 10) : ~0ULL;
    size_t got;

    head();
    while (left > 0) {
        size_t want = left < sizeof piece ? (size_t)left : sizeof piece;

        got = fread(piece, 1, want, stdin);
        if (got == 0)
            break;
        if (fwrite(piece, 1, got, stdout) != got)
            return EXIT_FAILURE;
        left -= got;
    }
    if (length != NULL && left > 0)
        fprintf(stderr, "body ended %llu bytes early\n", left);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int inodes(void)
{
    int same = 0, other = 0;
    struct dirent *entry;
    DIR *data = opendir("/data");

    if (data == NULL) {
        perror("/data");
        return EXIT_FAILURE;
    }
    while ((entry = readdir(data)) != NULL) {
        char path[512];
        struct stat about;

        snprintf(path, sizeof path, "/data/%s", entry->d_name);
        if (strcmp(entry->d_name, "..") == 0 || lstat(path, &about) != 0)
            continue;
        if (about.st_ino == entry->d_ino && S_ISDIR(about.st_mode) == (entry->d_type == DT_DIR))
            same++;
        else
            other++;
    }
    closedir(data);
    head();
    printf("same=%d other=%d\n", same, other);
    return EXIT_SUCCESS;
}

/* The work after the call keeps it from becoming a loop. */
static unsigned overflow(unsigned depth)
{
    if (depth == end_of_recursion)
        return depth;
    return (overflow(depth + 1) << 1) ^ depth;
}

int main(void)
{
    const char *query = getenv("QUERY_STRING");

    if (query == NULL || *query == '\0' || strcmp(query, "echo") == 0)
        return echo();
    if (strcmp(query, "div0") == 0)
        return one / zero;
    if (strcmp(query, "inodes") == 0)
        return inodes();
    if (strcmp(query, "overflow") == 0)
        return (int)overflow(1);
    if (strncmp(query, "exit=", 5) == 0) {
        head();
        puts("answered");
        exit(atoi(query + 5));
    }
    fprintf(stderr, "unknown query: %s\n", query);
    return 64;
}
