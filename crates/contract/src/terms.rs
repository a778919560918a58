//! The typed values of clauses: each is parsed once, printed one way, and carries its own error.

use crate::value::grouped;
use registry::Name;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Entries in a list at most.
pub const LIST_MAX: usize = 200;
/// The longest text in a clause, in characters.
pub const TEXT_CHARS_MAX: usize = registry::admit::TEXT_CHARS_MAX;
/// The longest purpose, in characters.
const PURPOSE_CHARS_MAX: usize = 120;
/// Parts of a [`fault`] are kept apart by this.
const UNIT: char = '\u{1f}';

/// An error of a value, with its code and its help, in one string: that is all `serde` carries.
pub(crate) fn fault(code: &str, message: &str, help: &str) -> String {
    format!("{code}{UNIT}{message}{UNIT}{help}")
}

/// The parts of a [`fault`].
pub(crate) fn fault_parts(text: &str) -> Option<(&str, &str, &str)> {
    let (code, rest) = text.split_once(UNIT)?;
    let (message, help) = rest.split_once(UNIT)?;
    Some((code, message, help))
}

/// Written and read as text, by `Display` and `FromStr`.
macro_rules! text_form {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_form;

/// A closed set: its spelling in blocks and its words in sentences.
macro_rules! closed {
    ($(#[$doc:meta])* $name:ident ($what:literal) { $($(#[$vdoc:meta])* $variant:ident = $text:literal $words:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// As written in clause blocks.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
            /// As it stands in a sentence.
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|known| known.as_str()).collect();
                    let message = format!("`{text}` is no {}", $what);
                    crate::terms::fault("writ::choice", &message, &crate::diagnostic::suggestion(text, &known))
                })
            }
        }

        crate::terms::text_form!($name);

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let known: Vec<&str> = Self::ALL.iter().map(|known| known.as_str()).collect();
                schemars::json_schema!({ "type": "string", "enum": known })
            }
        }
    };
}
pub(crate) use closed;

/// A list that names each thing once, and at least one. A key that may be left out is an empty list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(Vec<T>);

impl<T> List<T> {
    /// The entries.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
    /// Whether the key was left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The entries.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(entries: Vec<T>) -> Self {
        Self(entries)
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + PartialEq> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<T>::deserialize(deserializer)?;
        let help = "name each thing once, at least one";
        // Each is compared with those before it, of which there are few: a list that is too long is not looked at.
        let seen = |(at, entry): (usize, &T)| entries.iter().take(at).any(|before| before == entry);
        let message = match entries.len() {
            0 => "the list is empty",
            1..=LIST_MAX if !entries.iter().enumerate().any(seen) => return Ok(Self(entries)),
            1..=LIST_MAX => "the list names something twice",
            _ => "the list is too long",
        };
        Err(serde::de::Error::custom(fault("writ::list", message, help)))
    }
}

/// A choice that must be made: a list, or the word `any`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen<T> {
    /// `"any"`.
    Any,
    /// These.
    These(List<T>),
}

impl<T: Clone> Chosen<T> {
    /// The entries; none means any.
    pub fn list(&self) -> List<T> {
        match self {
            Self::Any => List::default(),
            Self::These(list) => list.clone(),
        }
    }
}

impl<T: Serialize> Serialize for Chosen<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::These(list) => list.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de> + PartialEq> Deserialize<'de> for Chosen<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de> + PartialEq> serde::de::Visitor<'de> for Either<T> {
            type Value = Chosen<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or \"any\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                let help = "write a list such as [\"read\"], or \"any\"";
                if text == "any" {
                    Ok(Chosen::Any)
                } else {
                    Err(E::custom(fault("writ::list", "not a list", help)))
                }
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                List::deserialize(serde::de::value::SeqAccessDeserializer::new(seq)).map(Chosen::These)
            }
        }
        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}

/// A whole number between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Whole<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    /// The number, if it lies within the bounds.
    pub fn new(number: u32) -> Option<Self> {
        (MIN..=MAX).contains(&number).then_some(Self(number))
    }
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Whole<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&grouped(self.0.into()))
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        u32::try_from(number).ok().and_then(Self::new).ok_or_else(|| {
            let help = format!("write a whole number between {MIN} and {MAX}");
            serde::de::Error::custom(fault("writ::limit", "this number cannot be held to", &help))
        })
    }
}

/// One line of plain text for a sentence, without marks of Markdown or HTML. It may not sound like a rule for
/// machines, for nothing would enforce it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(String);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let value = text.trim();
        let marks = |c: char| {
            registry::admit::is_invisible(c) || matches!(c, '<' | '>' | '`' | '*' | '[' | ']' | '\\')
        };
        if value.is_empty() || value.chars().count() > TEXT_CHARS_MAX || value.chars().any(marks) {
            let help = "write one line of plain text, without the marks of Markdown or HTML";
            return Err(fault("writ::text", "this text cannot stand in the document", help));
        }
        if let Some(verb) = machine_rule(value) {
            let message = format!("these words bind a machine (`{verb}`), but nothing would enforce them");
            let help = "use a permit, prohibit, quota, credential or another clause that is enforced; words bind people only";
            return Err(fault("writ::words-bind-machines", &message, help));
        }
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_form!(Text);

/// What for, in a few words, and nothing that sounds like a limit nobody enforces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose(Text);

impl FromStr for Purpose {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text: Text = text.parse()?;
        let value = text.as_str();
        let letters = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’');
        let limits = ["only", "unless", "except", "most", "least", "within", "before", "after", "not"];
        let limiting = value.split(' ').any(|word| limits.contains(&word.to_lowercase().as_str()));
        let sound = value.chars().all(letters) && value.chars().count() <= PURPOSE_CHARS_MAX;
        if sound && !limiting {
            return Ok(Self(text));
        }
        let help = "name the purpose in a few words, such as \"settlement of orders\"; limits belong into clauses that enforce them";
        Err(fault("writ::purpose", "this purpose says more than what for", help))
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
text_form!(Purpose);

/// For whom a token is: a name or address in visible ASCII, without the marks of Markdown or HTML.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience(String);

impl Audience {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Audience {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let sound = |b: u8| b.is_ascii_graphic() && !b"<>`*[]\\\"".contains(&b);
        if (1..=TEXT_CHARS_MAX).contains(&text.len()) && text.bytes().all(sound) {
            return Ok(Self(text.to_owned()));
        }
        let help = "write a name or address as tokens name it, for example \"https://api.example.com\"";
        Err(fault("writ::audience", "no token can name this audience", help))
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_form!(Audience);

/// A name in a clause: an action, a machine, a role, a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(pub Name);

impl FromStr for Word {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: registry::NameError| {
            fault("writ::name", &error.to_string(), "for example `card-payments`")
        })
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
text_form!(Word);

/// What acts are done on: `charges` in a contract; `payments` (a whole service) or
/// `payments/charges` in a charter or guardrail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The part before the slash, or the only one.
    pub first: Name,
    /// The part behind the slash.
    pub second: Option<Name>,
}

impl FromStr for Target {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let name = |text: &str| text.parse::<Word>().map(|word| word.0);
        match text.split_once('/') {
            Some((first, second)) => Ok(Self { first: name(first)?, second: Some(name(second)?) }),
            None => Ok(Self { first: name(text)?, second: None }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.second {
            Some(second) => write!(f, "{}/{second}", self.first),
            None => self.first.fmt(f),
        }
    }
}
text_form!(Target);

/// A name of a field in a message: letters, digits, `_`, `-`, dots between levels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field(String);

impl FromStr for Field {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if text.len() <= 200 && text.split('.').all(part) {
            return Ok(Self(text.to_owned()));
        }
        let help = "write the field as it stands in the message, levels kept apart by dots: `customer.iban`";
        Err(fault("writ::field", "not the name of a field", help))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_form!(Field);

/// A share in thousandths of a percent, written `99.9 %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u32);

impl Ratio {
    /// In thousandths of a percent: 99.9% is 99 900.
    pub fn milli_percent(self) -> u32 {
        self.0
    }
    /// From thousandths of a percent, at most 100 000.
    pub fn from_milli_percent(milli: u32) -> Option<Self> {
        (milli <= 100_000).then_some(Self(milli))
    }
}

impl FromStr for Ratio {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (whole, fraction) = match text.strip_suffix('%')?.split_once('.') {
                Some((whole, fraction)) if (1..=3).contains(&fraction.len()) => (whole, fraction),
                Some(_) => return None,
                None => (text.strip_suffix('%')?, "0"),
            };
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            if !digits(whole) || !digits(fraction) || whole.len() > 3 {
                return None;
            }
            let milli: u32 = format!("{fraction:0<3}").parse().ok()?;
            Self::from_milli_percent(whole.parse::<u32>().ok()? * 1_000 + milli)
        };
        let help = "write it with the sign, for example \"99.95%\"; at most three decimals";
        read().ok_or_else(|| fault("writ::ratio", "not a percentage", help))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:03}", self.0 % 1_000);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{}%", self.0 / 1_000),
            fraction => write!(f, "{}.{fraction}%", self.0 / 1_000),
        }
    }
}
text_form!(Ratio);

/// An amount in whole units of a currency, written `EUR 250000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money {
    currency: [u8; 3],
    /// Whole units.
    pub amount: u64,
}

/// The largest amount of money.
pub const MONEY_MAX: u64 = 1_000_000_000_000;

impl Money {
    /// The same currency, another amount.
    pub fn with_amount(self, amount: u64) -> Self {
        Self { amount, ..self }
    }
    /// As it stands in a sentence, digits grouped.
    pub fn words(self) -> String {
        format!("{}\u{a0}{}", String::from_utf8_lossy(&self.currency), grouped(self.amount))
    }
}

impl FromStr for Money {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (currency, amount) = text.split_once(' ')?;
            let currency: [u8; 3] = currency.as_bytes().try_into().ok()?;
            let number: u64 = amount.parse().ok()?;
            (currency.iter().all(u8::is_ascii_uppercase)
                && number <= MONEY_MAX
                && number.to_string() == amount)
                .then_some(Self { currency, amount: number })
        };
        let help = "write the currency's three letters and whole units, for example \"EUR 250000\"";
        read().ok_or_else(|| fault("writ::money", "not an amount of money", help))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", String::from_utf8_lossy(&self.currency), self.amount)
    }
}
text_form!(Money);

/// A range of network addresses, written `10.1.0.0/16` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// An address in two halves whose order as signed numbers is the order of addresses.
/// IPv4 addresses count as IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2).
pub fn halves(address: IpAddr) -> (i64, i64) {
    let bits = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let ordered = |half: u128| ((half as u64) ^ (1 << 63)).cast_signed();
    (ordered(bits >> 64), ordered(bits & u128::from(u64::MAX)))
}

impl Network {
    /// The first and the last address of the range, as [`halves`].
    pub fn bounds(self) -> ((i64, i64), (i64, i64)) {
        let (bits, prefix) = match self.address {
            IpAddr::V4(v4) => (v4.to_ipv6_mapped().to_bits(), u32::from(self.prefix) + 96),
            IpAddr::V6(v6) => (v6.to_bits(), u32::from(self.prefix)),
        };
        let host = if prefix == 0 { u128::MAX } else { (1_u128 << (128 - prefix)) - 1 };
        let address = |bits: u128| halves(IpAddr::V6(Ipv6Addr::from_bits(bits)));
        (address(bits & !host), address(bits | host))
    }
    /// An address in the range.
    pub fn address(self) -> IpAddr {
        self.address
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (address, prefix) = text.split_once('/')?;
            let network = Self { address: address.parse().ok()?, prefix: prefix.parse().ok()? };
            let most = if network.address.is_ipv4() { 32 } else { 128 };
            let sound = network.prefix <= most && network.to_string() == text;
            (sound && network.bounds().0 == halves(network.address)).then_some(network)
        };
        let help = "write the first address and the length of the prefix, for example \"10.1.0.0/16\" or \"2001:db8::/32\"";
        read().ok_or_else(|| fault("writ::network", "not a range of network addresses", help))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
text_form!(Network);

/// Hours of a day, written `08:00-18:00`; the second is exclusive and later than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    /// Minutes after midnight.
    pub from: u16,
    /// Minutes after midnight, at most 1440.
    pub until: u16,
}

impl FromStr for Hours {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let time = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let digits = |t: &str| t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit());
            let (hour, minute): (u16, u16) =
                (digits(hour).then(|| hour.parse().ok())??, digits(minute).then(|| minute.parse().ok())??);
            (hour <= 24 && minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
        };
        let read = || {
            let (from, until) = text.split_once('-')?;
            let hours = Self { from: time(from)?, until: time(until)? };
            (hours.from < hours.until).then_some(hours)
        };
        let help = "write from and until, for example \"08:00-18:00\"; for a night write two clauses' worth: \"22:00-24:00\" and \"00:00-06:00\"";
        read().ok_or_else(|| fault("writ::hours", "not hours of a day", help))
    }
}

impl Hours {
    /// As it stands in a sentence.
    pub fn words(self) -> String {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        format!("{} to {}", time(self.from), time(self.until))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().replace(" to ", "-"))
    }
}
text_form!(Hours);

/// A time zone by its IANA name, from the bundled database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(String);

impl Zone {
    /// Minutes since Monday, 00:00 local time, at an instant.
    pub fn week_minute(&self, now_ms: u64) -> i64 {
        let zone = jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC);
        let time = i64::try_from(now_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        time.map_or(-1, |time| {
            let local = time.to_zoned(zone);
            i64::from(local.weekday().to_monday_zero_offset()) * 1_440
                + i64::from(local.hour()) * 60
                + i64::from(local.minute())
        })
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Zone {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = jiff::tz::TimeZone::get(text).ok();
        match known.as_ref().and_then(|zone| zone.iana_name()) {
            Some(name) if name == text => Ok(Self(text.to_owned())),
            Some(_) | None => {
                let help = "write the name of the IANA database, for example \"Europe/London\" or \"UTC\"";
                Err(fault("writ::zone", "this time zone is not known", help))
            }
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_form!(Zone);

impl FromStr for crate::Number {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write the number as it stands in the document, for example \"5.1\"";
        Self::parse(text).ok_or_else(|| fault("writ::number", "not the number of a clause", help))
    }
}
text_form!(crate::Number);

closed! {
    /// A weekday.
    Weekday ("day of the week") {
        /// Monday.
        Monday = "monday" "Mondays";
        /// Tuesday.
        Tuesday = "tuesday" "Tuesdays";
        /// Wednesday.
        Wednesday = "wednesday" "Wednesdays";
        /// Thursday.
        Thursday = "thursday" "Thursdays";
        /// Friday.
        Friday = "friday" "Fridays";
        /// Saturday.
        Saturday = "saturday" "Saturdays";
        /// Sunday.
        Sunday = "sunday" "Sundays";
    }
}

closed! {
    /// How sensitive a resource is. What nobody classified counts as restricted.
    Class ("classification") {
        /// Anybody may know.
        Public = "public" "public";
        /// For the organisation.
        Internal = "internal" "internal";
        /// For those who need it.
        Confidential = "confidential" "confidential";
        /// For a few.
        Restricted = "restricted" "restricted";
    }
}

impl Class {
    /// Its rank: public is 0.
    pub fn rank(self) -> i64 {
        self as i64
    }
}

closed! {
    /// What an act does to what it touches.
    Effect ("effect") {
        /// It changes something.
        Change = "change" "change";
        /// It only reads.
        Read = "read" "read";
    }
}

closed! {
    /// A side of an instrument.
    Side ("side") {
        /// The consumer of a contract.
        Consumer = "consumer" "the Consumer";
        /// The organisation of a charter or guardrail.
        Party = "party" "the Organisation";
        /// The provider of a contract.
        Provider = "provider" "the Provider";
    }
}

closed! {
    /// A kind of machine identity, as the registry has them.
    MachineKind ("kind of machine") {
        /// An AI agent.
        AiAgent = "ai-agent" "AI agent";
        /// A long-lived key for an API.
        ApiKey = "api-key" "API key";
        /// A bot.
        Bot = "bot" "bot";
        /// A CI/CD pipeline.
        CiPipeline = "ci-pipeline" "CI pipeline";
        /// A container workload.
        ContainerWorkload = "container-workload" "container workload";
        /// A device.
        IotDevice = "iot-device" "IoT device";
        /// A microservice.
        Microservice = "microservice" "microservice";
        /// A service account.
        ServiceAccount = "service-account" "service account";
        /// A synthetic (integration) account.
        SyntheticAccount = "synthetic-account" "synthetic account";
    }
}

closed! {
    /// Where a machine runs, as the registry has it.
    Place ("environment") {
        /// Where people develop.
        Development = "development" "development";
        /// The real thing.
        Production = "production" "production";
        /// The rehearsal.
        Staging = "staging" "staging";
        /// Automated tests.
        Test = "test" "test";
    }
}

/// Nouns that, before a modal verb, make it one about machines.
const MACHINES: [&str; 16] = [
    "access",
    "agent",
    "bot",
    "certificate",
    "container",
    "credential",
    "device",
    "job",
    "machine",
    "pipeline",
    "request",
    "robot",
    "script",
    "sensor",
    "token",
    "workload",
];
/// What machines do: behind a modal verb, the same.
const ACTS: [&str; 12] = [
    "access", "connect", "delete", "deploy", "execute", "export", "invoke", "query", "read", "reach",
    "request", "write",
];
const MODALS: [&str; 16] = [
    "are allowed to",
    "are entitled to",
    "are free to",
    "are permitted to",
    "can",
    "cannot",
    "is allowed to",
    "is entitled to",
    "is free to",
    "is permitted to",
    "may",
    "may not",
    "must",
    "must not",
    "shall",
    "shall not",
];

/// The modal verb by which a text binds machines, if it does: a machine stands shortly before it, or an act of
/// machines shortly behind it.
fn machine_rule(text: &str) -> Option<&'static str> {
    const NEAR: usize = 4;
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let one_of =
        |known: &[&str], word: &&str| known.iter().any(|k| k == word || word.strip_suffix('s') == Some(k));
    let longest_first = |modal: &&&str| std::cmp::Reverse(modal.split(' ').count());
    (0..words.len()).find_map(|at| {
        let mut here: Vec<&&'static str> = MODALS
            .iter()
            .filter(|modal| {
                modal.split(' ').eq(words.iter().skip(at).take(modal.split(' ').count()).copied())
            })
            .collect();
        here.sort_by_key(longest_first);
        let modal = here.first()?;
        let length = modal.split(' ').count();
        let before = words.get(at.saturating_sub(NEAR)..at).unwrap_or_default();
        let behind = words.iter().skip(at + length).take(NEAR);
        (before.iter().any(|word| one_of(&MACHINES, word))
            || behind.into_iter().any(|word| one_of(&ACTS, word)))
        .then_some(**modal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<T: FromStr<Err = String> + fmt::Display>(texts: &[&str]) {
        for text in texts {
            assert_eq!(text.parse::<T>().map(|value| value.to_string()).as_deref(), Ok(*text));
        }
    }

    fn refused<T: FromStr<Err = String> + fmt::Display>(texts: &[&str]) {
        for text in texts {
            let error = text.parse::<T>().map(|value| value.to_string()).unwrap_err();
            assert!(fault_parts(&error).is_some(), "{text}: {error}");
        }
    }

    #[test]
    fn values_are_printed_as_they_are_written() {
        same::<Ratio>(&["99.95%", "100%", "0.001%", "5%"]);
        refused::<Ratio>(&["99.95 %", "101%", "1.2345%", "+1%", ".%", "1.%", "%"]);
        same::<Money>(&["EUR 250000", "GBP 1"]);
        refused::<Money>(&["eur 1", "EUR 1.5", "EUR 01", "EUR", "EURO 1", "EUR 9999999999999"]);
        same::<Network>(&["10.1.0.0/16", "2001:db8::/32", "0.0.0.0/0", "::/0", "192.0.2.7/32"]);
        refused::<Network>(&["10.1.0.1/16", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "x/8"]);
        same::<Hours>(&["08:00-18:00", "22:00-24:00"]);
        refused::<Hours>(&["18:00-08:00", "8:00-18:00", "08:00", "24:01-24:02", "08:00-08:00"]);
        same::<Zone>(&["Europe/London", "UTC", "America/New_York"]);
        refused::<Zone>(&["Mars/Base", "", "europe/london"]);
        same::<Target>(&["charges", "payments/charges"]);
        refused::<Target>(&["payments/", "/x", "a/b/c", "A"]);
        same::<Field>(&["iban", "customer.iban"]);
        refused::<Field>(&["", "a..b", "a b"]);
        same::<Weekday>(&["monday"]);
        refused::<Weekday>(&["Monday"]);
    }

    #[test]
    fn networks_have_bounds_in_the_order_of_addresses() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        let (first, last) = network.bounds();
        let inside = |text: &str| (first..=last).contains(&halves(text.parse().unwrap()));
        assert!(inside("10.1.0.0") && inside("10.1.255.255") && inside("::ffff:10.1.2.3"));
        assert!(
            !inside("10.0.255.255") && !inside("10.2.0.0") && !inside("2001:db8::1") && !inside("ffff::")
        );
    }

    #[test]
    fn local_time_follows_its_zone() {
        let zone = |name: &str| name.parse::<Zone>().unwrap();
        // Monday 2026-07-06T07:30Z is 08:30 in London and 16:30 in Tokyo.
        let ms = crate::value::parse_instant("2026-07-06T07:30:00Z").unwrap();
        assert_eq!(zone("UTC").week_minute(ms), 450);
        assert_eq!(zone("Europe/London").week_minute(ms), 510);
        assert_eq!(zone("Asia/Tokyo").week_minute(ms), 990);
    }
}
