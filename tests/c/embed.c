/*
 * embed: runs a guest without any web server: standard input is the request's body, standard output takes the response's.
 *
 *   embed [--cache <directory>] <module> [<query> [<timeout in milliseconds>]]     may be followed by more such triples
 *                                                                                  after a --
 *
 * With a cache, guests are loaded and run in a forked process, as servers do it.
 *
 * A command gets the query as QUERY_STRING, an http guest as the path of a POST. Heads, log lines and outcomes go to
 * standard error.
 *
 * It is C and C++ at the same time, because wasm_runtime.h promises to be. It must not use anything of the library but
 * that header. Exit status: 0 when every guest has run, 1 when the library refused one, 2 for a wrong call.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wasm_runtime.h"

/* One run: how much was written, and whether standard input is at its end. */
typedef struct {
    size_t total;
    bool ended;
} run_state;

static wrt_flow read_body(void *ctx, uint8_t *buf, size_t cap, bool wait, size_t *n)
{
    run_state *state = (run_state *)ctx;
    struct pollfd input;
    ssize_t got;

    *n = 0;
    if (state->ended)
        return WRT_CONTINUE;
    /* The client may be waiting for what the guest has written before it sends more. */
    if (fflush(stdout) != 0)
        return WRT_CLOSED;
    input.fd = STDIN_FILENO;
    input.events = POLLIN;
    input.revents = 0;
    if (!wait && poll(&input, 1, 0) == 0)
        return WRT_LATER;
    got = read(STDIN_FILENO, buf, cap);
    if (got < 0)
        return WRT_CLOSED;
    state->ended = got == 0;
    *n = (size_t)got;
    return WRT_CONTINUE;
}

static void wait_for_more(void *ctx, int wake_fd, uint32_t timeout_ms)
{
    run_state *state = (run_state *)ctx;
    struct pollfd both[2];

    fflush(stdout);
    both[0].fd = wake_fd;
    both[0].events = POLLIN;
    both[1].fd = STDIN_FILENO;
    both[1].events = POLLIN;
    poll(both, state->ended ? 1 : 2, timeout_ms > 60000 ? 60000 : (int)timeout_ms);
}

static void read_trailers(void *ctx, const wrt_field **fields, size_t *n)
{
    static wrt_field trailer;

    (void)ctx;
    trailer.name.data = (const uint8_t *)"x-end";
    trailer.name.len = 5;
    trailer.value.data = (const uint8_t *)"1";
    trailer.value.len = 1;
    *fields = &trailer;
    *n = 1;
}

static void print_fields(const char *word, const wrt_field *fields, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        fprintf(stderr, "%s %.*s: %.*s\n", word, (int)fields[i].name.len, (const char *)fields[i].name.data,
                (int)fields[i].value.len, (const char *)fields[i].value.data);
}

static wrt_flow send_head(void *ctx, uint16_t status, const wrt_field *fields, size_t n)
{
    (void)ctx;
    fprintf(stderr, "head %u\n", (unsigned)status);
    print_fields("field", fields, n);
    return WRT_CONTINUE;
}

static wrt_flow end_response(void *ctx, const wrt_field *trailers, size_t n, bool flush)
{
    (void)ctx;
    fprintf(stderr, "whole\n");
    print_fields("trailer", trailers, n);
    return flush && fflush(stdout) != 0 ? WRT_CLOSED : WRT_CONTINUE;
}

static wrt_flow write_body(void *ctx, const uint8_t *buf, size_t n, bool flush)
{
    run_state *state = (run_state *)ctx;

    state->total += n;
    if (n > 0 && fwrite(buf, 1, n, stdout) != n)
        return WRT_CLOSED;
    if (flush && fflush(stdout) != 0)
        return WRT_CLOSED;
    return WRT_CONTINUE;
}

static void log_line(void *ctx, wrt_log_level level, const uint8_t *text, size_t n)
{
    (void)ctx;
    fprintf(stderr, "log %d %.*s\n", (int)level, (int)n, (const char *)text);
}

static bool aborted(void *ctx)
{
    (void)ctx;
    return false;
}

static int refused(const char *what, wrt_status status, wrt_error *error)
{
    const char *message = wrt_error_message(error);

    fprintf(stderr, "%s refused %d %s\n", what, (int)status, message != NULL ? message : "");
    wrt_error_free(error);
    return 1;
}

static wrt_bytes bytes(const char *text)
{
    wrt_bytes result;

    result.data = (const uint8_t *)text;
    result.len = strlen(text);
    return result;
}

static int run(const wrt_guest *guest, const char *query, uint64_t timeout)
{
    wrt_error *error = NULL;
    wrt_outcome outcome;
    wrt_request request;
    wrt_http http;
    wrt_field field;
    wrt_ops ops;
    wrt_bytes args[1];
    wrt_variable env[1];
    run_state state;
    wrt_status status;
    wrt_kind kind = wrt_guest_kind(guest);

    memset(&request, 0, sizeof request);
    request.size = sizeof request;
    args[0] = bytes("embedded");
    request.args = args;
    request.args_len = 1;
    env[0].name = bytes("QUERY_STRING");
    env[0].value = bytes(query);
    request.env = env;
    request.env_len = 1;
    request.timeout_ms = timeout;
    request.memory_limit = 64 * 1024 * 1024;
    request.max_open_files = 16;

    memset(&http, 0, sizeof http);
    http.size = sizeof http;
    http.method = bytes("POST");
    http.scheme = bytes("http");
    http.authority = bytes("embed.example");
    http.path = bytes(query);
    field.name = bytes("X-Field");
    field.value = bytes("value");
    http.fields = &field;
    http.fields_len = 1;
    if (kind == WRT_KIND_PROXY_P2 || kind == WRT_KIND_SERVICE_P3)
        request.http = &http;

    memset(&ops, 0, sizeof ops);
    ops.size = sizeof ops;
    ops.read_body = read_body;
    ops.wait = wait_for_more;
    ops.read_trailers = read_trailers;
    ops.send_head = send_head;
    ops.write_body = write_body;
    ops.end_response = end_response;
    ops.log = log_line;
    ops.aborted = aborted;

    memset(&state, 0, sizeof state);
    status = wrt_exchange_run(guest, &request, &ops, &state, &outcome, &error);
    if (status != WRT_OK)
        return refused("run", status, error);
    fflush(stdout);
    fprintf(stderr, "end %d exit %u bytes %lu detail %s\n", (int)outcome.end, (unsigned)outcome.exit_status,
            (unsigned long)state.total, outcome.detail != NULL ? outcome.detail : "-");
    wrt_outcome_clear(&outcome);
    return 0;
}

static void phase(void *ctx, wrt_phase what, uint64_t elapsed_ms)
{
    if (what == WRT_PHASE_COMPILING && elapsed_ms == 0)
        ++*(int *)ctx;
}

static void trouble(void *ctx, wrt_trouble what, const uint8_t *text, size_t n)
{
    (void)ctx;
    fprintf(stderr, "trouble %d %.*s\n", (int)what, (int)n, (const char *)text);
}

static int load_and_run(const wrt_engine *engine, const char *module, const char *query, uint64_t timeout)
{
    wrt_error *error = NULL;
    wrt_guest *guest = NULL;
    wrt_source source = WRT_SOURCE_COMPILED;
    wrt_load_options options;
    wrt_kind kind;
    wrt_status status;
    int result, compiling = 0;

    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.background = true;
    options.phase = phase;
    options.trouble = trouble;
    options.ctx = &compiling;
    status = wrt_check(module, 64u << 20, false, NULL, NULL, &kind, &error);
    if (status != WRT_OK)
        return refused("check", status, error);
    status = wrt_guest_load(engine, module, &options, &guest, &source, &error);
    if (status != WRT_OK)
        return refused("load", status, error);
    fprintf(stderr, "source %d compiling %d\n", (int)source, compiling);
    fprintf(stderr, "kind %d %d\n", (int)kind, (int)wrt_guest_kind(guest));
    result = run(guest, query, timeout);
    wrt_guest_free(guest);
    return result;
}

static int all(const wrt_engine *engine, int argc, char **argv)
{
    int at, result = 0;

    for (at = 0; at < argc; at++) {
        const char *module = argv[at], *query = "";
        uint64_t timeout = 30000;

        if (at + 1 < argc && strcmp(argv[at + 1], "--") != 0)
            query = argv[++at];
        if (at + 1 < argc && strcmp(argv[at + 1], "--") != 0)
            timeout = strtoull(argv[++at], NULL, 10);
        result |= load_and_run(engine, module, query, timeout);
        if (at + 1 < argc)
            at++;
    }
    return result;
}

/* As all(), in a process of its own. */
static int all_forked(const wrt_engine *engine, int argc, char **argv)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        exit(all(engine, argc, argv));
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    wrt_error *error = NULL;
    wrt_engine *engine = NULL;
    wrt_engine_options options;
    wrt_cache_options cache;
    wrt_status status;
    int result;

    argc--, argv++;
    memset(&options, 0, sizeof options);
    if (argc > 1 && strcmp(argv[0], "--cache") == 0) {
        memset(&cache, 0, sizeof cache);
        cache.size = sizeof cache;
        cache.directory = argv[1];
        cache.max_bytes = 64 * 1024 * 1024;
        cache.children_uid = cache.children_gid = UINT32_MAX;
        options.cache = &cache;
        argc -= 2, argv += 2;
    }
    if (argc < 1)
        return 2;
    if (wrt_abi_version() != WRT_ABI_VERSION) {
        fprintf(stderr, "abi %u, wanted %u\n", (unsigned)wrt_abi_version(), (unsigned)WRT_ABI_VERSION);
        return 1;
    }
    fprintf(stderr, "version %s\n", wrt_version());

    options.max_instances = 2;
    options.memory_limit = 64 * 1024 * 1024;
    status = wrt_engine_new(&options, &engine, &error);
    if (status == WRT_OK) {
        fprintf(stderr, "options without a size were taken\n");
        return 1;
    }
    refused("engine", status, error);
    error = NULL;
    options.size = sizeof options;
    status = wrt_engine_new(&options, &engine, &error);
    if (status != WRT_OK)
        return refused("engine", status, error);
    status = wrt_signals_install(&error);
    if (status != WRT_OK)
        return refused("signals", status, error);

    if (wrt_cache_prepare(engine, &error) != WRT_OK)
        return refused("cache", WRT_ERR_IO, error);
    result = options.cache == NULL ? all(engine, argc, argv) : all_forked(engine, argc, argv);
    wrt_engine_stop(engine);
    wrt_engine_free(engine);
    return result;
}
