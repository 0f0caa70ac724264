//! HTTP components made by the test itself: small, of any version of WASI 0.2, with imports and exports that no toolchain would make.
//!
//! For everything that is about what a component is called and what it wants. What it does is one thing: it answers with a status.

/// What `response-outparam.set` needs to know of the types of wasi:http, as the text of an instance type.
const TYPES: &str = r#"
    (export "fields" (type $fields (sub resource)))
    (export "incoming-request" (type $request (sub resource)))
    (export "outgoing-response" (type $response (sub resource)))
    (export "response-outparam" (type $out (sub resource)))
    (type $dns (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $DNS (eq $dns)))
    (type $tls (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $TLS (eq $tls)))
    (type $size (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $SIZE (eq $size)))
    (type $code (variant
      (case "DNS-timeout") (case "DNS-error" $DNS) (case "destination-not-found") (case "destination-unavailable")
      (case "destination-IP-prohibited") (case "destination-IP-unroutable") (case "connection-refused")
      (case "connection-terminated") (case "connection-timeout") (case "connection-read-timeout")
      (case "connection-write-timeout") (case "connection-limit-reached") (case "TLS-protocol-error")
      (case "TLS-certificate-error") (case "TLS-alert-received" $TLS) (case "HTTP-request-denied")
      (case "HTTP-request-length-required") (case "HTTP-request-body-size" (option u64))
      (case "HTTP-request-method-invalid") (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long")
      (case "HTTP-request-header-section-size" (option u32)) (case "HTTP-request-header-size" (option $SIZE))
      (case "HTTP-request-trailer-section-size" (option u32)) (case "HTTP-request-trailer-size" $SIZE)
      (case "HTTP-response-incomplete") (case "HTTP-response-header-section-size" (option u32))
      (case "HTTP-response-header-size" $SIZE) (case "HTTP-response-body-size" (option u64))
      (case "HTTP-response-trailer-section-size" (option u32)) (case "HTTP-response-trailer-size" $SIZE)
      (case "HTTP-response-transfer-coding" (option string)) (case "HTTP-response-content-coding" (option string))
      (case "HTTP-response-timeout") (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected")
      (case "configuration-error") (case "internal-error" (option string))))
    (export "error-code" (type $CODE (eq $code)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[constructor]outgoing-response" (func (param "headers" (own $fields)) (result (own $response))))
    (export "[method]outgoing-response.set-status-code"
      (func (param "self" (borrow $response)) (param "status-code" u16) (result (result))))
    (export "[static]response-outparam.set"
      (func (param "param" (own $out)) (param "response" (result (own $response) (error $CODE)))))"#;

/// The program: an empty response with the status, whatever is asked. `@STATUS` stands for it.
const PROGRAM: &str = r#"
  (core module $memory (memory (export "memory") 1))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (core func $fields (canon lower (func $types "[constructor]fields")))
  (core func $response (canon lower (func $types "[constructor]outgoing-response")))
  (core func $status (canon lower (func $types "[method]outgoing-response.set-status-code")))
  (core func $set (canon lower (func $types "[static]response-outparam.set") (memory $mem)))
  (core module $program
    (import "types" "fields" (func $fields (result i32)))
    (import "types" "response" (func $response (param i32) (result i32)))
    (import "types" "status" (func $status (param i32 i32) (result i32)))
    (import "types" "set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
    (func (export "run") (result i32) (i32.const 0))
    (func (export "handle") (param $request i32) (param $out i32) (local $made i32)
      (local.set $made (call $response (call $fields)))
      (drop (call $status (local.get $made) (i32.const @STATUS)))
      (call $set (local.get $out) (i32.const 0) (local.get $made)
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
  (core instance $i (instantiate $program (with "types" (instance
    (export "fields" (func $fields)) (export "response" (func $response))
    (export "status" (func $status)) (export "set" (func $set))))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $out))
  (func $handle (param "request" (own $request)) (param "response-out" (own $out))
    (canon lift (core func $i "handle")))
  (instance $handler (export "handle" (func $handle)))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $command (export "run" (func $run)))"#;

/// A component that imports `wasi:http/types` of this version and answers every request with a status. It has an instance
/// `$handler` for `wasi:http/incoming-handler` and an instance `$command` for `wasi:cli/run`; `more` is the text of its exports,
/// and `imports` that of what it imports besides.
pub fn answering(version: &str, status: u16, imports: &str, exports: &str) -> Vec<u8> {
    let program = PROGRAM.replace("@STATUS", &status.to_string());
    let text = format!(
        "(component\n{imports}\n(import \"wasi:http/types@{version}\" (instance $types {TYPES}))\n{program}\n{exports})"
    );
    wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}"))
}
