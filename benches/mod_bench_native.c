/*
 * The yardstick of `make bench`: a content handler in C that answers as
 * hello_cgi answers, with the least httpd can do. Must not do less than a
 * handler has to: it sets the type, and the output filters do the rest.
 */
#include <string.h>

#include "httpd.h"

#include "http_config.h"
#include "http_protocol.h"

static const char BODY[] = "Hello, world!\n";

static int bench_native_handler(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, "bench-native") != 0) {
        return DECLINED;
    }
    ap_set_content_type(r, "text/plain");
    if (ap_rwrite(BODY, sizeof(BODY) - 1, r) < 0) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static void bench_native_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(bench_native_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(bench_native) = {
    STANDARD20_MODULE_STUFF,
    NULL, NULL, NULL, NULL, NULL,
    bench_native_hooks,
    AP_MODULE_FLAG_NONE
};
