//! Compiles `proto/` into Rust and a descriptor set for reflection, without a `protoc`.

use std::path::PathBuf;
use std::{env, fs};

/// What is spoken on the wire.
const PROTOS: [&str; 7] = [
    "hansom/v1/admin.proto",
    "hansom/v1/common.proto",
    "hansom/v1/driver.proto",
    "hansom/v1/proximity.proto",
    "hansom/v1/rider.proto",
    "hansom/v1/succession.proto",
    "hansom/v1/trip.proto",
];

/// What is kept on disk: nobody outside is told of it.
const RECORDS: [&str; 2] = ["hansom/records/v1/decisions.proto", "hansom/records/v1/records.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    // Benchmarks say with what they were built.
    println!("cargo:rustc-env=HANSOM_RUSTC={}", rustc_version()?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(PROTOS)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("hansom_descriptor.bin"), compiler.encode_file_descriptor_set())?;
    // No `connect(address)` on the clients: its name is that of an rpc. Clients take a channel.
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(compiler.file_descriptor_set())?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(RECORDS)?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

fn rustc_version() -> Result<String, Box<dyn std::error::Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = std::process::Command::new(rustc).arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
