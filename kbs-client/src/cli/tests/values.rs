//! Reference values.

use super::*;

#[tokio::test]
async fn reference_values_have_the_type_that_was_asked_for() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let admin = format!("config --admin-token-file {}", files.put("token", "h.p.s"));
    for (line, expected) in [
        ("svn 1", json!({"svn": ["1"]})),
        ("svn 1 --as-integer", json!({"svn": [1]})),
        ("svn -7 --as-integer --as-single-value", json!({"svn": -7})),
        ("smt true --as-bool --as-single-value", json!({"smt": true})),
        ("a b --as-single-value", json!({"a": "b"})),
    ] {
        run_line(&kbs, &format!("{admin} set-sample-reference-value {line}"), &[])
            .await
            .unwrap();
        use base64::Engine;
        let payload = body(&kbs)["payload"].as_str().unwrap().to_owned();
        let payload = base64::engine::general_purpose::STANDARD.decode(payload).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&payload).unwrap(),
            expected,
            "{line}"
        );
    }
    for line in [
        "svn x --as-integer",
        "svn yes --as-bool",
        "svn 1 --as-bool --as-integer",
    ] {
        let error = run_line(&kbs, &format!("{admin} set-sample-reference-value {line}"), &[])
            .await
            .unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[tokio::test]
async fn a_value_is_added_to_the_list_that_is_registered_and_not_put_in_its_place() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let admin = format!("config --admin-token-file {}", files.put("token", "h.p.s"));
    let unknown = "Failed to get reference_values: No reference value found for the given id: svn";
    for (before, line, expected) in [
        (Some(r#"["1","2"]"#), "svn 3", json!({"svn": ["1", "2", "3"]})),
        (Some(r#"["1","2"]"#), "svn 2", json!({"svn": ["1", "2"]})),
        (Some("[1]"), "svn 2 --as-integer", json!({"svn": [1, 2]})),
        (None, "svn 1", json!({"svn": ["1"]})),
    ] {
        match before {
            Some(before) => kbs.script("reference-value/", 200, before),
            None => kbs.script_error("reference-value/", 404, "RvpsError", unknown),
        }
        run_line(
            &kbs,
            &format!("{admin} set-sample-reference-value {line} --add"),
            &[],
        )
        .await
        .unwrap();
        use base64::Engine;
        let payload = body(&kbs)["payload"].as_str().unwrap().to_owned();
        let payload = base64::engine::general_purpose::STANDARD.decode(payload).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&payload).unwrap(),
            expected,
            "{line}"
        );
    }
    // What is no list cannot be added to, and what cannot be read is not overwritten.
    kbs.script("reference-value/", 200, "7");
    let line = format!("{admin} set-sample-reference-value svn 1 --add");
    let single = run_line(&kbs, &line, &[]).await.unwrap_err();
    assert!(single.to_string().contains("no list"), "{single}");
    kbs.script_error("reference-value/", 403, "AdminAuthAccess", "no");
    let unread = run_line(&kbs, &line, &[]).await.unwrap_err();
    assert_eq!(unread.exit_code(), 5);
    assert!(kbs.calls().last().unwrap().starts_with("GET "), "nothing was set");
}

#[test]
fn what_a_new_value_locks_out_is_told() {
    let log = |before: Value, after: Value| {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(log.clone())
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            reference_values::warn_replaced("svn", Some(&before), &after);
        });
        let text = log.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    };
    let told = log(json!(["1", "2"]), json!(["2"]));
    assert!(
        told.contains("does not vouch for") && told.contains("--add"),
        "{told}"
    );
    assert_eq!(log(json!(["2"]), json!(["2"])), "");
    assert!(log(json!(7), json!(8)).contains('7'));
}

#[tokio::test]
async fn nothing_is_said_to_be_gone_where_the_new_value_is_refused() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let admin = format!("config --admin-token-file {}", files.put("token", "h.p.s"));
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let said = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = format!("{admin} set-sample-reference-value svn 2");
    kbs.script("reference-value/", 200, r#"["1"]"#);
    kbs.script_error("reference-value", 400, "RvpsError", "signed");
    run_line(&kbs, &line, &[]).await.unwrap_err();
    assert!(!said().contains("does not vouch"), "{}", said());
    kbs.script("reference-value/", 200, r#"["1"]"#);
    run_line(&kbs, &line, &[]).await.unwrap();
    assert!(said().contains("does not vouch"), "{}", said());
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
