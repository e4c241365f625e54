use std::ops::ControlFlow;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;
use crate::codes::ErrorCode;
use crate::frame::{BodyKind, ClientFrame, DeliveryView, FrameError, MessageInfo, ServerFrame};
use crate::strategies;

fn client(wire_message: &[u8]) -> Vec<Result<ClientFrame<'static>, FrameError>> {
    let mut frames = Vec::new();
    decode_client(wire_message, &mut |frame| {
        frames.push(frame.map(ClientFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

fn server(wire_message: &[u8]) -> Vec<Result<ServerFrame<'static>, FrameError>> {
    let mut frames = Vec::new();
    decode_server(wire_message, &mut |frame| {
        frames.push(frame.map(ServerFrame::into_owned));
        ControlFlow::Continue(())
    });
    frames
}

fn client_bytes(frame: &ClientFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_client(frame, &mut out);
    out
}

fn server_bytes(frame: &ServerFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_server(frame, &mut out);
    out
}

fn array(frames: &[Vec<u8>]) -> Vec<u8> {
    [b"[", frames.join(&b" ,"[..]).as_slice(), b"]"].concat()
}

const LIMITS: &str = r#"{"frame_bytes":1,"payload_bytes":2,"subject_bytes":3,"subscriptions":4,"requests":5,"resend_frames":6,"resend_bytes":7}"#;

#[test]
fn the_examples_are_read_and_written() {
    // protocol.md#P11
    let clauses = include_str!("../../../../docs/protocol.md").split_once("## P11").unwrap().1;
    let block = clauses.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
    assert_eq!(block.lines().count(), 14);
    for line in block.lines() {
        let line = line.replace("{…}", LIMITS);
        let (of_client, of_server) = (client(line.as_bytes()), server(line.as_bytes()));
        let written: Vec<_> =
            of_client.iter().flatten().map(client_bytes).chain(of_server.iter().flatten().map(server_bytes)).collect();
        let both_ways = line.contains(r#""op":"p"#) && !line.contains("publish");
        assert_eq!(written.len(), 1 + usize::from(both_ways), "{line}: {of_client:?} {of_server:?}");
        // What is left out or written out by default.
        let canonical =
            line.replace(r#","headers":{}"#, "").replace(r#""subscribe":["#, r#""echo":true,"subscribe":["#);
        for written in written {
            assert_eq!(String::from_utf8(written).unwrap(), canonical);
        }
    }
}

#[test]
fn a_bad_frame_is_named_by_code_and_id() {
    use ErrorCode::{BadFrame, BadHeaders, UnknownOp, Unsupported};
    let long_header = format!(r#"{{"op":"publish","id":3,"subject":"a","headers":{{"a":"{}"}}}}"#, "x".repeat(4096));
    let long_message_id = format!(r#"{{"op":"publish","id":3,"subject":"a","message_id":"{}"}}"#, "x".repeat(129));
    for (text, code, id) in [
        // protocol.md#P1.6
        (r#"{"op":"publish","id":3,"subject":"a","payload":1}"#, BadFrame, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","timeout_ms":1}"#, BadFrame, Some(3)),
        (r#"{"op":"request","id":3,"subject":"a","reply":"b"}"#, BadFrame, Some(3)),
        (r#"{"op":"subscribe","id":3,"sid":1,"pattern":"a","data":null}"#, BadFrame, Some(3)),
        (r#"{"op":"unsubscribe","id":3,"sid":1,"pattern":"a"}"#, BadFrame, Some(3)),
        (r#"{"op":"ping","id":3,"received":1}"#, BadFrame, Some(3)),
        (r#"{"op":"connect","version":1,"sid":1}"#, BadFrame, None),
        (r#"{"op":"connect","version":1,"subscribe":[{"sid":1,"pattern":"a","id":1}]}"#, BadFrame, None),
        (
            r#"{"op":"connect","version":1,"attach":{"session":"a","secret":"b","generation":1,"received":0,"x":0}}"#,
            BadFrame,
            None,
        ),
        // protocol.md#P4.1
        (r#"{"op":"subscribe","id":3,"sid":1,"pattern":"a","since":null}"#, Unsupported, Some(3)),
        (r#"{"op":"subscribe","sid":1,"pattern":"a","max_rate":{}}"#, Unsupported, None),
        (r#"{"op":"connect","version":1,"subscribe":[{"sid":1,"pattern":"a","conflate":1}]}"#, Unsupported, None),
        // protocol.md#P5.1
        (&long_message_id, BadFrame, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","message_id":""}"#, BadFrame, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","message_id":"ä"}"#, BadFrame, Some(3)),
        // protocol.md#P5.2
        (r#"{"op":"publish","id":3,"subject":"a","data":1,"text":"1"}"#, BadFrame, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","data":null,"base64":""}"#, BadFrame, Some(3)),
        (r#"{"op":"request","id":3,"subject":"a","text":"","base64":""}"#, BadFrame, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","base64":"YQ"}"#, BadFrame, Some(3)),
        // protocol.md#P5.4
        (&long_header, BadHeaders, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","headers":{"a b":""}}"#, BadHeaders, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","headers":{"a":["b","c\r\nd: e"]}}"#, BadHeaders, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","headers":{"a":1}}"#, BadFrame, Some(3)),
        // Missing fields.
        (r#"{"op":"publish","id":3}"#, BadFrame, Some(3)),
        (r#"{"op":"request","subject":"a"}"#, BadFrame, None),
        (r#"{"op":"subscribe","id":3,"pattern":"a"}"#, BadFrame, Some(3)),
        (r#"{"op":"ping"}"#, BadFrame, None),
        (r#"{"op":"connect"}"#, BadFrame, None),
        (r#"{"id":3}"#, BadFrame, Some(3)),
        // protocol.md#P11
        (r#"{"op":"pubish","id":3,"subject":"a"}"#, UnknownOp, Some(3)),
        (r#"{"op":"ok","id":3}"#, UnknownOp, Some(3)),
        (r#"{"op":1,"id":3}"#, BadFrame, Some(3)),
        (r#"{"op":"ping","op":"pong","id":3,"received":1}"#, BadFrame, Some(3)),
        (r#"{"op":"publish","id":3,"id":4,"subject":"a"}"#, BadFrame, None),
        (r#"{"op":"publish","id":3,"subject":"a","data":1,"data":2}"#, BadFrame, Some(3)),
        (r#"{"op":"ping","received":9007199254740992}"#, BadFrame, None),
        (r#"{"op":"ping","received":-1}"#, BadFrame, None),
        (r#"{"op":"ping","received":1.0}"#, BadFrame, None),
        (r#"{"op":"ping","received":1e999}"#, BadFrame, None),
        (r#"{"op":"publish","id":9007199254740992,"subject":"a"}"#, BadFrame, None),
        (r#"{"op":"publish","id":18446744073709551616,"subject":"a"}"#, BadFrame, None),
        (r#"{"op":"publish","id":3,"subject":"\ud800"}"#, BadFrame, Some(3)),
        (r#"{"op":"publish","id":3,"subject":"a","text":"\udc00\ud800"}"#, BadFrame, Some(3)),
        ("{\"op\":\"publish\",\"id\":3,\"subject\":\"a\0\"}", BadFrame, None),
        (r#"{"op":"publish","id":3,"subject":"a"}{}"#, BadFrame, None),
        (r#"{"op":"publish","id":3,"subject":"a","data":}"#, BadFrame, None),
        (r#"{"op":"connect","version":1,"subscribe":[[1,"a",null,null]]}"#, BadFrame, None),
        (r#"{"op":"connect","version":1,"attach":["a","b",1,0]}"#, BadFrame, None),
        ("", BadFrame, None),
        (" \n", BadFrame, None),
        ("null", BadFrame, None),
        ("\u{feff}{}", BadFrame, None),
    ] {
        let frames = client(text.as_bytes());
        let [Err(error)] = frames.as_slice() else { panic!("{text}: {frames:?}") };
        assert_eq!((error.code(), error.id()), (code, id), "{text}: {error}");
    }
    assert!(matches!(client(b"{\"op\":\"\xff\"}").as_slice(), [Err(_)]));
}

#[test]
fn data_passes_through_byte_for_byte() {
    // protocol.md#P5.2
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let huge = "9".repeat(10_000);
    for data in [
        "null",
        "{\"a\" :\t1.0e0 ,\r\n\"a\":2}",
        "-0",
        "1e999",
        r#""\u0041\/\ud800\u0000""#,
        "\"\u{7f}ä\"",
        r#"{"op":"ping"}"#,
        &deep,
        &huge,
    ] {
        let frames = client(format!(r#"{{"op":"publish","subject":"a","data": {data} }}"#).as_bytes());
        let [Ok(ClientFrame::Publish(publish))] = frames.as_slice() else { panic!("{frames:?}") };
        assert_eq!((&*publish.payload, publish.body), (data.as_bytes(), BodyKind::Json));

        for body in [BodyKind::Json, BodyKind::Unknown] {
            let view = DeliveryView { subject: "a", reply: None, headers: b"", payload: data.as_bytes(), body };
            let mut out = Vec::new();
            encode_message(&[1], [view].into_iter(), &mut out);
            let expected = format!(r#"{{"op":"message","sids":[1],"messages":[{{"subject":"a","data":{data}}}]}}"#);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}

#[test]
fn a_body_takes_the_plainest_form() {
    // protocol.md#P5.3
    for (payload, expected) in [
        (&b"{}"[..], r#"{"op":"reply","id":1,"data":{}}"#),
        (b"{", r#"{"op":"reply","id":1,"text":"{"}"#),
        (b"a\n\"\\\x01", r#"{"op":"reply","id":1,"text":"a\n\"\\\u0001"}"#),
        (b"\xff\x00", r#"{"op":"reply","id":1,"base64":"/wA="}"#),
        (b"", r#"{"op":"reply","id":1}"#),
    ] {
        let mut out = Vec::new();
        encode_reply(1, b"", payload, BodyKind::Unknown, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn headers_of_one_name_are_grouped_and_unreadable_ones_left_out() {
    // protocol.md#P5.4
    let block = b"NATS/1.0\r\nb: 1\r\na:  \xc2\xa02 \r\nno colon\r\nc d: 3\r\nb: \r\n: 4\r\na: \"\r\n\r\n";
    let mut out = Vec::new();
    encode_reply(1, block, b"", BodyKind::Unknown, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"op\":\"reply\",\"id\":1,\"headers\":{\"b\":[\"1\",\"\"],\"a\":[\"\u{a0}2\",\"\\\"\"]}}"
    );
}

#[test]
fn a_bad_frame_does_not_spoil_the_others_of_its_array() {
    // protocol.md#P1.3
    let ping = Ok(ClientFrame::Ping { received: 1 });
    for (text, good) in [
        (r#" [{"op":"ping","received":1}, {"op":"x"} ,{"op":"ping","received":1}] "#, 2),
        (r#"[{"op":"ping","received":1},["ping"]]"#, 1),
        (r#"[{"op":"ping","received":1},5]"#, 1),
        (r#"[{"op":"ping","received":1}"#, 1),
        (r#"[{"op":"ping","received":1},]"#, 1),
        (r#"[{"op":"ping","received":1}] x"#, 1),
        ("[", 0),
    ] {
        let frames = client(text.as_bytes());
        assert_eq!(frames.iter().filter(|frame| **frame == ping).count(), good, "{text}");
        assert_eq!(frames.iter().filter(|frame| frame.is_err()).count(), 1, "{text}");
    }
    assert!(client(b"[]").is_empty());
}

#[test]
fn nothing_comes_after_the_sink_broke_off() {
    for text in ["[{},{}]", "[{},", "[{} {}", "[{}]]", "{}{}", "\u{feff}"] {
        let mut frames = 0;
        decode_client(text.as_bytes(), &mut |_| {
            frames += 1;
            ControlFlow::Break(())
        });
        assert_eq!(frames, 1, "{text}");
    }
}

#[test]
fn a_frame_is_an_object_and_never_its_fields_in_a_row() {
    // protocol.md#P11
    let nulls = ",null".repeat(18);
    assert!(matches!(client(format!(r#"[["publish",null,"a"{nulls}]]"#).as_bytes()).as_slice(), [Err(_)]));
    assert!(matches!(server(br#"[["ok",1,null,null,null,null,null,null,null,null,null]]"#).as_slice(), [Err(_)]));
    assert!(matches!(
        server(br#"{"op":"message","sids":[1],"messages":[["a",1,null,null,null,null]]}"#).as_slice(),
        [Err(_)]
    ));
}

#[test]
fn clients_ignore_what_a_newer_server_adds() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text = format!(r#"{{"op":"pong","new":{deep},"received":1}}"#);
    assert_eq!(server(text.as_bytes()), [Ok(ServerFrame::Pong { received: 1 })]);
}

#[test]
fn only_deliveries_are_inspected() {
    let info = |text: &str| inspect_message(text.as_bytes());
    assert_eq!(
        info(r#"{"op":"message","sids":[1,2],"messages":[{"subject":"a","headers":{"a b":"c"}},{}]}"#),
        Some(MessageInfo { sids: vec![1, 2], messages: 2 })
    );
    for text in ["", r#"{"op":"message""#, r#"{"op":"message"}"#, r#"{"op":"gap","sids":[1],"reason":"policy"}"#] {
        assert_eq!(info(text), None, "{text}");
    }
}

/// What [`is_valid`] lets pass and a `Value` cannot hold: it does not look into numbers, escapes and depth, as `RawValue` does not.
fn is_beyond_value(error: &serde_json::Error) -> bool {
    ["number out of range", "hex escape", "unicode code point", "recursion limit"]
        .iter()
        .any(|what| error.to_string().contains(what))
}

#[test]
fn values_that_no_parser_holds_are_still_valid() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for text in ["1e999", r#""\ud800""#, r#""\ud800\u0041""#, &deep] {
        assert!(is_valid(text.as_bytes()));
        assert!(is_beyond_value(&serde_json::from_str::<Value>(text).unwrap_err()));
    }
    for text in [
        "",
        " ",
        "\u{b}1",
        "\u{a0}1",
        "1 2",
        "01",
        "+1",
        "1.",
        ".5",
        "nul",
        "nulll",
        "\"\0\"",
        "\"\\x\"",
        "[1,]",
        "{\"a\":1,}",
        "{1:1}",
        "NaN",
        "'a'",
        "\u{feff}1",
    ] {
        assert!(!is_valid(text.as_bytes()), "{text:?}");
    }
    assert!(!is_valid(b"\"\xff\""));
    assert!(is_valid(b" \t\r\n1 \t\r\n"));
}

/// JSON with a few bytes changed, doubled or taken away.
fn mutated(text: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![prop::sample::select(br#"{}[]",:\0u1e.-n "#.to_vec()), any::<u8>()];
    (text, vec((any::<prop::sample::Index>(), 0..3_u8, byte), 0..4)).prop_map(|(mut text, edits)| {
        for (at, edit, byte) in edits {
            let at = at.index(text.len() + 1);
            match edit {
                0 => text.insert(at, byte),
                1 => text.truncate(at),
                _ => text.iter_mut().skip(at).take(1).for_each(|place| *place = byte),
            }
        }
        text
    })
}

/// What the full reader alone makes of a wire message.
fn in_full(wire_message: &[u8]) -> Vec<Result<ClientFrame<'static>, FrameError>> {
    let mut frames = Vec::new();
    let mut sink = |frame: Result<ClientFrame<'_>, FrameError>| {
        frames.push(frame.map(ClientFrame::into_owned));
        ControlFlow::Continue(())
    };
    decode::decode(wire_message, |_, _| Some(0), &mut sink);
    frames
}

#[test]
fn the_quick_reader_makes_no_difference() {
    let plain = r#"{"op":"publish","subject":"a.b","data":{"x":[1,"y"]}}"#;
    for text in [
        plain.to_owned(),
        format!(" [ {plain} , {plain} ] "),
        format!("[{plain},{plain}"),
        format!("[{plain}]x"),
        format!("[{plain},]"),
        format!("{plain}{plain}"),
        format!("[{plain},1,{plain}]"),
        format!(r#"[{plain},{{"op":"ping","received":1}},{plain}]"#),
        r#"{"subject":"a","op":"publish","id":7,"reply":"r","message_id":"m","text":"t"}"#.into(),
        r#"{ "op" : "publish" , "subject" : "a" , "data" : null }"#.into(),
        r#"{"op":"publish","subject":"a"}"#.into(),
        r#"{"op":"publish"}"#.into(),
        r#"{"op":"publish","subject":"a","subject":"b"}"#.into(),
        r#"{"op":"publish","subject":"a","data":1,"text":"b"}"#.into(),
        r#"{"op":"publish","subject":"a","data":01}"#.into(),
        r#"{"op":"publish","subject":"a","data":[1,]}"#.into(),
        r#"{"op":"publish","subject":"a\u002eb","data":1}"#.into(),
        r#"{"op":"publish","subject":"a","id":9007199254740991}"#.into(),
        r#"{"op":"publish","subject":"a","id":9007199254740992}"#.into(),
        r#"{"op":"publish","subject":"a","id":99999999999999999999}"#.into(),
        r#"{"op":"publish","subject":"a","id":01}"#.into(),
        r#"{"op":"publish","subject":"a","id":1.0}"#.into(),
        r#"{"op":"publish","subject":"a","id":null}"#.into(),
        r#"{"op":"publish","subject":"a","message_id":""}"#.into(),
        r#"{"op":"publish","subject":"a","sid":1}"#.into(),
        r#"{"op":"publish","subject":"a","headers":{"b":"c"}}"#.into(),
        r#"{"op":"request","id":1,"subject":"a"}"#.into(),
    ] {
        assert_eq!(client(text.as_bytes()), in_full(text.as_bytes()), "{text}");
    }
}

proptest! {
    #[test]
    fn the_quick_reader_reads_what_the_full_one_reads(
        frames in vec(strategies::client_frame(), 1..5),
        text in mutated(strategies::client_frame().prop_map(|frame| client_bytes(&frame))),
    ) {
        let frames: Vec<_> = frames.iter().map(client_bytes).collect();
        let list = array(&frames);
        prop_assert_eq!(client(&list), in_full(&list));
        prop_assert_eq!(client(&text), in_full(&text));
        let mixed = array(&[frames.concat(), text]);
        prop_assert_eq!(client(&mixed), in_full(&mixed));
    }

    #[test]
    fn client_frames_come_back(frames in vec(strategies::client_frame(), 1..4)) {
        let bytes: Vec<_> = frames.iter().map(client_bytes).collect();
        for (frame, bytes) in frames.iter().zip(&bytes) {
            prop_assert_eq!(client(bytes), vec![Ok(frame.clone())]);
        }
        prop_assert_eq!(client(&array(&bytes)), frames.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn server_frames_come_back(frames in vec(strategies::server_frame(), 1..4)) {
        let bytes: Vec<_> = frames.iter().map(server_bytes).collect();
        for (frame, bytes) in frames.iter().zip(&bytes) {
            prop_assert_eq!(server(bytes), vec![Ok(frame.clone())]);
            let info = match frame {
                ServerFrame::Message { sids, messages } => {
                    Some(MessageInfo { sids: sids.clone(), messages: u32::try_from(messages.len()).unwrap() })
                }
                _ => None,
            };
            prop_assert_eq!(inspect_message(bytes), info);
        }
        prop_assert_eq!(server(&array(&bytes)), frames.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn every_frame_cut_short_is_one_error(of_client in strategies::client_frame(), of_server in strategies::server_frame()) {
        let (of_client, of_server) = (client_bytes(&of_client), server_bytes(&of_server));
        for len in 0..of_client.len() {
            prop_assert!(matches!(client(&of_client[..len]).as_slice(), [Err(_)]));
        }
        for len in 0..of_server.len() {
            prop_assert!(matches!(server(&of_server[..len]).as_slice(), [Err(_)]));
            prop_assert_eq!(inspect_message(&of_server[..len]), None);
        }
    }

    #[test]
    fn nothing_panics_and_what_is_read_can_be_written(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..64),
            mutated(vec(strategies::client_frame(), 1..3).prop_map(|frames| array(&frames.iter().map(client_bytes).collect::<Vec<_>>()))),
            mutated(strategies::server_frame().prop_map(|frame| server_bytes(&frame))),
        ],
    ) {
        let (of_client, of_server) = (client(&bytes), server(&bytes));
        prop_assert!(of_client.len().max(of_server.len()) <= bytes.len() + 1);
        for frame in of_client.into_iter().flatten() {
            prop_assert_eq!(client(&client_bytes(&frame)), vec![Ok(frame)]);
        }
        for frame in of_server.iter().flatten() {
            prop_assert_eq!(server(&server_bytes(frame)).len(), 1);
        }
        if let Some(info) = inspect_message(&bytes)
            && let [Ok(ServerFrame::Message { sids, messages })] = of_server.as_slice()
        {
            prop_assert_eq!((&info.sids, info.messages as usize), (sids, messages.len()));
        }
    }

    #[test]
    fn any_header_block_makes_a_readable_frame(lines in vec("[a:\u{a0} \r\x00\"-]{0,6}", 0..8)) {
        let block = format!("NATS/1.0\r\n{}\r\n\r\n", lines.join("\r\n"));
        let mut out = Vec::new();
        encode_reply(1, block.as_bytes(), b"", BodyKind::Unknown, &mut out);
        let frames = server(&out);
        prop_assert!(matches!(frames.as_slice(), [Ok(_)]), "{frames:?}");
    }

    #[test]
    fn valid_is_what_a_raw_value_takes(
        bytes in prop_oneof![mutated(strategies::json().prop_map(String::into_bytes)), "[0-9eE+.{}\\[\\]\",: a-]{0,6}".prop_map(String::into_bytes)],
    ) {
        let raw = std::str::from_utf8(&bytes).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok());
        prop_assert_eq!(is_valid(&bytes), raw);
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(_) => prop_assert!(raw),
            Err(error) => prop_assert!(!raw || is_beyond_value(&error), "{}", error),
        }
    }
}
