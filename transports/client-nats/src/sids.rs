//! Subscription numbers. A NATS client may name a subscription by any token; the router knows numbers.
//!
//! Nearly all clients count. A number stands for itself; a short token is packed into the number; a long one is kept in a table that all links share, so that
//! equal names have equal numbers and deliveries to many links can share their bytes.

use hashbrown::HashMap;
use parking_lot::RwLock;

/// Set where the number is not what the client wrote.
const NAMED: u64 = 1 << 63;
/// Set besides [`NAMED`] where the name is in the table.
const TABLED: u64 = 1 << 62;
/// A token of so many bytes is packed: its length in one byte, then its bytes.
const PACKED_MAX: usize = 6;
const LENGTH_SHIFT: u32 = 48;
/// A longer name is refused.
const NAME_BYTES_MAX: usize = 256;
/// Names in the table at the same time, of all links.
const NAMES_MAX: usize = 1 << 20;

/// The long names of all links, counted.
#[derive(Debug, Default)]
pub struct Sids {
    names: RwLock<Names>,
}

#[derive(Debug, Default)]
struct Names {
    by_name: HashMap<Box<[u8]>, u64>,
    by_number: HashMap<u64, Name>,
    next: u64,
}

#[derive(Debug)]
struct Name {
    text: Box<[u8]>,
    uses: u64,
}

/// A number without a table: what the client wrote is a number, or short.
fn plain(name: &[u8]) -> Option<u64> {
    if let Ok(text) = std::str::from_utf8(name)
        && let Ok(number) = text.parse::<u64>()
        && number < NAMED
        && is_shortest(text)
    {
        return Some(number);
    }
    if name.len() > PACKED_MAX {
        return None;
    }
    let bytes = name.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    Some(NAMED | (name.len() as u64) << LENGTH_SHIFT | bytes)
}

/// `007` and `+7` are names, not the number 7.
fn is_shortest(text: &str) -> bool {
    text == "0" || text.bytes().next().is_some_and(|first| matches!(first, b'1'..=b'9'))
}

impl Sids {
    /// The number of a name, from now on in use once more. `None` when the name is too long or the table is full.
    pub fn enter(&self, name: &[u8]) -> Option<u64> {
        if let Some(number) = plain(name) {
            return Some(number);
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return None;
        }
        let mut names = self.names.write();
        let known = names.by_name.get(name).copied();
        let number = match known {
            Some(number) => number,
            None if names.by_name.len() >= NAMES_MAX => return None,
            None => {
                let number = NAMED | TABLED | names.next;
                // 2^62 names are never reached by counting.
                names.next += 1;
                names.by_name.insert(name.into(), number);
                names.by_number.insert(number, Name { text: name.into(), uses: 0 });
                number
            }
        };
        if let Some(name) = names.by_number.get_mut(&number) {
            name.uses += 1;
        }
        Some(number)
    }

    /// The number of a name that is in use.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<u64> {
        plain(name).or_else(|| self.names.read().by_name.get(name).copied())
    }

    /// Whether a number is that of a name in the table, to be left once.
    #[must_use]
    pub fn is_tabled(number: u64) -> bool {
        number & (NAMED | TABLED) == NAMED | TABLED
    }

    /// One use of a number less.
    pub fn leave(&self, number: u64) {
        if !Self::is_tabled(number) {
            return;
        }
        let mut names = self.names.write();
        let Some(name) = names.by_number.get_mut(&number) else { return };
        name.uses -= 1;
        if name.uses == 0
            && let Some(name) = names.by_number.remove(&number)
        {
            names.by_name.remove(&name.text);
        }
    }

    /// Appends the name as the client wrote it.
    pub fn write(&self, number: u64, out: &mut Vec<u8>) {
        if number & NAMED == 0 {
            write_number(number, out);
        } else if number & TABLED == 0 {
            let len = usize::try_from(number >> LENGTH_SHIFT & 0xff).unwrap_or(0);
            let bytes = number.to_be_bytes();
            out.extend_from_slice(bytes.get(bytes.len() - len.min(PACKED_MAX)..).unwrap_or_default());
        } else if let Some(name) = self.names.read().by_number.get(&number) {
            out.extend_from_slice(&name.text);
        }
    }
}

/// Appends a number in decimal digits.
pub(crate) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(place) = digits.get_mut(at) {
            *place = b'0' + u8::try_from(number % 10).unwrap_or(0);
        }
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(sids: &Sids, number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        sids.write(number, &mut out);
        out
    }

    #[test]
    fn names_come_back_as_they_were_and_leave_nothing() {
        let sids = Sids::default();
        let names: &[&[u8]] = &[
            b"0",
            b"1",
            b"9223372036854775807",
            b"9223372036854775808",
            b"18446744073709551616",
            b"007",
            b"+7",
            b"a",
            b"abcdef",
            b"abcdefg",
            b"00000000000000000000001",
            b"\xff\x00",
            b"a-very-long-name-of-a-subscription",
        ];
        let numbers: Vec<u64> = names.iter().map(|name| sids.enter(name).unwrap()).collect();
        for (name, number) in names.iter().zip(&numbers) {
            assert_eq!(written(&sids, *number), *name);
            assert_eq!(sids.find(name), Some(*number));
        }
        let mut unique = numbers.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        assert_eq!(
            (sids.enter(b"1"), sids.enter(b"abcdefg")),
            (Some(1), Some(numbers[9])),
            "equal names are one number"
        );
        sids.leave(numbers[9]);
        assert_eq!(sids.find(b"abcdefg"), Some(numbers[9]), "still in use");
        numbers.iter().for_each(|number| sids.leave(*number));
        assert_eq!(sids.names.read().by_name.len() + sids.names.read().by_number.len(), 0);
        assert_eq!(sids.enter(&[b'x'; NAME_BYTES_MAX + 1]), None);
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in prop::collection::vec(any::<u8>(), 1..20)) {
            let sids = Sids::default();
            let number = sids.enter(&name).unwrap();
            prop_assert_eq!(written(&sids, number), name);
        }

        #[test]
        fn numbers_are_written_in_digits(number: u64) {
            let mut out = Vec::new();
            write_number(number, &mut out);
            prop_assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
