//! Messages over the bus: bytes that are a change, and bytes that are not.

use campanile::model::Change;
use proptest::prelude::*;

use super::{fuzz, json, sound};

const FRAME: &str = r#"{"user_id":"ann","type":"created","modseq":3,"unread_count":1,"notification":{"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f","user_id":"ann","content":"x","timestamp":"2026-01-02T00:00:00.000000Z","is_read":false,"category":"message","data":{}}}"#;
const OTHERS: [&str; 3] = [
    r#"{"user_id":"ann","type":"all_read","modseq":15,"unread_count":0}"#,
    r#"{"user_id":"ann","type":"deleted","modseq":16,"unread_count":0,"id":"019a5370-7d3b-7c4e-9f1a-5b8a1c2d3e4f"}"#,
    r#"{"type":"hello","modseq":16}"#,
];

#[test]
fn frames_on_the_bus() {
    let frame = prop_oneof![
        3 => json::object(json::value()).prop_map(|data| FRAME.replace("{}", &data)),
        1 => json::value().prop_map(|value| FRAME.replacen("3", &value, 1)),
        1 => prop::sample::select(OTHERS.to_vec()).prop_map(str::to_owned),
        1 => json::value(),
    ];
    fuzz(
        &json::broken(frame),
        |_| (),
        |_, (), json::Bytes(bytes)| {
            // Bytes that are not a change are ignored; a change is passed on unchanged.
            let Ok(change) = serde_json::from_slice::<Change>(&bytes) else { return Ok(()) };
            let written = serde_json::to_vec(&change).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let again = serde_json::from_slice::<Change>(&written);
            sound!(again.as_ref().is_ok_and(|again| *again == change), "{again:?} is not {change:?}");
            Ok(())
        },
    );
}

#[test]
fn data_on_the_bus_comes_out_as_it_went_in() {
    fuzz(
        &json::object(json::value()),
        |_| (),
        |_, (), data| {
            let data = json::compact(&data);
            let change = serde_json::from_str::<Change>(&FRAME.replace("{}", &data));
            let Ok(change) = change else { return Ok(()) };
            let written = serde_json::to_string(&change).map_err(|error| TestCaseError::fail(error.to_string()))?;
            sound!(written.contains(&format!("\"data\":{data}")), "{written}");
            Ok(())
        },
    );
}
