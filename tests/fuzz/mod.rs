//! The fuzz targets for a moment: every seed, everything that was ever found, and mutations of them by a printed seed.
//!
//! `CHANCERY_TEST_SEED` repeats a run. Longer runs, with coverage as their guide: `fuzz/README.md`.

mod mutate;
mod targets;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use mutate::Mutator;

/// Mutations of each target.
const MUTATIONS: u32 = 500;

#[test]
fn no_target_breaks() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as u64;
    let seed = std::env::var("CHANCERY_TEST_SEED").map_or_else(|_| now(), |text| text.parse().expect("a number"));
    println!("CHANCERY_TEST_SEED={seed}");
    for (name, _) in targets::TARGETS {
        let seeds = inputs(&folder("seeds").join(name));
        assert!(!seeds.is_empty(), "fuzz/seeds/{name} has no seeds");
        let found = inputs(&folder("found").join(name));
        let mut understood = false;
        for (file, data) in seeds.iter().chain(&found) {
            let Some(good) = run(name, data) else { panic!("{name}: {}", file.display()) };
            understood |= good;
        }
        assert!(understood, "{name}: no seed is understood, so mutations of them test refusals alone");
        let bytes: Vec<&[u8]> = seeds.iter().chain(&found).map(|(_, data)| data.as_slice()).collect();
        let mut mutator = Mutator::new(seed);
        for number in 0..MUTATIONS {
            let data = mutator.mutate(&bytes);
            if run(name, &data).is_none() {
                let kept = std::env::temp_dir().join(format!("chancery-fuzz-{name}-{seed}-{number}"));
                fs::write(&kept, &data).expect("the input can be kept");
                panic!("{name} broke, CHANCERY_TEST_SEED={seed}; its input: {}", kept.display());
            }
        }
    }
}

/// Every target has its file for `cargo fuzz`, and every file its target.
#[test]
fn every_target_can_be_fuzzed() {
    let mut files: Vec<String> = inputs(&folder("fuzz_targets"))
        .iter()
        .filter_map(|(path, _)| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    files.sort_unstable();
    assert_eq!(files, targets::TARGETS.map(|(name, _)| name));
}

/// What a target said; none when it broke.
fn run(name: &str, data: &[u8]) -> Option<bool> {
    catch_unwind(AssertUnwindSafe(|| targets::run(name, data))).ok()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// The files of a folder with their bytes, by name; none when there is no folder.
fn inputs(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort_unstable();
    paths.into_iter().map(|path| (path.clone(), fs::read(&path).expect("a seed can be read"))).collect()
}
