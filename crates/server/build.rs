//! Embeds the built web app and SDK, each file once as it is and once compressed by Brotli.
//!
//! Without a built web (`make` builds it) the binary carries a page that says so, and nothing else:
//! `cargo build` and `cargo test` need no Node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const PLACEHOLDER: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Peerline</title>\
<p>This server was built without the web app. Run <code>make</code> in Peerline's folder to build both.</p></html>\n";

fn main() -> io::Result<()> {
    let crate_dir = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let web = crate_dir.join("../../web");

    let mut files = Vec::new();
    for (folder, prefix) in [("app/dist", "/"), ("sdk/dist", "/sdk/")] {
        let folder = web.join(folder);
        // Cargo runs us again on every build while a watched folder is missing.
        let _ = fs::create_dir_all(&folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        collect(&folder, prefix, &mut files)?;
    }
    if !files.iter().any(|(url, _)| url == "/index.html") {
        let page = out_dir.join("placeholder.html");
        fs::write(&page, PLACEHOLDER)?;
        files.push(("/index.html".into(), page));
    }
    files.sort();

    let mut table = String::from("pub(super) static ASSETS: &[Asset] = &[\n");
    for (number, (url, path)) in files.iter().enumerate() {
        let content = fs::read(path)?;
        // From a copy: the web may be built again while the compiler reads.
        let identity = keep(&out_dir, &format!("{number}"), &content)?;
        let compressed = compress(&content)?;
        let brotli = if compressed.len() < content.len() {
            format!("Some({})", keep(&out_dir, &format!("{number}.br"), &compressed)?)
        } else {
            "None".into()
        };
        let etag = fingerprint(&content);
        let _ = writeln!(
            table,
            "    Asset {{ path: {url:?}, identity: {identity}, brotli: {brotli}, \
             etag: \"\\\"{etag:016x}\\\"\", brotli_etag: \"\\\"{etag:016x}-br\\\"\" }},"
        );
    }
    table.push_str("];\n");
    fs::write(out_dir.join("assets.rs"), table)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Source maps and type declarations are for those who build against the web, not for those who load it.
        if name.starts_with('.') || name.ends_with(".d.ts") || name.ends_with(".map") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else {
            files.push((format!("{prefix}{name}"), entry.path()));
        }
    }
    Ok(())
}

/// Writes a file that the crate embeds, and says how.
fn keep(out_dir: &Path, name: &str, content: &[u8]) -> io::Result<String> {
    let file = out_dir.join(name);
    fs::write(&file, content)?;
    Ok(format!("include_bytes!({file:?})"))
}

fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 9, ..Default::default() };
    brotli::BrotliCompress(&mut io::Cursor::new(content), &mut compressed, &parameters)?;
    Ok(compressed)
}

/// FNV-1a: tells one build's file from the next one's, and needs to tell nothing else.
fn fingerprint(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
