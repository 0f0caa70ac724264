/*
 * embed: runs a guest without any web server: standard input is the request's body, standard output takes the response.
 *
 *   embed <module> [<QUERY_STRING> [<timeout in milliseconds>]]     may be followed by more such triples after a --
 *
 * It is C and C++ at the same time, because wasm_runtime.h promises to be. It must not use anything of the library but
 * that header. Exit status: 0 when every guest has run, 1 when the library refused one, 2 for a wrong call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasm_runtime.h"

static wrt_flow read_body(void *ctx, uint8_t *buf, size_t cap, size_t *n)
{
    (void)ctx;
    /* The client may be waiting for what the guest has written before it sends more. */
    if (fflush(stdout) != 0)
        return WRT_CLOSED;
    /* One line at a time, so that the test can be in lock-step with the guest. */
    if (cap < 2 || fgets((char *)buf, (int)(cap < 4096 ? cap : 4096), stdin) == NULL) {
        *n = 0;
        return WRT_CONTINUE;
    }
    *n = strlen((char *)buf);
    return WRT_CONTINUE;
}

static wrt_flow write_body(void *ctx, const uint8_t *buf, size_t n, bool flush)
{
    size_t *total = (size_t *)ctx;

    *total += n;
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
    wrt_ops ops;
    wrt_bytes args[1];
    wrt_variable env[1];
    size_t total = 0;
    wrt_status status;

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

    memset(&ops, 0, sizeof ops);
    ops.size = sizeof ops;
    ops.read_body = read_body;
    ops.write_body = write_body;
    ops.log = log_line;
    ops.aborted = aborted;

    status = wrt_exchange_run(guest, &request, &ops, &total, &outcome, &error);
    if (status != WRT_OK)
        return refused("run", status, error);
    fflush(stdout);
    fprintf(stderr, "end %d exit %u bytes %lu detail %s\n", (int)outcome.end, (unsigned)outcome.exit_status,
            (unsigned long)total, outcome.detail != NULL ? outcome.detail : "-");
    wrt_outcome_clear(&outcome);
    return 0;
}

static int load_and_run(const wrt_engine *engine, const char *module, const char *query, uint64_t timeout)
{
    wrt_error *error = NULL;
    wrt_guest *guest = NULL;
    wrt_kind kind;
    wrt_status status;
    int result;

    status = wrt_check(module, 64u << 20, NULL, &kind, &error);
    if (status != WRT_OK)
        return refused("check", status, error);
    status = wrt_guest_load(engine, module, &guest, &error);
    if (status != WRT_OK)
        return refused("load", status, error);
    fprintf(stderr, "kind %d %d\n", (int)kind, (int)wrt_guest_kind(guest));
    result = run(guest, query, timeout);
    wrt_guest_free(guest);
    return result;
}

int main(int argc, char **argv)
{
    wrt_error *error = NULL;
    wrt_engine *engine = NULL;
    wrt_engine_options options;
    wrt_status status;
    int at, result = 0;

    if (argc < 2)
        return 2;
    if (wrt_abi_version() != WRT_ABI_VERSION) {
        fprintf(stderr, "abi %u, wanted %u\n", (unsigned)wrt_abi_version(), (unsigned)WRT_ABI_VERSION);
        return 1;
    }
    fprintf(stderr, "version %s\n", wrt_version());

    memset(&options, 0, sizeof options);
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

    for (at = 1; at < argc; at++) {
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
    wrt_engine_stop(engine);
    wrt_engine_free(engine);
    return result;
}
