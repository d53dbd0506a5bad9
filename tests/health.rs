//! `GET /healthz`, `/readyz`.

use serde_json::json;

use crate::harness::App;

#[tokio::test]
async fn both_are_well() {
    for path in ["/healthz", "/readyz"] {
        let answer = App::new().get(path).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"status": "ok"})));
    }
}
