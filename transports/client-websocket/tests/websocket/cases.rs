//! The cases of the Autobahn suite for servers, sections 1 to 7, 9 and 10 without compression, against a server that does not echo messages as they are:
//! a text message is a protocol frame here, so what the suite sends as payload goes as the text of a publication to oneself, and comes back in a delivery.

use crate::support::{CLOSE, FIN, PING, PONG, Peer, TEXT, close, frame, server};

/// A frame to send, and how its bytes are chopped.
#[derive(Clone)]
struct Sent {
    bytes: Vec<u8>,
    chop: Option<usize>,
}

fn sent(bytes: Vec<u8>) -> Sent {
    Sent { bytes, chop: None }
}

/// What must come back.
enum Expect {
    /// The text of each publication, in order, and these pongs, then the client's own close is answered.
    Clean { texts: Vec<String>, pongs: Vec<Vec<u8>> },
    /// These texts, and the server closes with the code.
    Closes { texts: Vec<String>, code: u16 },
}

struct Case {
    name: &'static str,
    send: Vec<Sent>,
    expect: Expect,
}

/// The protocol frame that carries `text`.
fn publish(text: &str) -> Vec<u8> {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            '\0'..=' ' if character != ' ' => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            character => escaped.push(character),
        }
    }
    format!(r#"{{"op":"publish","subject":"echo","text":"{escaped}"}}"#).into_bytes()
}

/// The payload cut into fragments of so many bytes.
fn fragments(payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let pieces: Vec<&[u8]> = payload.chunks(size).collect();
    let last = pieces.len() - 1;
    let first = |at: usize| (if at == 0 { TEXT } else { 0 }) | (if at == last { FIN } else { 0 });
    pieces.iter().enumerate().map(|(at, piece)| frame(first(at), piece)).collect()
}

fn clean(name: &'static str, send: Vec<Vec<u8>>, texts: &[&str], pongs: &[&[u8]]) -> Case {
    let texts = texts.iter().map(ToString::to_string).collect();
    let pongs = pongs.iter().map(|pong| pong.to_vec()).collect();
    Case { name, send: send.into_iter().map(sent).collect(), expect: Expect::Clean { texts, pongs } }
}

fn closes(name: &'static str, send: Vec<Vec<u8>>, texts: &[&str], code: u16) -> Case {
    let texts = texts.iter().map(ToString::to_string).collect();
    Case { name, send: send.into_iter().map(sent).collect(), expect: Expect::Closes { texts, code } }
}

async fn run(case: Case) {
    let server = server().await;
    let mut peer = Peer::connected(&server).await;
    peer.stream.set_nodelay(true).unwrap();
    for Sent { bytes, chop } in &case.send {
        for piece in bytes.chunks(chop.unwrap_or(usize::MAX)) {
            peer.try_send(piece).await;
            if chop.is_some() {
                tokio::task::yield_now().await;
            }
        }
    }
    let (expected, pongs_expected, code) = match &case.expect {
        Expect::Clean { texts, pongs } => {
            peer.send(&close(1000, b"")).await;
            (texts, Some(pongs), 1000)
        }
        Expect::Closes { texts, code } => (texts, None, *code),
    };
    let (mut texts, mut pongs) = (Vec::new(), Vec::new());
    let rest = peer.rest().await;
    let (end, came) = rest.split_last().unwrap();
    for (opcode, payload) in came {
        match *opcode {
            PONG => pongs.push(payload.clone()),
            TEXT => texts.extend(texts_of(payload)),
            other => panic!("{}: a frame with the opcode {other}", case.name),
        }
    }
    assert_eq!(end.0, CLOSE, "{}", case.name);
    assert_eq!(u16::from_be_bytes(end.1[..2].try_into().unwrap()), code, "{}", case.name);
    assert_eq!(&texts, expected, "{}", case.name);
    if let Some(expected) = pongs_expected {
        assert_eq!(&pongs, expected, "{}", case.name);
    }
}

/// The texts of a delivery; nothing for other frames but the close.
fn texts_of(payload: &[u8]) -> Vec<String> {
    use pointsman_protocol::frame::ServerFrame;
    let mut texts = Vec::new();
    pointsman_protocol::json::decode_server(payload, &mut |frame| {
        match frame.unwrap() {
            ServerFrame::Message { messages, .. } => {
                texts.extend(messages.iter().map(|message| String::from_utf8(message.payload.to_vec()).unwrap()));
            }
            ServerFrame::Close(_) => {}
            other => panic!("{other:?}"),
        }
        std::ops::ControlFlow::Continue(())
    });
    texts
}

async fn run_all(cases: Vec<Case>) {
    for case in cases {
        run(case).await;
    }
}

/// Sections 1 (sizes) and 9 (limits, as far as the limits here go): whole, in fragments, in chopped segments.
#[tokio::test]
async fn sizes() {
    for size in [0, 1, 60, 125, 126, 127, 128, 65_000] {
        let text = "*".repeat(size);
        let payload = publish(&text);
        for chop in [None, Some(997), Some(128)] {
            let whole = Sent { bytes: frame(FIN | TEXT, &payload), chop };
            let expect = Expect::Clean { texts: vec![text.clone()], pongs: Vec::new() };
            run(Case { name: "1.1, 9.5: one frame", send: vec![whole], expect }).await;
        }
        for fragment in [64, 256, 4096, 60_000] {
            run(clean("9.3: fragments", fragments(&payload, fragment), &[&text], &[])).await;
        }
    }
    let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = many.iter().map(String::as_str).collect();
    let frames = many.iter().map(|text| frame(FIN | TEXT, &publish(text))).collect();
    run(clean("9.7: many messages", frames, &texts, &[])).await;
}

/// Section 2: pings and pongs.
#[tokio::test]
async fn pings_and_pongs() {
    let ping = |payload: &[u8]| frame(FIN | PING, payload);
    let pong = |payload: &[u8]| frame(FIN | PONG, payload);
    let binary = [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff];
    let full = [0xfe; 125];
    let ten: Vec<Vec<u8>> = (0..10).map(|n| format!("payload-{n}").into_bytes()).collect();
    let ten: Vec<&[u8]> = ten.iter().map(Vec::as_slice).collect();
    let chopped = Sent { bytes: ping(&full), chop: Some(1) };
    run_all(vec![
        clean("2.1", vec![ping(b"")], &[], &[b""]),
        clean("2.2", vec![ping(b"Hello, world!")], &[], &[b"Hello, world!"]),
        clean("2.3", vec![ping(&binary)], &[], &[&binary]),
        clean("2.4", vec![ping(&full)], &[], &[&full]),
        closes("2.5", vec![ping(&[0xfe; 126])], &[], 1002),
        Case {
            name: "2.6",
            send: vec![chopped],
            expect: Expect::Clean { texts: Vec::new(), pongs: vec![full.to_vec()] },
        },
        clean("2.7", vec![pong(b"")], &[], &[]),
        clean("2.8", vec![pong(b"unsolicited")], &[], &[]),
        clean("2.9", vec![pong(b"unsolicited"), ping(b"ping")], &[], &[b"ping"]),
        clean("2.10", ten.iter().map(|payload| ping(payload)).collect(), &[], &ten),
        Case {
            name: "2.11",
            send: ten.iter().map(|payload| Sent { bytes: ping(payload), chop: Some(1) }).collect(),
            expect: Expect::Clean { texts: Vec::new(), pongs: ten.iter().map(|payload| payload.to_vec()).collect() },
        },
    ])
    .await;
}

/// Section 3: reserved bits. What came before is handled; what comes after is not.
#[tokio::test]
async fn reserved_bits() {
    let hello = || frame(FIN | TEXT, &publish("hello"));
    let with = |bits: u8, opcode: u8| frame(FIN | bits << 4 | opcode, &publish("reserved"));
    run_all(vec![
        closes("3.1", vec![with(1, TEXT)], &[], 1002),
        closes("3.2", vec![hello(), with(2, TEXT), frame(FIN | PING, b"")], &["hello"], 1002),
        closes("3.3", vec![hello(), with(3, TEXT)], &["hello"], 1002),
        closes("3.4", vec![hello(), with(4, TEXT)], &["hello"], 1002),
        closes("3.5", vec![with(5, 2)], &[], 1002),
        closes("3.6", vec![frame(FIN | 6 << 4 | PING, b"x")], &[], 1002),
        closes("3.7", vec![frame(FIN | 7 << 4 | CLOSE, &1000u16.to_be_bytes())], &[], 1002),
    ])
    .await;
}

/// Section 4: opcodes that nobody defined.
#[tokio::test]
async fn reserved_opcodes() {
    let hello = || frame(FIN | TEXT, &publish("hello"));
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        run(closes("4.x.1", vec![frame(FIN | opcode, b"")], &[], 1002)).await;
        run(closes("4.x.2", vec![frame(FIN | opcode, b"reserved")], &[], 1002)).await;
        let then = vec![hello(), frame(FIN | opcode, b""), frame(FIN | PING, b"")];
        run(closes("4.x.3", then, &["hello"], 1002)).await;
    }
}

/// Section 5: fragments.
#[tokio::test]
async fn fragmentation() {
    let payload = publish("fragment1fragment2");
    let (a, b) = payload.split_at(20);
    let (b, c) = b.split_at(10);
    let hello = || frame(FIN | TEXT, &publish("hello"));
    let ping = || frame(FIN | PING, b"ping");
    run_all(vec![
        closes("5.1: a fragmented ping", vec![frame(PING, b"a"), frame(FIN, b"b")], &[], 1002),
        closes("5.2: a fragmented pong", vec![frame(PONG, b"a"), frame(FIN, b"b")], &[], 1002),
        clean("5.3", vec![frame(TEXT, a), frame(0, b), frame(FIN, c)], &["fragment1fragment2"], &[]),
        clean(
            "5.6: a ping within",
            vec![frame(TEXT, a), ping(), frame(0, b), frame(FIN, c)],
            &["fragment1fragment2"],
            &[b"ping"],
        ),
        closes("5.9: nothing to continue", vec![frame(FIN, a), hello()], &[], 1002),
        closes("5.12: nothing to continue, unfinished", vec![frame(0, a), hello()], &[], 1002),
        closes(
            "5.15: a continuation behind the end",
            vec![frame(TEXT, a), frame(0, b), frame(FIN, c), frame(0, b), hello()],
            &["fragment1fragment2"],
            1002,
        ),
        closes("5.18: a second beginning", vec![frame(TEXT, a), frame(FIN | TEXT, b)], &[], 1002),
        clean(
            "5.19: pings between all",
            vec![frame(TEXT, a), frame(0, b), ping(), ping(), frame(0, b""), ping(), frame(FIN, c)],
            &["fragment1fragment2"],
            &[b"ping", b"ping", b"ping"],
        ),
    ])
    .await;
}

/// Section 6: UTF-8, whole, in fragments, and cut within characters.
#[tokio::test]
async fn utf_8() {
    let good = [
        "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!",
        "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}",
        "\u{0}",
        "\u{80}",
        "\u{800}",
        "\u{10000}",
        "\u{7f}",
        "\u{7ff}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{d7ff}\u{e000}\u{fffd}\u{fffe}",
    ];
    for text in good {
        let payload = publish(text);
        run(clean("6.2, 6.5", vec![frame(FIN | TEXT, &payload)], &[text], &[])).await;
        run(clean("6.2.3: a byte a fragment", fragments(&payload, 1), &[text], &[])).await;
        let chopped = Sent { bytes: frame(FIN | TEXT, &payload), chop: Some(1) };
        let expect = Expect::Clean { texts: vec![text.to_owned()], pongs: Vec::new() };
        run(Case { name: "6.2: a byte a segment", send: vec![chopped], expect }).await;
    }
    let bad: [&[u8]; 14] = [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        b"\xfe",
        b"\xff",
        b"\xc0\x80",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xf4\x90\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xed\xa0\x80\xed\xb0\x80",
        b"\xed\xaf\xbf",
        b"\x80",
        b"\xce",
    ];
    for bytes in bad {
        run(closes("6.3, 6.6 to 6.22", vec![frame(FIN | TEXT, bytes)], &[], 1007)).await;
        run(closes("6.3.2: a byte a fragment", fragments(bytes, 1), &[], 1007)).await;
        // 6.4: told as soon as it is certain, without the rest of the message.
        if bytes != b"\xce" {
            run(closes("6.4: before the end", vec![frame(TEXT, b"ab"), frame(0, bytes), frame(0, b"x")], &[], 1007))
                .await;
        }
    }
}

/// Section 7: closing.
#[tokio::test]
async fn closing() {
    let hello = || frame(FIN | TEXT, &publish("hello"));
    let part = || frame(TEXT, &publish("hello")[..20]);
    let long = [b'*'; 123];
    run_all(vec![
        clean("7.1.1: a message, then a close", vec![hello()], &["hello"], &[]),
        closes("7.1.2: two closes", vec![close(1000, b""), close(1000, b"")], &[], 1000),
        closes("7.1.3: a ping behind", vec![close(1000, b""), frame(FIN | PING, b"")], &[], 1000),
        closes("7.1.4: a message behind", vec![close(1000, b""), hello()], &[], 1000),
        closes("7.1.5: within a message", vec![part(), close(1000, b""), frame(FIN, b"x")], &[], 1000),
        closes("7.3.1: no code", vec![frame(FIN | CLOSE, b"")], &[], 1000),
        closes("7.3.2: half a code", vec![frame(FIN | CLOSE, b"a")], &[], 1002),
        closes("7.3.3: a code", vec![close(1000, b"")], &[], 1000),
        closes("7.3.4: a reason", vec![close(1000, b"Hello World!")], &[], 1000),
        closes("7.3.5: the longest reason", vec![close(1000, &long)], &[], 1000),
        closes("7.3.6: a longer one", vec![close(1000, &[b'*'; 124])], &[], 1002),
        closes("7.5.1: not UTF-8", vec![close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80edited")], &[], 1007),
    ])
    .await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        run(closes("7.7: allowed", vec![close(code, b"")], &[], code)).await;
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999] {
        run(closes("7.9: not allowed", vec![close(code, b"")], &[], 1002)).await;
    }
}

/// Section 10: one large message in many fragments of the size of a segment.
#[tokio::test]
async fn automatic_fragmentation() {
    let text = "*".repeat(65_536);
    run(clean("10.1", fragments(&publish(&text), 1300), &[&text], &[])).await;
}
