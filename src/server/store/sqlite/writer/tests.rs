use super::*;
use crate::server::store::sqlite::connection::open_for_writing;

#[tokio::test]
async fn a_write_that_panics_has_an_unknown_outcome_and_the_next_succeeds() {
    let name = format!("campanile-writer-{}.db", std::process::id());
    let options = SqliteOptions::new(std::env::temp_dir().join(name));
    let (connection, lock) = open_for_writing(&options).unwrap();
    let writer = Writer::start(connection, lock, &options).unwrap();
    writer.is_well().unwrap();
    let lost = writer.write(Weight::ONE, |_| -> rusqlite::Result<()> { panic!("as the test wants it") }).await;
    assert!(matches!(lost, Err(StoreError::Unknown { .. })), "{lost:?}");
    writer.write(Weight::ONE, |_| Ok(())).await.unwrap();
    writer.is_well().unwrap();
    drop(writer);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        drop(std::fs::remove_file(format!("{}{suffix}", options.path.display())));
    }
}
