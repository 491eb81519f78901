use std::time::{Duration, Instant};

use super::*;

fn evaluate_within(body: &str, limits: &Limits) -> Result<Option<Value>, PolicyError> {
    let compiled = compile(body)?;
    let input = Value::from_json_str(r#"{"list":[1,2],"object":{"a":1},"one":1}"#).unwrap();
    let data = Value::from_json_str(r#"{"plugin":"resource"}"#).unwrap();
    compiled
        .machine(input, data, limits)?
        .rule("allow", &mut |_| None)
}

fn compile(body: &str) -> Result<Compiled, PolicyError> {
    with_deep_stack(|| Parsed::parse(&format!("package policy\n{body}"))?.compile(&["allow"], false))
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
fn language_features_work() {
    for body in [
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
fn guarded_built_ins_work() {
    for body in [
        "allow if { sprintf(\"%05d|%v|%s\", [1, [2], \"x\"]) == \"00001|[2]|x\" }",
        "allow if { concat(\"/\", [\"a\", \"b\"]) == \"a/b\" }",
        "allow if { concat(\"/\", {\"a\", \"b\"}, x); x == \"a/b\" }",
        "allow if { numbers.range(1, 3) == [1, 2, 3] }",
        "allow if { numbers.range_step(1, 5, 2) == [1, 3, 5] }",
        "allow if { bits.lsh(1, 4) == 16 }",
        "allow if { replace(\"aba\", \"a\", \"cc\") == \"ccbcc\" }",
        "allow if { strings.replace_n({\"a\": \"b\"}, \"ab\") == \"bb\" }",
        "allow if { regex.replace(\"foo\", \"(o)\", \"$1$1\") == \"foooo\" }",
        "allow if { array.concat([1], [2]) == [1, 2] }",
        "allow if { json.marshal({\"a\": [1, \"x\"]}) == `{\"a\":[1,\"x\"]}` }",
        "allow if { base64.encode(\"a\") == \"YQ==\"; hex.encode(\"a\") == \"61\" }",
        // Several in one rule, in a comprehension, in a function.
        "f(x) := concat(\"\", [\"f\", x])\nallow if { [y | some x in [\"a\", \"b\"]; y := f(replace(x, \"a\", \"c\"))] == [\"fc\", \"fb\"] }",
        // The policy's own function goes before the built-in.
        "concat(a, b) := a + b\nallow if { concat(1, 2) == 3 }",
        // As in OPA, a built-in that gets what it does not take is undefined.
        "allow if { not concat(1, 2); not numbers.range(\"a\", 2); not replace(\"a\", 1, \"b\"); not sprintf(1, []) }",
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
    does_not_compile("allow if print(input)", "print");
    let explicit = evaluate("allow if __builtin_host_await(input, \"query_reference_value\")");
    assert!(
        matches!(explicit, Err(PolicyError::Evaluation(_))),
        "{explicit:?}"
    );
    let explicit = evaluate("allow if __builtin_host_await([\"a\"], \"query_reference_value\") == null");
    assert!(
        matches!(explicit, Ok(Some(_)) | Err(PolicyError::Evaluation(_))),
        "{explicit:?}"
    );
}

#[test]
fn text_that_is_no_policy_does_not_compile() {
    for (rego, because) in [
        ("", "expecting"),
        ("package", "expecting"),
        ("package policy\nallow if {", "as Rego v1"),
        ("package policy\nallow {", "as v0"),
        ("package other\nallow := true", "package must be `policy`"),
        ("package policy.sub\nallow := true", "package must be `policy`"),
        ("package policy\nother := true", "no rule `allow`"),
        ("package policy\nallow := x", "x"),
        ("package policy\nallow := f(1)", "Unknown function"),
        ("\u{0}\u{feff}\u{202e}", "as Rego v1"),
    ] {
        let error = Parsed::parse(rego)
            .and_then(|parsed| parsed.compile(&["allow"], false))
            .unwrap_err();
        let PolicyError::Compile(text) = error else {
            panic!("{rego:?}: {error:?}")
        };
        assert!(text.contains(because), "{rego:?}: {text}");
    }
    let long = format!(
        "package policy\nallow := true\n{}",
        "# filler\n".repeat(MAX_POLICY_BYTES / 9)
    );
    does_not_compile(&long, "longer than");
    let rules: String = (0..=MAX_RULES).map(|n| format!("r{n} := {n}\n")).collect();
    does_not_compile(&format!("allow := true\n{rules}"), "rules");
    let nested = format!("allow := {}{}", "[\n".repeat(5000), "]\n".repeat(5000));
    does_not_compile(&nested, "nest");
}

#[test]
fn deep_and_long_policies_do_not_break_the_engine() {
    let many = |text: &str| text.repeat(MAX_POLICY_BYTES / 2 / text.len());
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
        "allow if other\nother if allow",
        "allow if f(1)\nf(x) if f(x + 1)",
    ] {
        assert!(
            matches!(hits(body), LimitKind::Instructions | LimitKind::Time),
            "{body}"
        );
    }
}

#[test]
fn policy_with_few_instructions_left_stops() {
    let few = Limits {
        instructions: 10,
        ..Limits::default()
    };
    let error = evaluate_within("allow if { some x in [1, 2, 3, 4, 5]; x == 6 }", &few).unwrap_err();
    assert!(
        matches!(error, PolicyError::Limit(LimitKind::Instructions)),
        "{error:?}"
    );
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
        format!("x0 := {first}\n{steps}allow if x59")
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
        doubled("[1]", |n| format!("[x{n}, x{n}]")).replace("allow if x59", "allow if json.marshal(x59)"),
        doubled("[1]", |n| format!("[x{n}, x{n}]"))
            .replace("allow if x59", "allow if sprintf(\"%v\", [x59])"),
    ] {
        assert_eq!(hits(&body), LimitKind::Memory, "{body}");
    }
    // Numbers grow with each product, and so does the time of one.
    let squares = doubled("12345678901234567890", |n| format!("x{n} * x{n}"));
    assert!(matches!(hits(&squares), LimitKind::Time), "{squares}");
}

#[test]
fn failure_at_run_time_names_no_claim() {
    let value = Value::from("canary");
    let error = failure(&VmError::RegisterNotArray {
        register: 1,
        value,
        pc: 7,
    });
    assert_eq!(format!("{error}"), "policy failed while it ran: RegisterNotArray");
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn rule_with_two_values_is_undefined() {
    assert_eq!(
        evaluate("allow := true if input.one\nallow := false if input.list").unwrap(),
        None
    );
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
    /// Compiling and running ends with a result or an error, whatever the text.
    #[test]
    fn no_policy_text_panics(body in r#"([a-z:=\[\]{}"`., 0-9\n#]|input|if |allow|default |some |in |every |not |else |import |x := |count\(|\)){0,60}"#) {
        let _ = evaluate(&format!("default allow := false\nallow if {{ {body} }}\n"));
        let _ = evaluate(&body);
        let _ = Parsed::parse(&body);
    }
}
