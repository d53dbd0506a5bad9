//! Released migrations are never edited: existing databases have run them.

use aws_lc_rs::digest::{SHA256, digest};

/// Each released migration, and its SHA-256. A new one is a new file and a new line.
const LANDED: [(&str, &str); 19] = [
    ("postgres/V10__gone.sql", "9e48c5f50305ec7d5ba795ae8c2987e9e920da5202e00ce7533cc4c147946541"),
    ("postgres/V1__inboxes.sql", "e5fef38e4e213b74faed23ea734b6f0acecd3fbb651c9225d47336645769c3b7"),
    ("postgres/V2__changes.sql", "0719078023ef74fa2041a644520f1181704dd00bb1b143035ea0e421af0fb47b"),
    ("postgres/V3__credentials.sql", "b21cf859508033bafad5df8dbd8875360c8c4455f0f6643ce899949d21157bd1"),
    ("postgres/V4__acceptance.sql", "f19c38296832e66f528ed49d27c223a348439051a217b7e36502d224eb30d18b"),
    ("postgres/V5__tickets.sql", "85e5a71e4984558548b41dc418382ba5ce9e67fdc8757ad00cc7c1105efe4db0"),
    ("postgres/V6__delivery.sql", "b8bbe71e4926c18f6d8ddafff55beb572ff9f9a3a99782708aafb6ac53ba05fc"),
    ("postgres/V7__contacts.sql", "ddd759a1056af1f2b7f488cb5f520a5cc5905fb891d4ccbd84f2fd52b0fc3af0"),
    ("postgres/V8__cancelling.sql", "bb0d97dd9d02b484daa55597dedcd64a17ef1a20f42c03b132c97824599c17fe"),
    ("postgres/V9__mail.sql", "561df730c625bcbad76f213e6405be1dc2ec702ebe179481e031e0719c7c3cce"),
    ("sqlite/V1__inboxes.sql", "7385db8d114c58b409b70f440cc3f2bd5b46a8b63ae502fb2913475b2d860b4a"),
    ("sqlite/V2__credentials.sql", "b12f88d522680baffb4706085003ba1c0756b99eb0df95f0cff5c259aee38966"),
    ("sqlite/V3__acceptance.sql", "82f7f1a2f3c4009cc244898fe176a2047698714dc9a962b0f8d11fad540da0b6"),
    ("sqlite/V4__tickets.sql", "ee01eb8f7f6938dd2eb4db4a7479ea40bd6ef12515844fb8a2ac89a0f703bf25"),
    ("sqlite/V5__delivery.sql", "bdada5ef7cd4ad9d1ee1c5653e91bdcb55143d2e2b623a7f75ca044ceffe9316"),
    ("sqlite/V6__contacts.sql", "f9c746446cefe88954784c15672dbf7d8df872d1ce343723d3bdb05a76c0e898"),
    ("sqlite/V7__cancelling.sql", "1bfa604897f7723b7d7fac94f0d2511358d50ed07510e9b28ad3576ddb05f309"),
    ("sqlite/V8__mail.sql", "f6cf29c8ebb5aaa328d7424ba13646af69cbe141d66e09cf183a2fd1ae314c24"),
    ("sqlite/V9__gone.sql", "9e48c5f50305ec7d5ba795ae8c2987e9e920da5202e00ce7533cc4c147946541"),
];

#[test]
fn a_landed_migration_is_never_edited() {
    let all = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut found = Vec::new();
    for engine in ["postgres", "sqlite"] {
        for entry in std::fs::read_dir(format!("{all}/{engine}")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // Functions have their own versions, see `store/postgres/functions.rs`.
                continue;
            }
            let hash = digest(&SHA256, &std::fs::read(&path).unwrap());
            let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            found.push((format!("{engine}/{}", path.file_name().unwrap().to_str().unwrap()), hash));
        }
    }
    found.sort();
    let landed = LANDED.map(|(name, hash)| (name.to_owned(), hash.to_owned()));
    assert_eq!(found, landed, "add a migration instead of editing one that landed");
}
