//! Clients that take more than their share.

use super::*;

#[tokio::test]
async fn a_client_that_is_silent_or_slow_with_its_header_is_cut_off() {
    let stack = start(None, quick(), router()).await;
    for start in [
        &b""[..],
        b"G",
        b"PRI * HTTP/2.0\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ",
    ] {
        let answer = exchange(stack.address, start).await;
        assert_ne!(status(&answer), "200", "{start:?}");
    }
}

#[tokio::test]
async fn a_header_in_drips_is_cut_off() {
    let stack = start(None, quick(), router()).await;
    let mut socket = TcpStream::connect(stack.address).await.unwrap();
    let _ = socket.set_nodelay(true);
    socket.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    let dripped = async {
        while socket.write_all(b"x-a: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, dripped).await.expect("the server hangs up");
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_refused() {
    let stack = start(None, quick(), router()).await;
    let request =
        |headers: String| format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    let few = exchange(stack.address, request("a: b\r\n".repeat(90)).as_bytes()).await;
    assert_eq!(status(&few), "200");
    let many = exchange(stack.address, request("a: b\r\n".repeat(101)).as_bytes()).await;
    assert_eq!(status(&many), "431");
    for huge in [
        format!("a: {}\r\n", "b".repeat(70_000)),
        "a: b\r\n".repeat(100_000),
    ] {
        let answer = exchange(stack.address, request(huge).as_bytes()).await;
        // The answer may be lost in the reset that the unread rest provokes.
        assert!(matches!(status(&answer), "431" | ""), "{}", status(&answer));
    }
    assert_eq!(status(&exchange(stack.address, GET).await), "200");
}

#[tokio::test]
async fn the_limit_on_the_number_of_headers_can_be_set() {
    let stack = start(
        None,
        Limits {
            max_headers: 4,
            ..quick()
        },
        router(),
    )
    .await;
    assert_eq!(status(&exchange(stack.address, GET).await), "200");
    let five = b"GET / HTTP/1.1\r\nhost: a\r\na: b\r\na: b\r\na: b\r\na: b\r\n\r\n";
    assert_eq!(status(&exchange(stack.address, five).await), "431");
}

#[tokio::test]
async fn a_body_without_end_is_given_up() {
    let stack = start(None, quick(), router()).await;
    let mut socket = TcpStream::connect(stack.address).await.unwrap();
    let head = b"POST /body HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
    socket.write_all(head).await.unwrap();
    assert_eq!(status(&read_to_close(&mut socket).await), "408");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_its_place_is_free_again_later() {
    let stack = start(
        None,
        Limits {
            max_connections: 1,
            header_timeout: SOON,
            ..quick()
        },
        router(),
    )
    .await;
    let mut first = TcpStream::connect(stack.address).await.unwrap();
    first
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 12];
    first.read_exact(&mut some).await.unwrap();
    assert_eq!(status(&some), "200");

    assert_eq!(status(&exchange(stack.address, GET).await), "");
    drop(first);
    let again = async {
        while status(&exchange(stack.address, GET).await) != "200" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, again).await.expect("the place is free again");
}

#[tokio::test]
async fn one_request_too_many_is_answered_at_once_and_its_place_is_free_again_later() {
    let limits = Limits {
        max_requests: 1,
        request_timeout: SOON,
        ..quick()
    };
    let stack = start(None, limits, router()).await;
    let mut first = TcpStream::connect(stack.address).await.unwrap();
    let head = b"POST /body HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\na";
    first.write_all(head).await.unwrap();
    let busy = async {
        loop {
            let answer = exchange(stack.address, GET).await;
            if status(&answer) == "503" {
                return String::from_utf8(answer).unwrap();
            }
        }
    };
    let busy = timeout(SOON, busy)
        .await
        .expect("the first request has the place");
    assert!(busy.contains("retry-after: 1"), "{busy}");
    first.write_all(b"bc").await.unwrap();
    assert_eq!(status(&read_to_close(&mut first).await), "200");
    assert_eq!(status(&exchange(stack.address, GET).await), "200");
}

/// Frames of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The error code of the GOAWAY frame in an answer.
fn goaway(mut answer: &[u8]) -> Option<u32> {
    while let Some((head, rest)) = answer.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (payload, rest) = rest.split_at_checked(length)?;
        if head[3] == 7 {
            return Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        answer = rest;
    }
    None
}

/// The preface, empty settings, and then `streams` requests for `/slow`, each reset at once if `reset`.
fn http2_requests(streams: u32, reset: bool) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    for id in (0..streams).map(|n| 2 * n + 1) {
        // Indexed `:method GET`, `:scheme http`; literal `:path /slow` and `:authority a` (RFC 7541, appendix A).
        bytes.extend(frame(1, 0x5, id, b"\x82\x86\x04\x05/slow\x01\x01a"));
        if reset {
            bytes.extend(frame(3, 0, id, &8_u32.to_be_bytes()));
        }
    }
    bytes
}

#[tokio::test]
async fn http_2_rapid_reset_ends_the_connection() {
    let stack = start(None, quick(), router()).await;
    let answer = exchange(stack.address, &http2_requests(2000, true)).await;
    const ENHANCE_YOUR_CALM: u32 = 11;
    assert_eq!(goaway(&answer), Some(ENHANCE_YOUR_CALM));
    assert_eq!(status(&exchange(stack.address, GET).await), "200");
}

#[tokio::test]
async fn http_2_streams_over_the_limit_are_refused() {
    let stack = start(
        None,
        Limits {
            http2_max_streams: 4,
            ..quick()
        },
        router(),
    )
    .await;
    let mut socket = TcpStream::connect(stack.address).await.unwrap();
    socket.write_all(&http2_requests(8, false)).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_millis(600), socket.read_to_end(&mut answer)).await;
    const REFUSED_STREAM: [u8; 4] = 7_u32.to_be_bytes();
    let refused = frame(3, 0, 9, &REFUSED_STREAM);
    assert!(answer.windows(refused.len()).any(|window| window == refused));
}
