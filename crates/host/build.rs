//! Compiles the protocol files without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["proto/workload.proto", "proto/sds.proto"];
    let set = protox::compile(files, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&set))?;
    tonic_prost_build::configure()
        .build_client(false)
        .btree_map(".")
        .codec_path("crate::codec::SmallCodec")
        .compile_fds(set)?;
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    Ok(())
}
