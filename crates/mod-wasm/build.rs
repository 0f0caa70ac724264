//! How mod_wasm.so is linked. It links against nothing of httpd: the server that loads it has `ap_*` and `apr_*`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Looked for first beside mod_wasm.so: libwasm_runtime.so is found wherever both are installed.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-rpath,$ORIGIN,--enable-new-dtags");
    // httpd unloads modules on every restart. Neither Rust's thread-local destructors nor signal handlers survive that.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
