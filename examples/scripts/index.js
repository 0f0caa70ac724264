// The script of the example "Scripts": it prints its response, the head first. What it can use beside the language is listed in
// guests/script-js/src/globals.rs.
import { escape, fields } from "./lib/html.mjs";

const name = fields(env.QUERY_STRING).name || "whoever you are";
const path = env.REQUEST_URI.split("?")[0];

print("Content-Type: text/html; charset=utf-8\r\n\r\n");
print(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Scripts</title>
<style>:root{color-scheme:light dark} body{font:16px/1.55 system-ui,sans-serif;max-width:54rem;margin:2rem auto;padding:0 1.25rem} pre{overflow-x:auto}</style>
</head><body>
<h1>Hello, ${escape(name)}</h1>
<p>You asked for <code>${escape(path)}</code>, and <code>${escape(env.SCRIPT_FILENAME)}</code> answers.</p>
<form><label>Name <input name="name"></label> <button>Greet</button></form>
<p><a href="/scripts/any/other/page">Any other page</a> &middot; <a href="/">All examples</a></p>
<h2>This script</h2>
<pre>${escape(file.read(env.SCRIPT_FILENAME))}</pre>
</body></html>
`);
