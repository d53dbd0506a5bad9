use super::*;
use crate::server::store::sqlite::connection::open_for_writing;

#[test]
fn a_transaction_takes_what_is_light_together_and_what_is_heavy_alone() {
    let fits = |weights: &[usize]| fitting(weights.iter().map(|weight| Weight(*weight)));
    assert_eq!(fits(&[Weight::ROW; 5_000]), 4_096);
    assert_eq!(fits(&[100 * HEAVIEST, 1]), 1);
    assert_eq!(fits(&[1, 100 * HEAVIEST]), 1);
    assert_eq!(fits(&[HEAVIEST / 2, HEAVIEST / 2, 1]), 2);
}

#[tokio::test]
async fn what_becomes_of_a_write_that_panics_is_not_known_and_the_next_is_done() {
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
