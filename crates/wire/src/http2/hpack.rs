//! HPACK (RFC 7541): a decoder with its table, and an encoder that uses none. For rewriting a header block
//! between a client and a server; not for keeping headers.

use std::collections::VecDeque;

/// The table a decoder keeps at most, in the bytes RFC 7541 §4.1 counts: what HTTP/2 begins with.
const TABLE_BYTES_MAX: usize = 4_096;
/// What an entry costs beyond its name and value (§4.1).
const ENTRY_BYTES: usize = 32;
/// All headers of one block together.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// A name and a value.
pub type Header = (Vec<u8>, Vec<u8>);

/// A header block that breaks RFC 7541, or is larger than anybody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HpackError {
    /// It ends in the middle.
    #[error("a header block is cut")]
    Cut,
    /// An index points nowhere.
    #[error("a header block names an entry that is in no table")]
    Index,
    /// A number does not fit, or a string is not what Huffman's code allows.
    #[error("a header block holds a number or string that cannot be read")]
    Malformed,
    /// Too large.
    #[error("a header block is larger than {BLOCK_BYTES_MAX} bytes")]
    TooLarge,
}

/// The state of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    entries: VecDeque<Header>,
    bytes: usize,
    bytes_max: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, bytes_max: TABLE_BYTES_MAX }
    }
}

impl Decoder {
    /// Reads one whole header block.
    pub fn decode(&mut self, block: &[u8]) -> Result<Vec<Header>, HpackError> {
        let mut reader = Reader(block);
        let mut headers: Vec<Header> = Vec::new();
        let mut bytes = 0;
        while let Some(first) = reader.peek() {
            let header = if first & 0x80 != 0 {
                // §6.1: an indexed header.
                self.entry(reader.number(7)?)?
            } else if first & 0xe0 == 0x20 {
                // §6.3: a smaller or larger table, before any header.
                let size = reader.number(5)?;
                if size > TABLE_BYTES_MAX || !headers.is_empty() {
                    return Err(HpackError::Malformed);
                }
                self.bytes_max = size;
                self.evict(0);
                continue;
            } else {
                // §6.2: a literal, to be indexed or not.
                let indexed = first & 0x40 != 0;
                let name = match reader.number(if indexed { 6 } else { 4 })? {
                    0 => reader.string()?,
                    index => self.entry(index)?.0,
                };
                let header = (name, reader.string()?);
                if indexed {
                    self.insert(header.clone());
                }
                header
            };
            bytes += header.0.len() + header.1.len() + ENTRY_BYTES;
            if bytes > BLOCK_BYTES_MAX {
                return Err(HpackError::TooLarge);
            }
            headers.push(header);
        }
        Ok(headers)
    }

    fn entry(&self, index: usize) -> Result<Header, HpackError> {
        let index = index.checked_sub(1).ok_or(HpackError::Index)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        self.entries.get(index - STATIC.len()).cloned().ok_or(HpackError::Index)
    }

    /// §4.4: what does not fit empties the table and is not kept.
    fn insert(&mut self, header: Header) {
        let bytes = header.0.len() + header.1.len() + ENTRY_BYTES;
        self.evict(bytes);
        if bytes <= self.bytes_max {
            self.bytes += bytes;
            self.entries.push_front(header);
        }
    }

    fn evict(&mut self, coming: usize) {
        while self.bytes + coming > self.bytes_max {
            let Some((name, value)) = self.entries.pop_back() else { return };
            self.bytes -= name.len() + value.len() + ENTRY_BYTES;
        }
    }
}

/// A header block of literals that nobody is to index (§6.2.2).
pub fn encode(headers: &[Header]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            number(&mut block, 7, text.len());
            block.extend_from_slice(text);
        }
    }
    block
}

/// §5.1, with the bits above the prefix unset.
fn number(out: &mut Vec<u8>, prefix: u8, value: usize) {
    let most = (1usize << prefix) - 1;
    if value < most {
        out.push(value as u8);
        return;
    }
    out.push(most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    out.push(rest as u8);
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn byte(&mut self) -> Result<u8, HpackError> {
        let (first, rest) = self.0.split_first().ok_or(HpackError::Cut)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self, prefix: u8) -> Result<usize, HpackError> {
        let most = (1u8 << prefix).wrapping_sub(1);
        let first = self.byte()? & most;
        if first < most {
            return Ok(first.into());
        }
        let mut value = usize::from(most);
        // Three more bytes reach far beyond any block.
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(HpackError::Malformed)
    }

    fn string(&mut self) -> Result<Vec<u8>, HpackError> {
        let coded = self.peek().ok_or(HpackError::Cut)? & 0x80 != 0;
        let length = self.number(7)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(HpackError::Cut)?;
        self.0 = rest;
        if coded { huffman(text) } else { Ok(text.to_vec()) }
    }
}

/// The lengths of Huffman's code for each byte (Appendix B). The code is canonical: of equal lengths, and from
/// shorter to longer, codes count upwards.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26,
];
/// The longest code of a byte.
const LENGTH_MAX: usize = 30;

/// The canonical code, by length: the first code of that length and the bytes it and those behind it stand for.
struct Code {
    by_length: Vec<(u32, Vec<u8>)>,
}

static CODE: std::sync::LazyLock<Code> = std::sync::LazyLock::new(|| {
    let mut by_length = Vec::with_capacity(LENGTH_MAX + 1);
    let mut next = 0u32;
    for length in 0..=LENGTH_MAX {
        let of_length =
            |byte: &u8| LENGTHS.get(usize::from(*byte)).is_some_and(|l| usize::from(*l) == length);
        let symbols: Vec<u8> = (0..=255u8).filter(of_length).collect();
        by_length.push((next, symbols));
        let count = by_length.last().map_or(0, |(_, symbols)| symbols.len() as u32);
        next = (next + count) << 1;
    }
    Code { by_length }
});

/// §5.2: a string in Huffman's code; padded with fewer than eight ones.
fn huffman(coded: &[u8]) -> Result<Vec<u8>, HpackError> {
    let mut text = Vec::with_capacity(coded.len() * 2);
    let (mut code, mut length) = (0u32, 0usize);
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)) {
        code = code << 1 | u32::from(bit);
        length += 1;
        let (first, symbols) = CODE.by_length.get(length).ok_or(HpackError::Malformed)?;
        if let Some(symbol) = code.checked_sub(*first).and_then(|at| symbols.get(at as usize)) {
            text.push(*symbol);
            (code, length) = (0, 0);
        }
    }
    let padding = length < 8 && code == (1 << length) - 1;
    if padding { Ok(text) } else { Err(HpackError::Malformed) }
}

/// Appendix A.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn check(decoder: &mut Decoder, hex: &str, expected: &[(&str, &str)]) {
        let headers = decoder.decode(&bytes(hex)).unwrap();
        let shown: Vec<(String, String)> = headers
            .iter()
            .map(|(n, v)| (String::from_utf8_lossy(n).into(), String::from_utf8_lossy(v).into()))
            .collect();
        let shown: Vec<(&str, &str)> = shown.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(shown, expected);
        assert_eq!(Decoder::default().decode(&encode(&headers)).as_ref(), Ok(&headers), "and back");
    }

    /// RFC 7541 C.3 and C.4: three requests over one connection.
    fn three_requests(hex: [&str; 3]) {
        let mut decoder = Decoder::default();
        let first =
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
        let mut second = first.to_vec();
        second.push(("cache-control", "no-cache"));
        let third = [
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/index.html"),
            (":authority", "www.example.com"),
            ("custom-key", "custom-value"),
        ];
        let requests: [&[(&str, &str)]; 3] = [&first, &second, &third];
        hex.iter().zip(requests).for_each(|(hex, expected)| check(&mut decoder, hex, expected));
    }

    #[test]
    fn requests_without_huffman() {
        three_requests([
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ]);
    }

    #[test]
    fn requests_with_huffman() {
        three_requests([
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ]);
    }

    /// RFC 7541 C.5 with a table of 256 bytes: entries leave when others come.
    #[test]
    fn entries_are_evicted() {
        let mut decoder = Decoder { bytes_max: 256, ..Decoder::default() };
        decoder
            .decode(&bytes(
                "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 \
                 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            ))
            .unwrap();
        assert_eq!((decoder.entries.len(), decoder.bytes), (4, 222));
        decoder.decode(&bytes("4803 3330 37c1 c0bf")).unwrap();
        assert_eq!((decoder.entries.len(), decoder.bytes), (4, 222));
        assert_eq!(decoder.entries.front().unwrap().1, b"307");
    }

    #[test]
    fn what_breaks_the_format_is_refused() {
        for (hex, expected) in [
            ("80", HpackError::Index),
            ("ff 00", HpackError::Index),
            ("41 0f 77", HpackError::Cut),
            ("ff ffff ff", HpackError::Malformed),
            ("82 3f e1 1f", HpackError::Malformed),
            ("3f e2 1f", HpackError::Malformed),
            // Padded with a whole byte, and with zeros.
            ("41 82 1f ff", HpackError::Malformed),
            ("41 81 00", HpackError::Malformed),
        ] {
            assert_eq!(Decoder::default().decode(&bytes(hex)), Err(expected), "{hex}");
        }
        let huge = encode(&vec![(b"a".to_vec(), vec![b'b'; 1_000]); 70]);
        assert_eq!(Decoder::default().decode(&huge), Err(HpackError::TooLarge));
    }
}
