//! SQLite on a file system that does not support it: one in user space without shared memory, `unfit/fuse.py`.

use std::process::Command;

use crate::harness::new_folder;

#[test]
fn a_file_system_without_shared_memory_is_reported() {
    let folder = new_folder();
    let store = format!("sqlite:{}", folder.join("campanile.db").display());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/unfit/fuse.py");
    for command in ["serve", "migrate", "check"] {
        let mut unfit = Command::new("unshare");
        // The mount is in a separate namespace, so that it ends with the command.
        unfit.args(["--mount", "--map-root-user", "python3", script]).arg(&folder);
        unfit.args([env!("CARGO_BIN_EXE_campanile"), command, "--store", &store]);
        let done = unfit.env("CAMPANILE_LISTEN", "127.0.0.1:0").stdin(std::process::Stdio::null()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{command}: {said}");
        let place = folder.join("campanile.db").display().to_string();
        assert!(said.contains(&format!("{place} cannot be used: its file system has no shared memory")), "{said}");
        assert!(said.contains("Put the store on a local disk") && said.contains("PostgreSQL"), "{said}");
        assert!(!said.contains("disk I/O error") && said.lines().count() == 1, "{said}");
    }
}
