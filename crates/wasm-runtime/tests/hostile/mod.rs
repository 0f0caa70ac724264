//! Programs that make the host hold much, as text. The suite has them too.

use std::fmt::Write;

/// A WASI 0.2 command whose `run` has this body, which leaves 0 for success. It has a local `$object`, 64 pages of memory, and
/// these functions: `$fields`, `$append`, `$clone`, `$from-list`, `$request`, `$set-method`, `$set-scheme`, `$set-authority`,
/// `$set-path`, `$body`, `$stream`, `$write`, `$pollable`; results that take more than a number go to the address in the last
/// parameter.
pub fn component(body: &str) -> String {
    format!(
        "(component {IMPORTS} {LOWERED} {}",
        PROGRAM.replace("@BODY", body)
    )
}

const IMPORTS: &str = r#"
  (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $io-error))
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (alias outer 1 $io-error (type $error0))
    (export "error" (type $error (eq $error0)))
    (export "output-stream" (type $output (sub resource)))
    (type $failure0 (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $failure (eq $failure0)))
    (export "[method]output-stream.write"
      (func (param "self" (borrow $output)) (param "contents" (list u8)) (result (result (error $failure)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $pollable0))
    (export "pollable" (type $pollable (eq $pollable0)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (import "wasi:http/types@0.2.0" (instance $types
    (alias outer 1 $output (type $output0))
    (export "output-stream" (type $output (eq $output0)))
    (export "fields" (type $fields (sub resource)))
    (export "outgoing-request" (type $request (sub resource)))
    (export "outgoing-body" (type $body (sub resource)))
    (type $method0 (variant (case "get") (case "head") (case "post") (case "put") (case "delete") (case "connect")
      (case "options") (case "trace") (case "patch") (case "other" string)))
    (export "method" (type $method (eq $method0)))
    (type $scheme0 (variant (case "HTTP") (case "HTTPS") (case "other" string)))
    (export "scheme" (type $scheme (eq $scheme0)))
    (type $failure0 (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
    (export "header-error" (type $failure (eq $failure0)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[method]fields.append" (func (param "self" (borrow $fields)) (param "name" string) (param "value" (list u8))
      (result (result (error $failure)))))
    (export "[method]fields.clone" (func (param "self" (borrow $fields)) (result (own $fields))))
    (export "[static]fields.from-list" (func (param "entries" (list (tuple string (list u8))))
      (result (result (own $fields) (error $failure)))))
    (export "[constructor]outgoing-request" (func (param "headers" (own $fields)) (result (own $request))))
    (export "[method]outgoing-request.set-method"
      (func (param "self" (borrow $request)) (param "method" $method) (result (result))))
    (export "[method]outgoing-request.set-scheme"
      (func (param "self" (borrow $request)) (param "scheme" (option $scheme)) (result (result))))
    (export "[method]outgoing-request.set-authority"
      (func (param "self" (borrow $request)) (param "authority" (option string)) (result (result))))
    (export "[method]outgoing-request.set-path-with-query"
      (func (param "self" (borrow $request)) (param "path-with-query" (option string)) (result (result))))
    (export "[method]outgoing-request.body" (func (param "self" (borrow $request)) (result (result (own $body)))))
    (export "[method]outgoing-body.write" (func (param "self" (borrow $body)) (result (result (own $output)))))))"#;

const LOWERED: &str = r#"
  (core module $memory (memory (export "memory") 64)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (alias core export $m "realloc" (core func $realloc))
  (core func $fields (canon lower (func $types "[constructor]fields")))
  (core func $append (canon lower (func $types "[method]fields.append") (memory $mem) (realloc $realloc)))
  (core func $clone (canon lower (func $types "[method]fields.clone")))
  (core func $from-list (canon lower (func $types "[static]fields.from-list") (memory $mem) (realloc $realloc)))
  (core func $request (canon lower (func $types "[constructor]outgoing-request")))
  (core func $set-method (canon lower (func $types "[method]outgoing-request.set-method") (memory $mem)))
  (core func $set-scheme (canon lower (func $types "[method]outgoing-request.set-scheme") (memory $mem)))
  (core func $set-authority (canon lower (func $types "[method]outgoing-request.set-authority") (memory $mem)))
  (core func $set-path (canon lower (func $types "[method]outgoing-request.set-path-with-query") (memory $mem)))
  (core func $body (canon lower (func $types "[method]outgoing-request.body") (memory $mem)))
  (core func $stream (canon lower (func $types "[method]outgoing-body.write") (memory $mem)))
  (core func $write (canon lower (func $streams "[method]output-stream.write") (memory $mem)))
  (core func $pollable (canon lower (func $clock "subscribe-duration")))"#;

const PROGRAM: &str = r#"
  (core module $program
    (import "m" "memory" (memory 64))
    (import "m" "fields" (func $fields (result i32)))
    (import "m" "append" (func $append (param i32 i32 i32 i32 i32 i32)))
    (import "m" "clone" (func $clone (param i32) (result i32)))
    (import "m" "from-list" (func $from-list (param i32 i32 i32)))
    (import "m" "request" (func $request (param i32) (result i32)))
    (import "m" "set-method" (func $set-method (param i32 i32 i32 i32) (result i32)))
    (import "m" "set-scheme" (func $set-scheme (param i32 i32 i32 i32 i32) (result i32)))
    (import "m" "set-authority" (func $set-authority (param i32 i32 i32 i32) (result i32)))
    (import "m" "set-path" (func $set-path (param i32 i32 i32 i32) (result i32)))
    (import "m" "body" (func $body (param i32 i32)))
    (import "m" "stream" (func $stream (param i32 i32)))
    (import "m" "write" (func $write (param i32 i32 i32 i32)))
    (import "m" "pollable" (func $pollable (param i64) (result i32)))
    (data (i32.const 0) "x")
    (func (export "run") (result i32) (local $object i32)
      (memory.fill (i32.const 4096) (i32.const 97) (i32.const 100000))
      @BODY))
  (core instance $i (instantiate $program (with "m" (instance
    (export "memory" (memory $mem))
    (export "fields" (func $fields)) (export "append" (func $append)) (export "clone" (func $clone))
    (export "from-list" (func $from-list)) (export "request" (func $request))
    (export "set-method" (func $set-method)) (export "set-scheme" (func $set-scheme))
    (export "set-authority" (func $set-authority)) (export "set-path" (func $set-path))
    (export "body" (func $body)) (export "stream" (func $stream)) (export "write" (func $write))
    (export "pollable" (func $pollable))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))"#;

/// A WASI 0.3 command of so many components, each of which waits for some milliseconds in the middle of a call, so many calls
/// deep.
pub fn suspended(number: usize, depth: usize, milliseconds: u64) -> String {
    let nanoseconds = milliseconds * 1_000_000;
    let all = |each: &dyn Fn(usize) -> String| (0..number).map(each).collect::<String>();
    let mut text = String::from(
        r#"(component
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock (export "wait-for" (func async (param "how-long" u64)))))"#,
    );
    let _ = write!(
        text,
        r#"
  (component $Waiter
    (import "w" (func $w async (param "how-long" u64)))
    (core func $wait (canon lower (func $w)))
    (core func $return (canon task.return))
    (core module $M
      (import "" "wait" (func $wait (param i64)))
      (import "" "return" (func $return))
      (func $deep (param $n i32) (param $a i64) (param $b i64) (param $c i64) (result i64)
        (if (i32.eqz (local.get $n)) (then (call $wait (i64.const {nanoseconds})) (return (local.get $a))))
        (i64.add
          (call $deep (i32.sub (local.get $n) (i32.const 1)) (i64.add (local.get $b) (i64.const 1))
            (i64.add (local.get $c) (i64.const 3)) (i64.add (local.get $a) (i64.const 5)))
          (i64.add (local.get $a) (i64.add (local.get $b) (local.get $c)))))
      (func (export "f") (result i32)
        (drop (call $deep (i32.const {depth}) (i64.const 1) (i64.const 2) (i64.const 3))) (call $return) (i32.const 0))
      (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $M (with "" (instance (export "wait" (func $wait)) (export "return" (func $return))))))
    (func (export "f") async (canon lift (core func $m "f") async (callback (core func $m "callback")))))
  (component $Main
    (import "w" (func $w async (param "how-long" u64)))
    {imports}
    (core func $wait (canon lower (func $w)))
    (core func $return (canon task.return (result (result))))
    (core module $M
      (import "" "wait" (func $wait (param i64)))
      (import "" "return" (func $return (param i32)))
      {functions}
      (func (export "run") (result i32)
        {calls}
        (call $wait (i64.const {nanoseconds})) (call $return (i32.const 0)) (i32.const 0))
      (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
    (core instance $m (instantiate $M (with "" (instance
      (export "wait" (func $wait)) (export "return" (func $return)) {exports}))))
    (func (export "run") async (result (result))
      (canon lift (core func $m "run") async (callback (core func $m "callback")))))
  {instances}
  (instance $main (instantiate $Main (with "w" (func $clock "wait-for")) {arguments}))
  (instance $command (export "run" (func $main "run")))
  (export "wasi:cli/run@0.3.0" (instance $command)))"#,
        imports = all(&|i| format!(
            r#"(import "f{i}" (func $f{i} async)) (core func $l{i} (canon lower (func $f{i}) async))"#
        )),
        functions = all(&|i| format!(r#"(import "" "f{i}" (func $f{i} (result i32)))"#)),
        calls = all(&|i| format!("(drop (call $f{i}))")),
        exports = all(&|i| format!(r#"(export "f{i}" (func $l{i}))"#)),
        instances = all(&|i| format!(
            r#"(instance $w{i} (instantiate $Waiter (with "w" (func $clock "wait-for"))))"#
        )),
        arguments = all(&|i| format!(r#"(with "f{i}" (func $w{i} "f"))"#)),
    );
    text
}

/// A WASI 0.3 command that begins so many calls with a path of a MiB in its first directory, and traps before any of them can end.
pub fn waiting_paths(number: usize) -> String {
    const ERRORS: &str = "access already bad-descriptor busy deadlock quota exist file-too-large illegal-byte-sequence \
        in-progress interrupted invalid io is-directory loop too-many-links message-size name-too-long no-device no-entry \
        no-lock insufficient-memory insufficient-space not-directory not-empty not-recoverable unsupported no-tty \
        no-such-device overflow not-permitted pipe read-only invalid-seek text-file-busy cross-device";
    let errors: String = ERRORS
        .split_whitespace()
        .map(|error| format!(r#"(case "{error}")"#))
        .collect();
    format!(
        r#"(component
  (import "wasi:filesystem/types@0.3.0" (instance $types
    (export "descriptor" (type $descriptor (sub resource)))
    (type $error0 (variant {errors} (case "other" (option string))))
    (export "error-code" (type $error (eq $error0)))
    (export "[method]descriptor.unlink-file-at"
      (func async (param "self" (borrow $descriptor)) (param "path" string) (result (result (error $error)))))))
  (alias export $types "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.3.0" (instance $preopens
    (alias outer 1 $descriptor (type $descriptor0))
    (export "descriptor" (type $descriptor (eq $descriptor0)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
  (core module $memory (memory (export "memory") 18)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.get $next)
      (global.set $next (i32.and (i32.const -8) (i32.add (i32.const 7) (i32.add (global.get $next) (local.get 3)))))))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (alias core export $m "realloc" (core func $realloc))
  (core func $directories (canon lower (func $preopens "get-directories") (memory $mem) (realloc $realloc)))
  (core func $unlink (canon lower (func $types "[method]descriptor.unlink-file-at") async (memory $mem) (realloc $realloc)))
  (core module $program
    (import "m" "memory" (memory 18))
    (import "m" "directories" (func $directories (param i32)))
    (import "m" "unlink" (func $unlink (param i32 i32 i32 i32) (result i32)))
    (func (export "run") (result i32) (local $n i32)
      (call $directories (i32.const 0))
      (memory.fill (i32.const 65536) (i32.const 97) (i32.const 1000000))
      (loop $again
        (drop (call $unlink (i32.load (i32.load (i32.const 0))) (i32.const 65536) (i32.const 1000000) (i32.const 64)))
        (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {number}))))
      unreachable)
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $i (instantiate $program (with "m" (instance
    (export "memory" (memory $mem)) (export "directories" (func $directories)) (export "unlink" (func $unlink))))))
  (func $run async (result (result)) (canon lift (core func $i "run") async (callback (core func $i "callback"))))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $command)))"#
    )
}

/// A preview 1 program whose `_start` has this body, and a name that grows by a factor of 16 with each of its parts when it is
/// decoded as a name of C++.
pub fn expansive(body: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut name = format!("_Z1f1aI{}E", "i".repeat(16));
    for digit in DIGITS.iter().take(9) {
        let before = format!("S{}_", char::from(*digit));
        let _ = write!(name, "S_I{}E", before.repeat(16));
    }
    format!(r#"(module (memory (export "memory") 1) (func ${name} (export "_start") {body}))"#)
}
