//! PostgreSQL's parse tree in one shape for all its six hundred kinds of node: a name and fields. Whoever walks it sees
//! every field of every node, those of later versions of the parser too; none can be forgotten.

use serde::ser::{self, Serialize};
use std::fmt;

/// A part of a parse tree. What is empty, zero or false is left out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// A node with its fields.
    Node(Node),
    /// Several.
    List(Vec<Tree>),
    /// A word.
    Text(String),
    /// A number; the number of a variant for what is an enumeration in PostgreSQL.
    Number(i64),
    /// It is so.
    Yes,
}

/// A node: what PostgreSQL calls it, and its fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<(&'static str, Tree)>,
}

impl Node {
    pub(crate) fn field(&self, name: &str) -> Option<&Tree> {
        self.fields.iter().find(|(of, _)| *of == name).map(|(_, tree)| tree)
    }

    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.field(name)?.as_node()
    }

    /// What is in a list; nothing when there is none.
    pub(crate) fn list(&self, name: &str) -> &[Tree] {
        match self.field(name) {
            Some(Tree::List(items)) => items,
            Some(Tree::Node(_) | Tree::Text(_) | Tree::Number(_) | Tree::Yes) | None => &[],
        }
    }

    /// A word; empty when there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.field(name) {
            Some(Tree::Text(text)) => text,
            Some(Tree::Node(_) | Tree::List(_) | Tree::Number(_) | Tree::Yes) | None => "",
        }
    }

    /// A number; 0 when there is none.
    pub(crate) fn number(&self, name: &str) -> i64 {
        match self.field(name) {
            Some(Tree::Number(number)) => *number,
            Some(Tree::Node(_) | Tree::List(_) | Tree::Text(_) | Tree::Yes) | None => 0,
        }
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.field(name) == Some(&Tree::Yes)
    }
}

impl Tree {
    pub(crate) fn as_node(&self) -> Option<&Node> {
        match self {
            Self::Node(node) => Some(node),
            Self::List(_) | Self::Text(_) | Self::Number(_) | Self::Yes => None,
        }
    }

    /// The word of a `String` node.
    pub(crate) fn word(&self) -> Option<&str> {
        self.as_node().filter(|node| node.name == "String").map(|node| node.text("sval"))
    }

    /// Sees every node below and this one, from the outside in.
    pub(crate) fn visit(&self, see: &mut dyn FnMut(&Node)) {
        match self {
            Self::Node(node) => {
                see(node);
                node.fields.iter().for_each(|(_, tree)| tree.visit(see));
            }
            Self::List(items) => items.iter().for_each(|tree| tree.visit(see)),
            Self::Text(_) | Self::Number(_) | Self::Yes => {}
        }
    }
}

/// The tree of a message of the parser.
pub(crate) fn tree(of: &impl Serialize) -> Result<Option<Tree>, Unshaped> {
    of.serialize(Planter)
}

/// The parser gave something that has no place in a tree.
#[derive(Debug)]
pub(crate) struct Unshaped(String);

impl fmt::Display for Unshaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unshaped {}

impl ser::Error for Unshaped {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Planted = Result<Option<Tree>, Unshaped>;

struct Planter;

impl Planter {
    fn number(number: i64) -> Planted {
        Ok((number != 0).then_some(Tree::Number(number)))
    }

    fn not(what: &str) -> Planted {
        Err(Unshaped(format!("a parse tree has no {what}")))
    }
}

impl ser::Serializer for Planter {
    type Ok = Option<Tree>;
    type Error = Unshaped;
    type SerializeSeq = Several;
    type SerializeTuple = ser::Impossible<Option<Tree>, Unshaped>;
    type SerializeTupleStruct = ser::Impossible<Option<Tree>, Unshaped>;
    type SerializeTupleVariant = ser::Impossible<Option<Tree>, Unshaped>;
    type SerializeMap = ser::Impossible<Option<Tree>, Unshaped>;
    type SerializeStruct = Fields;
    type SerializeStructVariant = ser::Impossible<Option<Tree>, Unshaped>;

    fn serialize_bool(self, it: bool) -> Planted {
        Ok(it.then_some(Tree::Yes))
    }
    fn serialize_i8(self, it: i8) -> Planted {
        Self::number(it.into())
    }
    fn serialize_i16(self, it: i16) -> Planted {
        Self::number(it.into())
    }
    fn serialize_i32(self, it: i32) -> Planted {
        Self::number(it.into())
    }
    fn serialize_i64(self, it: i64) -> Planted {
        Self::number(it)
    }
    fn serialize_u8(self, it: u8) -> Planted {
        Self::number(it.into())
    }
    fn serialize_u16(self, it: u16) -> Planted {
        Self::number(it.into())
    }
    fn serialize_u32(self, it: u32) -> Planted {
        Self::number(it.into())
    }
    fn serialize_u64(self, it: u64) -> Planted {
        Self::number(i64::try_from(it).unwrap_or(i64::MAX))
    }
    fn serialize_f32(self, _: f32) -> Planted {
        Self::not("fractions")
    }
    fn serialize_f64(self, _: f64) -> Planted {
        Self::not("fractions")
    }
    fn serialize_char(self, it: char) -> Planted {
        Ok(Some(Tree::Text(it.to_string())))
    }
    fn serialize_str(self, it: &str) -> Planted {
        Ok((!it.is_empty()).then(|| Tree::Text(it.to_owned())))
    }
    fn serialize_bytes(self, _: &[u8]) -> Planted {
        Self::not("bytes")
    }
    fn serialize_none(self) -> Planted {
        Ok(None)
    }
    fn serialize_some<T: ?Sized + Serialize>(self, it: &T) -> Planted {
        it.serialize(self)
    }
    fn serialize_unit(self) -> Planted {
        Ok(None)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Planted {
        Ok(None)
    }
    fn serialize_unit_variant(self, _: &'static str, number: u32, _: &'static str) -> Planted {
        Self::number(number.into())
    }
    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, it: &T) -> Planted {
        it.serialize(self)
    }
    /// One of several kinds of node: the node it is.
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        it: &T,
    ) -> Planted {
        // An empty node is one all the same: `A_Star` has no fields.
        Ok(Some(it.serialize(self)?.unwrap_or(Tree::Node(Node { name: variant, fields: Vec::new() }))))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Several, Unshaped> {
        Ok(Several(Vec::with_capacity(length.unwrap_or(0))))
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unshaped> {
        Err(Unshaped("a parse tree has no tuples".to_owned()))
    }
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unshaped> {
        Err(Unshaped("a parse tree has no tuples".to_owned()))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unshaped> {
        Err(Unshaped("a parse tree has no tuples".to_owned()))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unshaped> {
        Err(Unshaped("a parse tree has no maps".to_owned()))
    }
    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Fields, Unshaped> {
        Ok(Fields(Node { name, fields: Vec::with_capacity(length) }))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unshaped> {
        Err(Unshaped("a parse tree has no such variants".to_owned()))
    }
}

struct Several(Vec<Tree>);

impl ser::SerializeSeq for Several {
    type Ok = Option<Tree>;
    type Error = Unshaped;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, it: &T) -> Result<(), Unshaped> {
        // A place in a list that holds nothing is kept: an empty node.
        let nothing = Tree::Node(Node { name: "Null", fields: Vec::new() });
        self.0.push(it.serialize(Planter)?.unwrap_or(nothing));
        Ok(())
    }

    fn end(self) -> Planted {
        Ok((!self.0.is_empty()).then_some(Tree::List(self.0)))
    }
}

struct Fields(Node);

impl ser::SerializeStruct for Fields {
    type Ok = Option<Tree>;
    type Error = Unshaped;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, it: &T) -> Result<(), Unshaped> {
        if let Some(tree) = it.serialize(Planter)? {
            self.0.fields.push((name, tree));
        }
        Ok(())
    }

    fn end(self) -> Planted {
        // `Node` is what holds one of all kinds of node: it is that one.
        if self.0.name == "Node" {
            return Ok(self.0.fields.into_iter().next().map(|(_, tree)| tree));
        }
        Ok(Some(Tree::Node(self.0)))
    }
}
