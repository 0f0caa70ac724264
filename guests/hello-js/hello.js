// hello-js: a WASI 0.2 http component in JavaScript. componentize-js puts it together with an engine for JavaScript, whose
// events of the name `fetch` are the requests; Request, Response, URL and the rest are what browsers have.
//
// It must not count on a second request: the engine takes one event per instance, so WasmReuse stays off for it.

addEventListener("fetch", (event) => event.respondWith(respond(event.request)));

async function respond(request) {
  const url = new URL(request.url);
  if (url.pathname.endsWith("/echo")) {
    // Piece by piece, however much it is.
    return new Response(request.body, { headers: { "Content-Type": "application/octet-stream" } });
  }
  const name = url.searchParams.get("name") ?? "world";
  const lines = [`Hello, ${name}, from JavaScript.`, `${request.method} ${url.pathname}`];
  if (request.method === "POST") {
    lines.push(`The body has ${(await request.text()).length} characters.`);
  }
  return new Response(lines.map((line) => `${line}\n`).join(""), {
    headers: { "Content-Type": "text/plain; charset=utf-8" },
  });
}
