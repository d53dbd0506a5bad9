//! Bytes as lower-case hexadecimal digits.

/// Two digits for each byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect()
}

/// Reads the output of [`encode`]; `None` for anything else, and for another number of bytes.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    decode_into(text, &mut bytes).then_some(bytes)
}

/// The same, for any number of bytes.
pub(crate) fn decode_all(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    decode_into(text, &mut bytes).then_some(bytes)
}

/// Fills these bytes, and returns whether the text has exactly as many.
fn decode_into(text: &str, bytes: &mut [u8]) -> bool {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * bytes.len() {
        return false;
    }
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return false };
        *byte = (high << 4) | low;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_decoding_round_trip() {
        let all: [u8; 256] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(decode(&encode(&all)), Some(all));
        assert_eq!(decode_all(&encode(&all)), Some(all.to_vec()));
        assert_eq!(decode_all(""), Some(vec![]));
        assert_eq!(encode(&[0x0f, 0xa0]), "0fa0");
        for wrong in ["", "0", "000", "00000", "0G00", "0F00", "+f00", "é00"] {
            assert_eq!(decode::<2>(wrong), None, "{wrong}");
            assert_eq!(decode_all(wrong).filter(|bytes| bytes.len() == 2), None, "{wrong}");
        }
    }
}
