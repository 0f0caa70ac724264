# The script of the example "Ruby": Ruby's own library for CGI reads the request and writes the response.
require "cgi"
require "erb"

PAGE = <<~'PAGE'
  <!doctype html>
  <html lang="en"><head><meta charset="utf-8"><title>Ruby</title>
  <style>:root{color-scheme:light dark} body{font:16px/1.55 system-ui,sans-serif;max-width:54rem;margin:2rem auto;padding:0 1.25rem} pre{overflow-x:auto}</style>
  </head><body>
  <h1>Hello, <%= CGI.escapeHTML(name) %></h1>
  <p>Ruby <%= RUBY_VERSION %> on <%= RUBY_PLATFORM %>, running <code><%= CGI.escapeHTML($0) %></code>.</p>
  <form method="post" action="index.rb"><label>Name <input name="name"></label> <button>Greet</button></form>
  <p><a href="/">All examples</a></p>
  <h2>This script</h2>
  <pre><%= CGI.escapeHTML(File.read($0)) %></pre>
  </body></html>
PAGE

cgi = CGI.new
name = cgi["name"].empty? ? "whoever you are" : cgi["name"]
cgi.out("type" => "text/html", "charset" => "utf-8") { ERB.new(PAGE).result(binding) }
