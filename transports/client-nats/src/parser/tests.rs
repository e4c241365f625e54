use proptest::prelude::*;

use super::*;

const LIMITS: ParserLimits = ParserLimits { control_line: 64, payload: 100 };

/// Operations as text, so that they can be compared after the buffer is gone, and the fault.
fn read_in(pieces: &[&[u8]]) -> (Vec<String>, Option<Fault>) {
    let mut parser = Parser::new(LIMITS);
    let mut seen = Vec::new();
    for piece in pieces {
        let mut each = |op: Op<'_>, settings: &mut ParserSettings| {
            settings.headers |= matches!(op, Op::Connect(_));
            seen.push(shown(op));
            ControlFlow::Continue(())
        };
        if let Err(fault) = parser.read(piece, &mut each) {
            return (seen, Some(fault));
        }
        assert!(parser.unfinished() <= 2 * LIMITS.control_line + LIMITS.payload + 16, "what is kept is bounded");
    }
    (seen, None)
}

fn shown(op: Op<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match op {
        Op::Connect(options) => format!("connect {}", text(options)),
        Op::Publish { subject, reply, headers, payload } => {
            format!("pub {} {:?} {:?} {:?}", text(subject), reply.map(text), text(headers), text(payload))
        }
        Op::Subscribe { pattern, queue, sid } => format!("sub {} {:?} {}", text(pattern), queue.map(text), text(sid)),
        Op::Unsubscribe { sid, max } => format!("unsub {} {max:?}", text(sid)),
        Op::Ping => "ping".into(),
        Op::Pong => "pong".into(),
        Op::Nothing => "nothing".into(),
    }
}

fn read(text: &str) -> (Vec<String>, Option<Fault>) {
    let whole = read_in(&[text.as_bytes()]);
    let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
    assert_eq!(read_in(&bytes), whole, "byte by byte: {text:?}");
    for at in 1..text.len() {
        let (first, second) = text.as_bytes().split_at(at);
        assert_eq!(read_in(&[first, second]), whole, "split at {at}: {text:?}");
    }
    whole
}

#[test]
fn operations_are_read_as_they_may_be_written() {
    for (text, expected) in [
        ("PING\r\n", "ping"),
        ("ping\n", "ping"),
        ("PiNg whatever stands here\r\n", "ping"),
        ("PONG\r\n", "pong"),
        ("+OK\r\n", "nothing"),
        ("INFO {\"a\":1}\r\n", "nothing"),
        ("CONNECT {\"verbose\":false}\r\n", "connect {\"verbose\":false}"),
        ("connect\t{}\n", "connect {}"),
        ("CONNECT{}\r\n", "connect {}"),
        ("PUB foo 5\r\nhello\r\n", r#"pub foo None "" "hello""#),
        ("pub \t foo \t bar   5 \r\nhello\r\n", r#"pub foo Some("bar") "" "hello""#),
        ("PUB foo 0\r\n\r\n", r#"pub foo None "" """#),
        ("PUB foo 2\n\r\n\r\n", r#"pub foo None "" "\r\n""#),
        ("SUB foo 1\r\n", "sub foo None 1"),
        ("SUB foo.* q abc\r\n", r#"sub foo.* Some("q") abc"#),
        ("UNSUB 1\r\n", "unsub 1 None"),
        ("UNSUB 1 5\r\n", "unsub 1 Some(5)"),
        ("UNSUB 1 -5\r\n", "unsub 1 None"),
    ] {
        assert_eq!(read(text), (vec![expected.to_owned()], None), "{text:?}");
    }
    let (ops, fault) = read("CONNECT {}\r\nHPUB a b 12 17\r\nNATS/1.0\r\n\r\nhello\r\nHPUB a 0 2\r\nhi\r\nPING\r\n");
    assert_eq!(fault, None);
    assert_eq!(ops, ["connect {}", r#"pub a Some("b") "NATS/1.0\r\n\r\n" "hello""#, r#"pub a None "" "hi""#, "ping"]);
}

#[test]
fn faults_are_seen_as_soon_as_they_can_be() {
    for (text, fault) in [
        ("X", Fault::UnknownOperation),
        ("PX", Fault::UnknownOperation),
        ("PUBX", Fault::UnknownOperation),
        ("PUB\r\n", Fault::UnknownOperation),
        ("SUBfoo 1\r\n", Fault::UnknownOperation),
        ("MSG a 1 1\r\n", Fault::UnknownOperation),
        ("RS+ a\r\n", Fault::UnknownOperation),
        ("\r\n", Fault::UnknownOperation),
        ("PUB foo 5\r\nhelloX", Fault::UnknownOperation),
        ("PUB foo 5\r\nhello\rX", Fault::UnknownOperation),
        ("PUB foo 5\r\nhello\n", Fault::UnknownOperation),
        ("PUB foo\r\n", Fault::Fields),
        ("PUB \r\n", Fault::Fields),
        ("PUB a b c 5\r\n", Fault::Fields),
        ("PUB a b c d e\r\n", Fault::Fields),
        ("PUB foo -1\r\n", Fault::Fields),
        ("PUB foo 1x\r\n", Fault::Fields),
        ("PUB foo 1234567890\r\n", Fault::Fields),
        ("PUB foo 101\r\n", Fault::Payload),
        ("HPUB foo 1 1\r\n", Fault::Headers),
        ("SUB foo\r\n", Fault::Fields),
        ("SUB a b c d\r\n", Fault::Fields),
        ("UNSUB \r\n", Fault::Fields),
        ("UNSUB 1 2 3\r\n", Fault::Fields),
        ("-ERR 'bad'\r\n", Fault::ByClient),
    ] {
        assert_eq!(read(text), (vec![], Some(fault)), "{text:?}");
    }
    let connected = |rest: &str| {
        let (ops, fault) = read(&format!("CONNECT {{}}\r\n{rest}"));
        assert_eq!(ops, ["connect {}"], "{rest:?}");
        fault
    };
    assert_eq!(connected("HPUB a 6 5\r\n"), Some(Fault::Fields));
    assert_eq!(connected("HPUB a 5\r\n"), Some(Fault::Fields));
    assert_eq!(connected("HPUB a 0 101\r\n"), Some(Fault::Payload));
    assert_eq!(connected("HPUB a x 5\r\n"), Some(Fault::Fields));
}

#[test]
fn a_control_line_is_bounded_before_it_ends() {
    let long = "x".repeat(LIMITS.control_line);
    assert_eq!(read_in(&[b"CONNECT ", long.as_bytes()]), (vec![], None));
    let whole = (vec![format!("connect {long}")], None);
    assert_eq!(read_in(&[b"CONNECT ", long.as_bytes(), b"\r", b"\n"]), whole);
    assert_eq!(read_in(&[b"CONNECT ", long.as_bytes(), b"x"]).1, Some(Fault::ControlLine));
    assert_eq!(read_in(&[format!("SUB {long} 1\r\n").as_bytes()]).1, Some(Fault::ControlLine));
    assert_eq!(read_in(&[format!("PUB {long}").as_bytes(), b"x"]).1, Some(Fault::ControlLine));
}

/// A client that never ends a line may not make the server keep what it sends.
#[test]
fn an_endless_line_is_a_fault_whatever_it_begins_with() {
    for (begins, goes_on) in [("PING", "x"), ("+OK", " "), ("PUB", " "), ("connect", "\t"), ("SUB a", "b")] {
        let endless = goes_on.repeat(50);
        let pieces: Vec<&[u8]> =
            std::iter::once(begins).chain(std::iter::repeat_n(endless.as_str(), 20)).map(str::as_bytes).collect();
        assert_eq!(read_in(&pieces), (Vec::new(), Some(Fault::ControlLine)), "{begins}");
    }
    assert_eq!(read_in(&[b"P\0", b"x"]), (Vec::new(), Some(Fault::UnknownOperation)));
    assert_eq!(read_in(&[b"P", b"ING\r\n"]), (vec!["ping".to_owned()], None));
}

#[test]
fn a_large_payload_leaves_no_memory_behind() {
    let mut parser = Parser::new(ParserLimits { control_line: 64, payload: 1 << 20 });
    let mut count = 0;
    let mut each = |_: Op<'_>, _: &mut ParserSettings| {
        count += 1;
        ControlFlow::Continue(())
    };
    parser.read(b"PUB a 1000000\r\n", &mut each).unwrap();
    parser.read(&vec![b'x'; 1_000_000], &mut each).unwrap();
    parser.read(b"\r\nPING\r\n", &mut each).unwrap();
    assert_eq!((count, parser.unfinished.capacity()), (2, 0));
}

#[test]
fn who_breaks_off_gets_no_more() {
    let mut parser = Parser::new(LIMITS);
    let mut count = 0;
    let mut each = |_: Op<'_>, _: &mut ParserSettings| {
        count += 1;
        ControlFlow::Break(())
    };
    parser.read(b"PING\r\nPING\r\nPI", &mut each).unwrap();
    assert_eq!((count, parser.unfinished()), (1, 0));
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec![
            &b"PING\r\n"[..], b"PONG\r\n", b"PUB a.b 3\r\nabc\r\n", b"PUB a r 0\r\n\r\n", b"SUB a.* 1\r\n", b"SUB a q 2\r\n",
            b"UNSUB 1\r\n", b"UNSUB 2 7\r\n", b"CONNECT {}\r\n", b"HPUB h 12 14\r\nNATS/1.0\r\n\r\nok\r\n", b"+OK\r\n",
        ])
        .prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..6),
        1 => prop::sample::select(vec![&b"P"[..], b"PUB ", b"\r\n", b" ", b"\r", b"HPUB a 9 3\r\n", b"PUB a 9\r\nabc\r\n", b"-ERR x\r\n"])
            .prop_map(<[u8]>::to_vec),
    ]
}

proptest! {
    /// Whatever comes, in whatever pieces: the same operations, the same fault, at the same place.
    #[test]
    fn pieces_make_no_difference(stream in prop::collection::vec(piece(), 0..12), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let stream: Vec<u8> = stream.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
        prop_assert_eq!(read_in(&pieces), read_in(&[&stream]));
    }
}
