"""hello-py: a WASI 0.2 http component in Python. componentize-py puts it together with CPython and with the bindings of
wasi:http, which it makes from the interface definitions: `wit_world`.

It must not import anything while it serves: the file system of the build is gone by then.
"""

from urllib.parse import parse_qs, urlsplit

from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)


class IncomingHandler(exports.IncomingHandler):
    """The export: componentize-py finds it by its name."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        target = urlsplit(request.path_with_query() or "/")
        name = parse_qs(target.query).get("name", ["world"])[0]
        text = f"Hello, {name}, from Python.\nYou asked for {target.path}.\n"

        fields = Fields.from_list([("content-type", b"text/plain; charset=utf-8")])
        response = OutgoingResponse(fields)
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        # The stream is given back before the body is finished: the body owns it.
        with body.write() as stream:
            stream.blocking_write_and_flush(text.encode())
        OutgoingBody.finish(body, None)
