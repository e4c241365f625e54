//! What a NATS client may send, in any pieces.
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use pointsman_client_nats::op::{Fault, Op};
use pointsman_client_nats::options::Options;
use pointsman_client_nats::parser::{Parser, ParserLimits};

const LIMITS: ParserLimits = ParserLimits { control_line: 100, payload: 300 };
/// Names of operations, spaces and line ends beside what is limited.
const OVERHEAD: usize = 16;
/// Spaces and arguments of a control line, and a payload.
const KEPT_MAX: usize = 2 * LIMITS.control_line + LIMITS.payload + OVERHEAD;

/// What was read: operations as they print, the fault, and the most bytes kept in between.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Option<Fault>, usize) {
    let mut parser = Parser::new(LIMITS);
    let mut seen = Vec::new();
    let mut kept = 0;
    for piece in pieces {
        let result = parser.read(piece, &mut |op, settings| {
            if let Op::Connect(json) = op {
                settings.headers |= Options::read(json).is_ok_and(|options| options.headers);
            }
            if let Op::Publish { headers, payload, .. } = op {
                assert!(headers.len() + payload.len() <= LIMITS.payload);
            }
            seen.push(format!("{op:?}"));
            ControlFlow::Continue(())
        });
        if let Err(fault) = result {
            return (seen, Some(fault), kept);
        }
        kept = kept.max(parser.unfinished());
    }
    (seen, None, kept)
}

/// Pieces of sizes that depend on the input.
fn pieces(bytes: &[u8], mut seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        seed = seed.wrapping_mul(109).wrapping_add(89);
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(seed >> 3)));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let [seed, bytes @ ..] = bytes else { return };
    let _ = Options::read(bytes);
    // An operation that is not whole may be looked at late. More than any can need brings everything to its end.
    let bytes = [bytes, &[b'\n'; KEPT_MAX]].concat();
    let (whole, fault, kept) = read(std::iter::once(bytes.as_slice()));
    let (parts, parts_fault, parts_kept) = read(pieces(&bytes, *seed));
    assert_eq!((whole, fault), (parts, parts_fault));
    assert!(kept.max(parts_kept) <= KEPT_MAX, "{kept} {parts_kept}");
});
