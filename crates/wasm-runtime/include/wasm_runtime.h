/*
 * wasm_runtime.h - run WebAssembly programs as the handlers of requests.
 *
 * The C ABI of libwasm_runtime.so. It knows no server: whoever serves a request lends the guest a few
 * callbacks and gets an outcome. In short:
 *
 *   wrt_engine_new(&options, &engine, &error)      once, before forking
 *   wrt_cache_prepare(engine, &error)              where compiled programs are to be kept
 *   wrt_guest_load(engine, path, NULL, &guest, NULL, &error)
 *                                                  once for each program
 *   wrt_signals_install(&error)                    once in each process that runs guests
 *   wrt_exchange_run(guest, &request, &ops, ctx, &outcome, &error)
 *                                                  for each request, from any thread; it blocks
 *   wrt_guest_free(guest), wrt_engine_free(engine) guests first
 *
 * One request of a command (its response is its standard output):
 *   read_body(ctx, buf, cap, true, &n)  the guest reads its standard input; n == 0 is the end
 *   write_body(ctx, buf, n, flush)      the guest writes its standard output
 *
 * One request of an http guest (request.http says what is asked):
 *   read_body(ctx, buf, cap, false, &n) more of the request body, or WRT_LATER
 *   wait(ctx, wake_fd, timeout_ms)      nothing else to do until there is more
 *   read_trailers(ctx, &fields, &n)     at the body's end
 *   send_head(ctx, status, fields, n)   once
 *   write_body(ctx, buf, n, flush)      the response body
 *   end_response(ctx, trailers, n, flush) once; the guest may go on with other work
 *
 * Both:
 *   log(ctx, level, text, n)            a line for the log
 *   aborted(ctx)                        has the client gone?
 *
 * 1. Callbacks run on the thread that called wrt_exchange_run, never after it has returned. A command's
 *    run on the guest's stack, which has about 1 MiB for them.
 * 2. Everything passed to a callback is borrowed for that call; everything in a request for the run.
 * 3. Callbacks may block; what they wait does not count as the guest's time. They must not unwind.
 * 4. A callback that answers WRT_CLOSED stops the guest.
 * 5. Handles and errors are owned by the caller and freed by the function named after them. Handles
 *    may be shared by threads.
 * 6. Options, requests and ops start with their size; a library of another ABI version refuses them.
 *    Compare wrt_abi_version() with WRT_ABI_VERSION before anything else.
 * 7. Status, kind and end numbers are never reused.
 */


#ifndef WASM_RUNTIME_H
#define WASM_RUNTIME_H

/* Generated from crates/wasm-runtime/src/capi by `make bless`. Do not edit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of this ABI. It grows by one whenever a change breaks a caller built against the
 * header of the version before; additions do not change it.
 */
#define WRT_ABI_VERSION 4

/**
 * The result of a call. 0 is success; the other numbers never change their meaning.
 */
typedef enum {
    /**
     * Success.
     */
    WRT_OK = 0,
    /**
     * A file could not be read.
     */
    WRT_ERR_IO = 1,
    /**
     * The file is not WebAssembly.
     */
    WRT_ERR_NOT_WASM = 2,
    /**
     * The file is WebAssembly but not valid, or uses a feature that is not enabled.
     */
    WRT_ERR_INVALID = 3,
    /**
     * An import of the program is unknown here or has another type.
     */
    WRT_ERR_UNLINKABLE = 4,
    /**
     * The program does not export the entry point.
     */
    WRT_ERR_NO_ENTRY_POINT = 5,
    /**
     * A valid program of a kind that can not be run.
     */
    WRT_ERR_UNSUPPORTED_KIND = 6,
    /**
     * No instance was free within the waiting time.
     */
    WRT_ERR_BUSY = 7,
    /**
     * A mounted directory could not be opened.
     */
    WRT_ERR_MOUNT = 8,
    /**
     * The engine could not be created or prepared.
     */
    WRT_ERR_ENGINE = 9,
    /**
     * A panic in the library was caught at its boundary.
     */
    WRT_ERR_PANIC = 10,
    /**
     * The caller broke the contract: null pointer, wrong size, text that is not UTF-8.
     */
    WRT_ERR_USAGE = 11,
    /**
     * The HTTP request has a method, an authority or a path that HTTP does not know.
     */
    WRT_ERR_BAD_REQUEST = 12,
    /**
     * The request's private directory could not be made.
     */
    WRT_ERR_TEMP_DIR = 13,
    /**
     * Reading, checking or compiling the program takes more than it may, or ended the process that did it.
     */
    WRT_ERR_COMPILE_LIMIT = 14,
    /**
     * The program is not in the cache, and it was not to be compiled.
     */
    WRT_ERR_NOT_CACHED = 15,
    /**
     * The guest may have fewer files open than it is given directories, or the process has too few descriptors left.
     */
    WRT_ERR_OPEN_FILES = 16,
} wrt_status;

/**
 * What kind of program a guest is. The numbers never change their meaning.
 */
typedef enum {
    /**
     * A core module for WASI preview 1 with an entry point.
     */
    WRT_KIND_COMMAND_P1 = 1,
    /**
     * A component that exports `wasi:cli/run` 0.2.
     */
    WRT_KIND_COMMAND_P2 = 2,
    /**
     * A component that exports `wasi:cli/run` 0.3.
     */
    WRT_KIND_COMMAND_P3 = 3,
    /**
     * A component that exports `wasi:http/incoming-handler` 0.2.
     */
    WRT_KIND_PROXY_P2 = 4,
    /**
     * A component that exports `wasi:http/handler` 0.3.
     */
    WRT_KIND_SERVICE_P3 = 5,
} wrt_kind;

/**
 * A callback's answer.
 */
typedef enum {
    /**
     * Done; go on.
     */
    WRT_CONTINUE = 0,
    /**
     * Stop the guest: the client is gone, or nothing more is wanted from it.
     */
    WRT_CLOSED = 1,
    /**
     * Nothing has come yet; only from `read_body` when it was not to wait.
     */
    WRT_LATER = 2,
} wrt_flow;

/**
 * How grave a line of the guest is.
 */
typedef enum {
    /**
     * A line the guest wrote to its standard error, or an http guest to its standard output.
     */
    WRT_LOG_STDERR = 0,
    /**
     * A message of the guest through `wasi:logging`, at its level `trace`.
     */
    WRT_LOG_TRACE = 1,
    /**
     * The same, `debug`.
     */
    WRT_LOG_DEBUG = 2,
    /**
     * The same, `info`.
     */
    WRT_LOG_INFO = 3,
    /**
     * The same, `warn`.
     */
    WRT_LOG_WARN = 4,
    /**
     * The same, `error`.
     */
    WRT_LOG_ERROR = 5,
    /**
     * The same, `critical`.
     */
    WRT_LOG_CRITICAL = 6,
    /**
     * Not the guest's: the engine refused the guest a connection; the text says which one and what
     * destination would allow it.
     */
    WRT_LOG_DENIED = 7,
    /**
     * Not the guest's: the engine refused to open a file, a directory or a socket, since the guest has
     * `max_open_files` of them. Told once per instance.
     */
    WRT_LOG_FILE_LIMIT = 8,
    /**
     * The same, since the process has few descriptors left. Told once per instance, and not more than once a
     * second by a process.
     */
    WRT_LOG_FILE_RESERVE = 9,
} wrt_log_level;

/**
 * How a run ended. The numbers never change their meaning.
 */
typedef enum {
    /**
     * The guest returned, or exited with status 0.
     */
    WRT_END_COMPLETED = 0,
    /**
     * The guest exited with another status.
     */
    WRT_END_EXITED = 1,
    /**
     * The guest trapped.
     */
    WRT_END_TRAPPED = 2,
    /**
     * The guest took longer than its time.
     */
    WRT_END_TIMED_OUT = 3,
    /**
     * The guest asked for more memory than its limit and then trapped.
     */
    WRT_END_LIMIT_REACHED = 4,
    /**
     * The client went away, or a callback answered WRT_CLOSED.
     */
    WRT_END_CLIENT_GONE = 5,
    /**
     * The guest could not be instantiated.
     */
    WRT_END_NOT_STARTED = 6,
    /**
     * An http guest returned without a response.
     */
    WRT_END_NO_RESPONSE = 7,
    /**
     * An http guest answered with an error code instead of a response, or its response's body was not
     * whole or not as long as its Content-Length says.
     */
    WRT_END_BAD_RESPONSE = 8,
    /**
     * The guest put more into its private directory than `wrt_temp_dir` allows.
     */
    WRT_END_TEMP_DIR_FULL = 9,
} wrt_end;

/**
 * What takes time while a program is loaded. The numbers never change their meaning.
 */
typedef enum {
    /**
     * It is being compiled.
     */
    WRT_PHASE_COMPILING = 1,
    /**
     * It waits while others are being compiled; another process may be at the same one.
     */
    WRT_PHASE_WAITING = 2,
} wrt_phase;

/**
 * What went wrong with the cache; the program is loaded all the same. The numbers never change their
 * meaning.
 */
typedef enum {
    /**
     * A file in the cache was not what had been written there. It has been removed.
     */
    WRT_TROUBLE_DAMAGED = 1,
    /**
     * The compiled program could not be kept.
     */
    WRT_TROUBLE_NOT_KEPT = 2,
} wrt_trouble;

/**
 * Where a program came from. The numbers never change their meaning.
 */
typedef enum {
    /**
     * It was compiled.
     */
    WRT_SOURCE_COMPILED = 1,
    /**
     * Out of the cache.
     */
    WRT_SOURCE_CACHE = 2,
} wrt_source;

/**
 * The engine of a process: the compiled programs' memory, the pool of instances.
 */
typedef struct wrt_engine wrt_engine;

/**
 * An error: owned by whoever received it, freed with `wrt_error_free`.
 */
typedef struct wrt_error wrt_error;

/**
 * A loaded program. Any number of threads may run it at once.
 */
typedef struct wrt_guest wrt_guest;

/**
 * A permit. It is given back when it is freed, or when the process ends, however it ends.
 */
typedef struct wrt_permit wrt_permit;

/**
 * How programs of strangers are read, checked and compiled: in a process of their own, the executable
 * `wasm_runtime_helper`, which gets the program by descriptor, has no privileges, opens no file and no connection, and is
 * bounded by the kernel. One that reaches a limit, or makes the helper crash, is an error of that program
 * (WRT_ERR_COMPILE_LIMIT) and of nothing else.
 */
typedef struct {
    /**
     * `sizeof(wrt_compiler_options)`.
     */
    size_t size;
    /**
     * The helper's executable, absolute, UTF-8; NULL: the one beside this library.
     */
    const char *helper;
    /**
     * Processor time that one program may take, milliseconds.
     */
    uint64_t time_ms;
    /**
     * Memory that one program may take, bytes.
     */
    uint64_t memory;
    /**
     * Maximum size of a program, bytes.
     */
    uint64_t program_size;
    /**
     * User that the helper becomes where this process is root, never root itself; `UINT32_MAX`: nobody.
     */
    uint32_t uid;
    /**
     * Its group; it counts only with a user.
     */
    uint32_t gid;
} wrt_compiler_options;

/**
 * Where compiled programs are kept.
 */
typedef struct {
    /**
     * `sizeof(wrt_cache_options)`.
     */
    size_t size;
    /**
     * The directory, absolute, UTF-8. It is made when it is missing; its parent must be there. It is used only if
     * it belongs to root or to this process's user and nobody else can write it.
     */
    const char *directory;
    /**
     * How many bytes of compiled programs each user's part may hold; the least recently used ones
     * give way.
     */
    uint64_t max_bytes;
    /**
     * User of the processes that will be forked; `UINT32_MAX`: the one of this process.
     */
    uint32_t children_uid;
    /**
     * Their group; it counts only with a user.
     */
    uint32_t children_gid;
} wrt_cache_options;

/**
 * How to make an engine.
 */
typedef struct {
    /**
     * `sizeof(wrt_engine_options)`.
     */
    size_t size;
    /**
     * How many guests may run at once in one process; at least 1.
     */
    uint32_t max_instances;
    /**
     * The largest memory limit that a request will have, bytes.
     */
    uint64_t memory_limit;
    /**
     * Where compiled programs are kept; NULL: they are not. Read during the call only.
     */
    const wrt_cache_options *cache;
    /**
     * How programs are read, checked and compiled in a process of their own; NULL: in this one, for programs that are trusted.
     * Read during the call only.
     */
    const wrt_compiler_options *compiler;
    /**
     * Whether guests may keep objects on a garbage-collected heap; exceptions they may throw in any case.
     */
    bool garbage_collection;
} wrt_engine_options;

/**
 * A borrowed run of bytes, which need not be NUL-terminated. `data` may be NULL when `len` is 0.
 */
typedef struct {
    /**
     * The first byte.
     */
    const uint8_t *data;
    /**
     * How many there are.
     */
    size_t len;
} wrt_bytes;

/**
 * A name and its value.
 */
typedef struct {
    /**
     * The name; no NUL, no `=`.
     */
    wrt_bytes name;
    /**
     * The value; no NUL.
     */
    wrt_bytes value;
} wrt_variable;

/**
 * A host directory that the guest may use under another name.
 */
typedef struct {
    /**
     * The directory on the host, UTF-8.
     */
    wrt_bytes host;
    /**
     * Its name for the guest, UTF-8.
     */
    wrt_bytes guest;
    /**
     * Whether the guest may only read.
     */
    bool read_only;
} wrt_mount;

/**
 * An empty directory for the request, whose content is removed when the guest has ended, however it ends. With `wrt_reuse`
 * it belongs to the instance.
 */
typedef struct {
    /**
     * `sizeof(wrt_temp_dir)`.
     */
    size_t size;
    /**
     * Its name for the guest, UTF-8. No mount may have the same.
     */
    wrt_bytes guest;
    /**
     * The directory on the host in which it is made, UTF-8. The process makes one directory there, which `wrt_engine_stop`
     * removes and, if the process is killed, the next process that makes one there.
     */
    wrt_bytes base;
    /**
     * Bytes that its files may take on the disk. The guest is stopped soon after it has passed them.
     */
    uint64_t max_bytes;
    /**
     * How many files and directories it may hold.
     */
    uint32_t max_files;
} wrt_temp_dir;

/**
 * A header field or a trailer field: any bytes that HTTP allows.
 */
typedef struct {
    /**
     * The name.
     */
    wrt_bytes name;
    /**
     * The value.
     */
    wrt_bytes value;
} wrt_field;

/**
 * The HTTP request that an http guest answers.
 */
typedef struct {
    /**
     * `sizeof(wrt_http)`.
     */
    size_t size;
    /**
     * The method, such as `GET`.
     */
    wrt_bytes method;
    /**
     * `http` or `https`.
     */
    wrt_bytes scheme;
    /**
     * Host and port as the client named them; what `:authority` or `Host` says.
     */
    wrt_bytes authority;
    /**
     * The path and the query, exactly as received.
     */
    wrt_bytes path;
    /**
     * The header fields in the order received; a repeated one stands there as often.
     */
    const wrt_field *fields;
    /**
     * How many fields there are.
     */
    size_t fields_len;
} wrt_http;

/**
 * Where a guest may connect to, and how much.
 */
typedef struct {
    /**
     * `sizeof(wrt_outbound)`.
     */
    size_t size;
    /**
     * Destinations `[scheme://]host[:port]`: the scheme `http`, `https`, `tcp` or `udp` (without one: http
     * and https), a name, `*.name`, `*`, an address or a block of addresses, a port or `*`. Addresses that
     * are not public must be named as addresses. UTF-8.
     */
    const wrt_bytes *destinations;
    /**
     * How many destinations there are.
     */
    size_t destinations_len;
    /**
     * Milliseconds that one outgoing HTTP request may take, its response's body included.
     */
    uint64_t timeout_ms;
    /**
     * Bytes that the body of one response may have.
     */
    uint64_t max_body;
    /**
     * How many outgoing HTTP requests one instance may have under way.
     */
    uint32_t max_concurrent;
} wrt_outbound;

/**
 * Lets requests share an instance of an http guest, one after the other or, with WASI 0.3, at once.
 */
typedef struct {
    /**
     * `sizeof(wrt_reuse)`.
     */
    size_t size;
    /**
     * Only requests of the same guest with the same key share instances. The key must stand for
     * everything else in `wrt_request` but `http`, `timeout_ms` and `backtrace`: an instance keeps what the
     * first request gave it.
     */
    wrt_bytes key;
    /**
     * How many requests one instance serves; at least 1.
     */
    uint32_t max_requests;
    /**
     * How many it serves at once; at least 1. WASI 0.2 always has 1.
     */
    uint32_t max_concurrent;
    /**
     * Milliseconds that an instance without requests is kept.
     */
    uint64_t idle_ms;
} wrt_reuse;

/**
 * What one request gives to a guest. Everything is borrowed for the run.
 */
typedef struct {
    /**
     * `sizeof(wrt_request)`.
     */
    size_t size;
    /**
     * The argument vector, `argv[0]` included.
     */
    const wrt_bytes *args;
    /**
     * How many arguments there are.
     */
    size_t args_len;
    /**
     * The environment.
     */
    const wrt_variable *env;
    /**
     * How many variables there are.
     */
    size_t env_len;
    /**
     * The directories that the guest may use.
     */
    const wrt_mount *mounts;
    /**
     * How many directories there are.
     */
    size_t mounts_len;
    /**
     * A directory for this request alone; NULL for none.
     */
    const wrt_temp_dir *temp_dir;
    /**
     * The directory in which a command starts, as it calls it; NULL for none. Where one of the mounts holds it, it is given
     * once more as `.`, unless a directory is called so or `/`.
     */
    const char *cwd;
    /**
     * The exported function to call instead of the kind's own; NULL for that one.
     */
    const char *entry_point;
    /**
     * Milliseconds the guest may take; what it waits in `read_body` and `write_body` does not
     * count.
     */
    uint64_t timeout_ms;
    /**
     * Bytes that its memories and tables may take together.
     */
    uint64_t memory_limit;
    /**
     * The HTTP request, for http guests; NULL for commands.
     */
    const wrt_http *http;
    /**
     * The entries of the guest's `wasi:config` store, UTF-8.
     */
    const wrt_variable *config;
    /**
     * How many entries there are.
     */
    size_t config_len;
    /**
     * Where it may connect to; NULL for nowhere.
     */
    const wrt_outbound *outbound;
    /**
     * Whether it may share an instance; NULL for an instance of its own. Ignored for commands.
     */
    const wrt_reuse *reuse;
    /**
     * Whether `wrt_outcome` is to have the guest's stack when it fails: no work is done for a text that nobody reads.
     */
    bool backtrace;
    /**
     * How many files, directories and sockets it may have open, the directories that it is given included.
     */
    uint32_t max_open_files;
} wrt_request;

/**
 * What the server offers a running guest. The engine calls these on the thread that called
 * `wrt_exchange_run`, one at a time. They may block. They must not unwind (throw, panic, longjmp)
 * and must not keep any pointer they are given. None may be NULL, also where it is called for http guests
 * only.
 */
typedef struct {
    /**
     * `sizeof(wrt_ops)`.
     */
    size_t size;
    /**
     * Reads at most `cap` bytes of the request body into `buf` and sets `*n`; `*n == 0` is the end
     * of the body. May read less than `cap`. With `wait` it blocks until there is something, and should
     * flush pending output before; without, it may answer WRT_LATER.
     */
    wrt_flow (*read_body)(void *ctx, uint8_t *buf, size_t cap, bool wait, size_t *n);
    /**
     * Blocks until `read_body` may have more, the descriptor `wake_fd` can be read, or `timeout_ms`
     * milliseconds are over. Leaves the descriptor alone. It may return early. A guest waits here for its
     * client and for other things at once.
     */
    void (*wait)(void *ctx, int wake_fd, uint32_t timeout_ms);
    /**
     * Sets `*fields` and `*n` to the trailer fields of the request, which stay valid until the run has
     * ended. Called at most once, after the end of the body. Only for http guests.
     */
    void (*read_trailers)(void *ctx, const wrt_field **fields, size_t *n);
    /**
     * Takes the status and the header fields of the response. Only for http guests, and then once, before
     * `write_body`.
     */
    wrt_flow (*send_head)(void *ctx, uint16_t status, const wrt_field *fields, size_t n);
    /**
     * Takes all of the `n` bytes at `buf` for the response. With `flush`, all that was taken so far
     * must go out to the client now; such a call may carry no bytes.
     */
    wrt_flow (*write_body)(void *ctx, const uint8_t *buf, size_t n, bool flush);
    /**
     * The response is whole: takes its `n` trailer fields. With `flush` the guest has still work to do, and
     * the client must not wait for that. Only for http guests; a command's response is whole when the run
     * has ended well.
     */
    wrt_flow (*end_response)(void *ctx, const wrt_field *trailers, size_t n, bool flush);
    /**
     * Takes one line for the log, at most 8192 bytes, without a line end; any bytes.
     */
    void (*log)(void *ctx, wrt_log_level level, const uint8_t *text, size_t n);
    /**
     * Whether the client has gone. Asked about ten times a second while the guest runs or sleeps.
     */
    bool (*aborted)(void *ctx);
} wrt_ops;

/**
 * How a run ended and what to log of it.
 */
typedef struct {
    /**
     * How it ended.
     */
    wrt_end end;
    /**
     * The exit status, for WRT_END_EXITED.
     */
    uint32_t exit_status;
    /**
     * One line that says why; NULL when there is nothing to say.
     */
    char *detail;
    /**
     * The guest's stack, some lines of bounded length; NULL when there is none or the request does not ask for it.
     */
    char *backtrace;
    /**
     * Whether the memory limit refused the guest something.
     */
    bool memory_denied;
    /**
     * The most bytes that the guest's memories and tables took.
     */
    uint64_t peak_memory;
} wrt_outcome;

/**
 * How a program is loaded. Callbacks are made on the thread that loads; each may be NULL.
 */
typedef struct {
    /**
     * `sizeof(wrt_load_options)`.
     */
    size_t size;
    /**
     * Requests are being served meanwhile: compile at a lower priority than theirs.
     */
    bool background;
    /**
     * A phase has begun (0 milliseconds), or goes on, about every two seconds.
     */
    void (*phase)(void *ctx, wrt_phase phase, uint64_t elapsed_ms);
    /**
     * The cache is in trouble. The text is UTF-8, one line, borrowed for the call.
     */
    void (*trouble)(void *ctx, wrt_trouble trouble, const uint8_t *text, size_t n);
    /**
     * Passed to the callbacks.
     */
    void *ctx;
    /**
     * Whose program it is: one program of an owner is compiled at a time, in all processes that share the engine, and each
     * owner has a share of the cache. 0 is whoever runs the server, who waits for no other program of his and may fill the
     * cache.
     */
    uint32_t owner;
    /**
     * Not if it would have to be compiled: then the status is WRT_ERR_NOT_CACHED.
     */
    bool cached_only;
} wrt_load_options;

/**
 * A directory that the server keeps for itself.
 */
typedef struct {
    /**
     * Where it is, absolute; it need not be there yet.
     */
    wrt_bytes path;
    /**
     * What is in it, for messages, as half a sentence: `which holds the configuration`. UTF-8.
     */
    wrt_bytes holds;
    /**
     * Whether every directory in it is reserved too; those that contain it always are.
     */
    bool inside;
} wrt_reserved_dir;



#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the ABI that the loaded library implements. Compare it with
 * `WRT_ABI_VERSION` before any other call. Callable from any thread at any time.
 */
uint32_t wrt_abi_version(void);

/**
 * The versions of this library and of the Wasmtime in it, for a log: a static string.
 */
const char *wrt_version(void);

/**
 * Opens the engine's cache, and makes its directories as far as they are missing. Call it in the
 * process that made the engine, before it loads programs, and again before it loads others after a
 * while. Processes forked later inherit what is open. Without it, or when it fails (WRT_ERR_IO), the
 * engine works and compiles every program. An engine without a cache has nothing to open.
 *
 * # Safety
 * `engine` is a live engine; `error` is NULL or valid for a write.
 */
wrt_status wrt_cache_prepare(const wrt_engine *engine,
                             wrt_error **error);

/**
 * Validates the program in the file at `path` and its imports without generating code, and says
 * what kind it is. It starts no thread and touches no signal handler: any process may call it at
 * any time. `memory_limit` and `garbage_collection` are those that the engine will be made with. `entry_point` is the
 * exported function to call; NULL for the kind's own, and an empty string to leave it unchecked.
 * `compiler` says how strangers' programs are read; with NULL the program is trusted and read in this process.
 *
 * # Safety
 * `path` and `entry_point` are NUL-terminated strings (`entry_point` or NULL), `compiler` is NULL or points to options whose
 * `size` is set and whose pointers are valid, `kind` is NULL or valid for a write, `error` is NULL or valid for a write.
 */
wrt_status wrt_check(const char *path,
                     uint64_t memory_limit,
                     bool garbage_collection,
                     const char *entry_point,
                     const wrt_compiler_options *compiler,
                     wrt_kind *kind,
                     wrt_error **error);

/**
 * Makes an engine. Call it before the process forks or starts threads, if it ever does; guests run
 * in the children. It leaves the process's signal handlers as they were and no thread behind.
 * The caller owns `*engine` and frees it with `wrt_engine_free`, after all its guests.
 *
 * # Safety
 * `options` points to options whose `size` is set and whose pointers are valid; `engine` is valid for a write; `error` is NULL
 * or valid for a write.
 */
wrt_status wrt_engine_new(const wrt_engine_options *options,
                          wrt_engine **engine,
                          wrt_error **error);

/**
 * Why instances are made on demand, which is slower, instead of taken from a pool; NULL when
 * there is a pool. The text lives as long as the engine.
 *
 * # Safety
 * `engine` is NULL or an engine that has not been freed.
 */
const char *wrt_engine_unpooled(const wrt_engine *engine);

/**
 * Lets the background thread end that the first guest of this process started, and waits for it, at
 * most 100 milliseconds; removes what the process has on the disk for `wrt_temp_dir`, unless a guest
 * uses it. For a process that is about to end: a guest that still runs is no longer interrupted. It
 * waits for no lock, so a signal handler that ends the process may call it.
 *
 * # Safety
 * `engine` is NULL or an engine that has not been freed.
 */
void wrt_engine_stop(const wrt_engine *engine);

/**
 * Frees an engine. NULL is allowed. Guests loaded into it are freed before.
 *
 * # Safety
 * `engine` is NULL or an engine that has not been freed; it is not used again.
 */
void wrt_engine_free(wrt_engine *engine);

/**
 * One line that says what failed, UTF-8, without a line end. It lives as long as the error.
 * NULL for NULL.
 *
 * # Safety
 * `error` is NULL or an error of this library that has not been freed.
 */
const char *wrt_error_message(const wrt_error *error);

/**
 * Frees an error. NULL is allowed.
 *
 * # Safety
 * `error` is NULL or an error of this library that has not been freed; it is not used again.
 */
void wrt_error_free(wrt_error *error);

/**
 * The kind of a guest.
 *
 * # Safety
 * `guest` is a live guest.
 */
wrt_kind wrt_guest_kind(const wrt_guest *guest);

/**
 * Bytes of memory that a guest takes of this process alone, until it is freed: what is kept of it on the heap, and its code
 * where that is not in a cache. What its runs take is not in them.
 *
 * # Safety
 * `guest` is a live guest.
 */
uint64_t wrt_guest_memory(const wrt_guest *guest);

/**
 * Bytes of the compiled code of a guest. The file that it is in takes room on the disk until the guest is freed, even if the
 * cache has given it up.
 *
 * # Safety
 * `guest` is a live guest.
 */
uint64_t wrt_guest_code(const wrt_guest *guest);

/**
 * Frees a guest. NULL is allowed. No run of it may be under way.
 *
 * # Safety
 * `guest` is NULL or a guest that has not been freed; it is not used again.
 */
void wrt_guest_free(wrt_guest *guest);

/**
 * Runs a guest for one request and blocks until it has ended. All callbacks in `ops` are made on
 * the calling thread and none after this returns. With WRT_OK, `*outcome` says how it ended; its
 * texts are owned by the caller until `wrt_outcome_clear`. With any other status the guest has not
 * run.
 *
 * # Safety
 * `guest` is a live guest; `request` and `ops` point to structs whose `size` is set and whose
 * pointers stay valid during the call; `outcome` is valid for a write; `error` is NULL or valid
 * for a write.
 */
wrt_status wrt_exchange_run(const wrt_guest *guest,
                            const wrt_request *request,
                            const wrt_ops *ops,
                            void *ctx,
                            wrt_outcome *outcome,
                            wrt_error **error);

/**
 * The whole of the helper process: does the job that its arguments describe and returns the status to exit with. For the
 * executable `wasm_runtime_helper` alone, which must have one thread and call nothing else.
 *
 * # Safety
 * `argv` holds `argc` NUL-terminated strings.
 */
int wrt_helper_main(int argc,
                    const char *const *argv);

/**
 * Loads the program in the file at `path` and links it: out of the cache, or it is compiled. The
 * file is not needed afterwards. All threads and processes started for it have ended when it returns; they
 * take no signals. As many programs are compiled at once as there are processors, others wait, at most ten minutes
 * (WRT_ERR_BUSY). `options` may be
 * NULL. `*source` says where it came from; it may be NULL. The caller owns `*guest` and frees it with
 * `wrt_guest_free`. A process that serves requests may call it.
 *
 * # Safety
 * `engine` is a live engine, `path` a NUL-terminated string, `options` NULL or options whose `size`
 * is set and whose callbacks may be called with `ctx`, `guest` valid for a write, `source` and
 * `error` NULL or valid for a write.
 */
wrt_status wrt_guest_load(const wrt_engine *engine,
                          const char *path,
                          const wrt_load_options *options,
                          wrt_guest **guest,
                          wrt_source *source,
                          wrt_error **error);

/**
 * Frees the texts of an outcome and sets them to NULL.
 *
 * # Safety
 * `outcome` is NULL or an outcome that `wrt_exchange_run` has filled.
 */
void wrt_outcome_clear(wrt_outcome *outcome);

/**
 * Takes a permit of this number if fewer than `most` (at most 1024) are out, counted over all processes that were forked from
 * the one that made the engine. `*permit` is NULL if none is free; it never waits. What a number stands for is the caller's
 * business. The caller owns `*permit` and frees it with `wrt_permit_free`.
 *
 * # Safety
 * `engine` is a live engine, `permit` valid for a write, `error` NULL or valid for a write.
 */
wrt_status wrt_permit_take(const wrt_engine *engine,
                           uint32_t number,
                           uint32_t most,
                           wrt_permit **permit,
                           wrt_error **error);

/**
 * Gives a permit back. NULL is allowed.
 *
 * # Safety
 * `permit` is NULL or a permit that has not been freed; it is not used again.
 */
void wrt_permit_free(wrt_permit *permit);

/**
 * Replaces the directories that no guest of this engine is given from now on, whatever its `wrt_mount`s say: neither
 * these, nor what contains one, nor, if they say so, what lies in one. A run that asks for one ends with WRT_ERR_MOUNT.
 * Call it before the process forks; the directories of the kernel (`/proc`, `/sys`, `/dev`) need not be named. The list is
 * read during the call only.
 *
 * # Safety
 * `engine` is a live engine; at `dirs` lie `dirs_len` valid values, or it is NULL; `error` is NULL or valid for a write.
 */
wrt_status wrt_engine_reserve(const wrt_engine *engine,
                              const wrt_reserved_dir *dirs,
                              size_t dirs_len,
                              wrt_error **error);

/**
 * Says whether the directory at `path` could be given to guests if these were reserved: WRT_ERR_MOUNT and the reason if
 * not. One that is not there or cannot be opened is not judged here, but when a request asks for it. Any process may call
 * it at any time.
 *
 * # Safety
 * `path` is valid; at `dirs` lie `dirs_len` valid values, or it is NULL; `error` is NULL or valid for a write.
 */
wrt_status wrt_check_mount(wrt_bytes path,
                           const wrt_reserved_dir *dirs,
                           size_t dirs_len,
                           wrt_error **error);

/**
 * Installs the handlers that turn guest faults into traps. Call it once in each process that runs
 * guests, after the process's own crash handlers are in place: those still get every fault that is
 * not a guest's. Without it, a guest's fault is a crash of the process.
 *
 * # Safety
 * `error` is NULL or valid for a write. No other thread changes signal handlers meanwhile.
 */
wrt_status wrt_signals_install(wrt_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WASM_RUNTIME_H */
