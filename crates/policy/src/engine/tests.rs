use std::time::{Duration, Instant};

use super::*;

const TARGET: Target<'_> = Target {
    rules: &["allow"],
    documents: &["plugin"],
    queries: false,
};

fn evaluate_within(body: &str, limits: &Limits) -> Result<Option<Value>, PolicyError> {
    let compiled = compile(body)?;
    let input = Value::from_json_str(r#"{"list":[1,2],"object":{"a":1},"one":1}"#).unwrap();
    let data = [("plugin", Value::from("resource"))];
    let (values, _) = compiled.evaluate(&input, &data, Host::new(limits), limits)?;
    Ok(values.into_iter().next().map(|(_, value)| value))
}

fn compile(body: &str) -> Result<Compiled, PolicyError> {
    with_deep_stack(|| Parsed::parse(&format!("package policy\n{body}"))?.compile(&TARGET))
}

fn evaluate(body: &str) -> Result<Option<Value>, PolicyError> {
    evaluate_within(body, &Limits::default())
}

#[track_caller]
fn does_not_compile(body: &str, because: &str) {
    match compile(body) {
        Err(PolicyError::Compile(text)) => assert!(text.contains(because), "{body}: {text}"),
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn a_rule_that_is_given_member_by_member_is_refused_with_the_way_to_write_it() {
    for body in ["allow.a := true", "allow[\"a\"] := true if input.one == 1"] {
        does_not_compile(body, "give it in one rule");
    }
}

#[test]
fn language_features_work() {
    for body in [
        "allow if { data.plugin == \"resource\"; data[\"plugin\"] == \"resource\" }",
        "s contains 1\ns contains 2 if input.one == 1\nallow if 2 in s",
        "a.b.c := 1\nallow if a.b.c == 1",
        "allow if { some i; input.list[i] == 2 }",
        "allow if { x := {k: v | some k, v in input.object}; x.a == 1 }",
        "f(x) := y if { x < 0; y := 1 } else := 3\nallow if f(input.one) == 3",
        "allow if { every k, v in input.object { is_string(k); v > 0 } }",
        "allow if { not input.absent; a := [1, 2]; a[_] == 2 }",
        "allow if { data.policy.x == 1 }\nx := 1",
        "import data.plugin as p\nallow if { p == \"resource\" }",
        "allow if { json.unmarshal(`{\"a\":1}`).a == 1 }",
        "allow if { {1, 2} & {2} == {2} }",
        "allow if { time.now_ns() > 1 }",
        "allow if { regex.match(`^a+$`, \"aaa\"); glob.match(\"a/*\", [\"/\"], \"a/b\") }",
        "allow if { semver.compare(\"1.2.0\", \"1.10.0\") == -1 }",
    ] {
        assert_eq!(evaluate(body).unwrap(), Some(Value::Bool(true)), "{body}");
    }
}

#[test]
fn what_is_undefined_grants_nothing() {
    for body in [
        "allow if { x := input.absent }",
        "allow if { x := input.absent; true }",
        "allow if { some x in [1]; y := input.absent[x] }",
        "allow if { x := {\"a\": input.absent} }",
        "allow if { [x] := [input.absent] }",
        "allow if { count([input.absent]) == 1 }",
        "allow if { every x in [\"a\", \"b\"] { input.object[x] } }",
        "allow if { every x in [\"a\", \"b\"] { input.object[x] != 2 } }",
        "allow if { every x in [\"a\", \"a\"] { y := input.object[x]; y == 2 } }",
        "allow if { every x in [\"a\", \"b\"] { is_number(input.object[x]) } }",
        "allow if { every x in input.absent { true } }",
        "allow if { input.absent != 1 }",
        "allow if { input.absent == input.absent }",
        "allow if { f(input.absent) }\nf(_) := true",
        "allow if { data.absent }",
        "allow if { data.plugin[\"x\"] }",
    ] {
        assert_eq!(evaluate(body).unwrap(), None, "{body}");
    }
    assert_eq!(
        evaluate("allow if { [y | some x in [{\"a\": 1}, {}]; y := x.a] == [1] }").unwrap(),
        Some(true.into())
    );
}

#[test]
fn guarded_built_ins_work() {
    for body in [
        "allow if { sprintf(\"%05d|%v|%s\", [1, [2], \"x\"]) == \"00001|[2]|x\" }",
        "allow if { concat(\"/\", [\"a\", \"b\"]) == \"a/b\" }",
        "allow if { concat(\"/\", {\"a\", \"b\"}) == \"a/b\" }",
        "allow if { numbers.range(1, 3) == [1, 2, 3] }",
        "allow if { numbers.range_step(1, 5, 2) == [1, 3, 5] }",
        "allow if { bits.lsh(1, 4) == 16 }",
        "allow if { replace(\"aba\", \"a\", \"cc\") == \"ccbcc\" }",
        "allow if { strings.replace_n({\"a\": \"b\"}, \"ab\") == \"bb\" }",
        "allow if { regex.replace(\"foo\", \"(o)\", \"$1$1\") == \"foooo\" }",
        "allow if { array.concat([1], [2]) == [1, 2] }",
        "allow if { json.marshal({\"a\": [1, \"x\"]}) == `{\"a\":[1,\"x\"]}` }",
        "allow if { base64.encode(\"a\") == \"YQ==\"; hex.encode(\"a\") == \"61\" }",
        "allow if { [y | y := concat(\"\", [input.absent])] == [] }",
        // Several in one rule, in a comprehension, in a function.
        "f(x) := concat(\"\", [\"f\", x])\nallow if { [y | some x in [\"a\", \"b\"]; y := f(replace(x, \"a\", \"c\"))] == [\"fc\", \"fb\"] }",
        // The policy's own function goes before the built-in.
        "concat(a, b) := a + b\nallow if { concat(1, 2) == 3 }",
        // What is undefined makes the call undefined.
        "allow if { not concat(\"/\", input.absent) }",
    ] {
        assert_eq!(evaluate(body).unwrap(), Some(Value::Bool(true)), "{body}");
    }
}

#[test]
fn built_ins_that_reach_out_do_not_exist() {
    for call in [
        "http.send({\"method\": \"get\", \"url\": \"http://localhost\"})",
        "net.lookup_ip_addr(\"localhost\")",
        "opa.runtime()",
        "rego.parse_module(\"a\", \"b\")",
        "io.jwt.decode(\"a\")",
        "query_reference_value(\"a\")",
    ] {
        does_not_compile(&format!("allow if {call}"), "Unknown function");
        // Nor in a rule that nothing reads, nor in a function that nothing calls.
        does_not_compile(&format!("allow := true\nunused if {call}"), "Unknown function");
        does_not_compile(
            &format!("allow := true\nunused(x) if {{ x == {call} }}"),
            "Unknown function",
        );
    }
}

#[test]
fn print_prints_nothing_and_decides_nothing() {
    let granted = Some(Value::from(true));
    for body in [
        "allow if print(input)",
        "allow if {\n print(\"absent:\", input.absent, 1 / 0)\n 1 == 1\n}",
        "allow if every x in [1, 2] {\n print(x)\n x > 0\n}",
    ] {
        assert_eq!(evaluate(body).unwrap(), granted, "{body}");
    }
    let denied = evaluate("allow if {\n print(\"x\")\n 1 == 2\n}").unwrap();
    assert_eq!(denied, None);
    does_not_compile("allow if {\n print(\"x\"\n}", "expecting `)`");
}

#[test]
fn text_that_is_no_policy_does_not_compile() {
    for (rego, because) in [
        ("", "expecting"),
        ("package", "expecting"),
        ("package policy\nallow if {", "expecting"),
        ("package policy\nallow {", "as Rego v0"),
        ("package other\nallow := true", "package must be `policy`"),
        ("package policy.sub\nallow := true", "package must be `policy`"),
        ("package policy\nother := true", "no rule `allow`"),
        (
            "package policy\ndefault alow := false",
            "was `alow` meant for it?",
        ),
        ("package policy\nallow := x", "x"),
        ("package policy\nallow := f(1)", "Unknown function"),
        ("\u{0}\u{feff}\u{202e}", "as Rego v1"),
    ] {
        let error = Parsed::parse(rego)
            .and_then(|parsed| parsed.compile(&TARGET))
            .unwrap_err();
        let PolicyError::Compile(text) = error else {
            panic!("{rego:?}: {error:?}")
        };
        assert!(text.contains(because), "{rego:?}: {text}");
    }
    let long = format!(
        "package policy\nallow := true\n{}",
        "# filler\n".repeat(MAX_BYTES / 9)
    );
    does_not_compile(&long, "longer than");
    does_not_compile("allow if other\nother if allow", "depend");
    does_not_compile("allow if f(1)\nf(x) if f(x + 1)", "depend");
    does_not_compile(
        "allow := true\nf(x) if g(x)\ng(x) if { y := [1 | f(x)]; y == [] }",
        "depend",
    );
    let chain: String = (1..100).map(|n| format!("r{n} := r{}\n", n - 1)).collect();
    does_not_compile(&format!("r0 := true\n{chain}allow := r99"), "deeper than 24");
    let rules: String = (0..1001).map(|n| format!("r{n} := {n}\n")).collect();
    does_not_compile(&format!("allow := true\n{rules}"), "rules");
    let nested = format!("allow := {}{}", "[\n".repeat(5000), "]\n".repeat(5000));
    does_not_compile(&nested, "nest");
}

#[test]
fn deep_and_long_policies_do_not_break_the_engine() {
    let many = |text: &str| text.repeat(MAX_BYTES / 2 / text.len());
    for body in [
        format!("allow := 1 {}", many("+\n1")),
        format!("allow := {}1", many("-\n")),
        format!("allow if {}true", many("not\n")),
        format!("allow := 1 if false {}", many("else := 2 if false\n")),
        format!("allow if input{}", many("\n.a")),
        format!("allow if input{}", many("[\n0]")),
        format!("allow if {{ true {} }}", many("\ntrue")),
        format!("allow if {}", many("{{\n")),
        format!("allow if {{ x := 1 {} }}", many("\n|1")),
        format!("{}allow := true", many("import data.a\n")),
        format!("allow := true\n{}", many("allow := true\n")),
        format!("allow := [{}]", many("1,\n")),
        format!("allow := [{}]", many("f(1),\n")),
        many("allow"),
    ] {
        let _ = evaluate(&body);
    }
}

/// Runs a policy that cannot end well, and says which limit it hit.
#[track_caller]
fn hits(body: &str) -> LimitKind {
    let begin = Instant::now();
    let result = evaluate_within(
        body,
        &Limits {
            time: Duration::from_millis(100),
            ..Limits::default()
        },
    );
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{body}: stopped after {took:?}");
    match result {
        Err(PolicyError::Limit(kind)) => kind,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn policy_that_loops_hits_a_limit() {
    for body in [
        "n := numbers.range(1, 1000)\nallow if { some a in n; some b in n; some c in n; a + b + c == 0 }",
        "n := numbers.range(1, 1000)\nallow if { count([1 | n[_]; n[_]; n[_]]) == 0 }",
        "n := numbers.range(1, 1000)\nallow if { every a in n { every b in n { every c in n { a + b + c > 0 } } } }",
    ] {
        assert!(matches!(hits(body), LimitKind::Time), "{body}");
    }
}

#[test]
fn policy_without_time_stops() {
    let no_time = Limits {
        time: Duration::ZERO,
        ..Limits::default()
    };
    let body = "n := numbers.range(1, 100)\nallow if { some a in n; a == 0 }";
    let error = evaluate_within(body, &no_time).unwrap_err();
    assert!(matches!(error, PolicyError::Limit(LimitKind::Time)), "{error:?}");
}

#[test]
fn policy_that_allocates_without_end_hits_a_limit() {
    let doubled = |first: &str, next: fn(usize) -> String| {
        let steps: String = (1..60).map(|n| format!("x{n} := {}\n", next(n - 1))).collect();
        format!("allow if {{\nx0 := {first}\n{steps}end := x59\nend\n}}")
    };
    for body in [
        "allow if numbers.range(1, 1000000000000)".to_owned(),
        "allow if numbers.range(1, -9223372036854775807)".to_owned(),
        "allow if numbers.range_step(1, 1000000000000, 1)".to_owned(),
        "allow if numbers.range_step(1, 2, 0)".to_owned(),
        "allow if [x | some x in numbers.range(1, 1000000000)]".to_owned(),
        "allow if bits.lsh(1, 4000000000)".to_owned(),
        "allow if sprintf(\"%4000000000d\", [1])".to_owned(),
        "allow if sprintf(\"%99999999999999999999d\", [1])".to_owned(),
        "allow if sprintf(\"%.100000000f\", [1.5])".to_owned(),
        doubled("\"a\"", |n| format!("concat(\"\", [x{n}, x{n}])")),
        doubled("\"a\"", |n| format!("sprintf(\"%s%s\", [x{n}, x{n}])")),
        doubled("\"aa\"", |n| format!("replace(x{n}, \"a\", x{n})")),
        doubled("\"aa\"", |n| format!("replace(x{n}, \"\", x{n})")),
        doubled("\"aa\"", |n| format!("regex.replace(x{n}, \"a\", x{n})")),
        doubled("\"aa\"", |n| format!("regex.replace(x{n}, \"a+\", \"$0$0\")")),
        doubled("\"aa\"", |n| format!("strings.replace_n({{\"a\": x{n}}}, x{n})")),
        doubled("[1]", |n| format!("array.concat(x{n}, x{n})")),
        doubled("\"a\"", |n| format!("hex.encode(x{n})")),
        doubled("\"a\"", |n| format!("json.marshal([x{n}, x{n}])")),
        // Shared values are small until they are written out.
        doubled("[1]", |n| format!("[x{n}, x{n}]")).replace("end := x59", "end := json.marshal(x59)"),
        doubled("[1]", |n| format!("[x{n}, x{n}]")).replace("end := x59", "end := sprintf(\"%v\", [x59])"),
    ] {
        // In a slow build the time may be over first.
        assert!(
            matches!(hits(&body), LimitKind::Memory | LimitKind::Time),
            "{body}"
        );
    }
    // Numbers grow with each product, and so does the time of one.
    let squares = doubled("12345678901234567890", |n| format!("x{n} * x{n}"));
    assert!(matches!(hits(&squares), LimitKind::Time), "{squares}");
}

#[test]
fn failure_at_run_time_names_the_line_and_the_kind_and_no_claim() {
    let error = evaluate("allow := 1 if input.one\n\nallow := 2 if data.plugin").unwrap_err();
    assert_eq!(
        error.to_string(),
        "policy failed while it ran: at policy.rego:4:1, in `allow := 2 if data.plugin`: two definitions give it \
         different values"
    );
    let error = evaluate("allow if startswith(input.object, \"b\")").unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("`startswith` got a value of a type"), "{text}");
    assert!(!text.contains("{\"a\"") && !text.contains("Got"), "{text}");
}

#[test]
fn compiled_policy_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Compiled>();
    shared::<crate::AppraisalPolicy>();
    shared::<crate::ReleasePolicy>();
    shared::<crate::ReferenceValueSnapshot>();
    shared::<crate::PolicyInput>();
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Compiling and running ends with a result or an error, whatever the text.
    #[test]
    fn no_policy_text_panics(body in r#"([a-z:=\[\]{}"`., 0-9\n#]|input|if |allow|default |some |in |every |not |else |import |x := |count\(|\)){0,60}"#) {
        let _ = evaluate(&format!("default allow := false\nallow if {{ {body} }}\n"));
        let _ = evaluate(&body);
        let _ = Parsed::parse(&body);
    }
}

/// The engine reads such brackets twice for each that is around them.
#[test]
fn brackets_that_would_take_long_to_read_are_refused_at_once() {
    for (open, close) in [
        ("[", "]"),
        ("{", "}"),
        ("{[", "]}"),
        ("[1 | ", "]"),
        ("{{1: ", "}}"),
        ("([", "])"),
        ("{\"a\": [", "]}"),
        ("[a in [", "]]"),
    ] {
        let nested = |deep: usize| format!("allow := {}1{}", open.repeat(deep), close.repeat(deep));
        let begin = Instant::now();
        does_not_compile(&nested(30), "inside each other");
        assert!(begin.elapsed() < Duration::from_secs(2), "{open}");
        // A few are nothing special.
        let _ = evaluate(&nested(4));
        assert!(begin.elapsed() < Duration::from_secs(10), "{open}");
    }
    // Many side by side are no deeper than one.
    let beside = format!(
        "package policy\nallow := [{}[[[[1]]]]]",
        "[[[[1]]]],\n".repeat(2000)
    );
    with_deep_stack(|| Parsed::parse(&beside).map(drop)).unwrap();
}

/// Rules `r0` to `r19`, and values in values as deep as they can be.
fn nested() -> String {
    let mut rego = "r0 := [1]\n".to_owned();
    for rule in 1..20 {
        let lines = (1..=100).map(|n| format!("a{n} := [a{}]\n", n - 1));
        let lines: String = lines.collect();
        rego += &format!("r{rule} := a100 if {{\na0 := r{}\n{lines}}}\n", rule - 1);
    }
    rego
}

/// A rule `d` with a value that holds another one very often.
fn doubled() -> String {
    let lines = (1..=40).map(|n| format!("a{n} := [a{0}, a{0}]\n", n - 1));
    format!("d := a40 if {{\na0 := [1]\n{}}}\n", lines.collect::<String>())
}

#[test]
fn values_that_nest_very_deep_are_compared_and_break_nothing() {
    let body = format!("{}allow if [r19] != r19\n", nested());
    assert_eq!(evaluate(&body).unwrap(), Some(Value::Bool(true)));
}

#[test]
fn a_result_that_nests_very_deep_or_holds_others_very_often_is_an_error() {
    for body in [
        format!("{}allow := r19\n", nested()),
        format!("{}allow := d\n", doubled()),
    ] {
        let result = evaluate(&body);
        assert!(matches!(result, Err(PolicyError::Result(_))), "{result:?}");
    }
}

#[test]
fn only_a_policy_that_can_build_large_values_is_watched() {
    assert!(!compile("allow if input.one == 1").unwrap().may_hang());
    assert!(compile(&format!("{}allow if r19", nested())).unwrap().may_hang());
    assert!(compile(&format!("{}allow if d", doubled())).unwrap().may_hang());
}
