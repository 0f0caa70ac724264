//! How the helper is linked: it finds libwasm_runtime.so beside itself.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN,--enable-new-dtags");
}
