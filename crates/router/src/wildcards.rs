//! Patterns with wildcards: a trie with one edge table.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::member::Subscription;
use crate::sorted;

type NodeId = u32;
type TokenId = u32;
const ROOT: NodeId = 0;

#[derive(Debug, Default)]
struct Node {
    /// Patterns that end here.
    here: Vec<Arc<Subscription>>,
    /// Patterns that end here with `>`.
    rest: Vec<Arc<Subscription>>,
    /// The child under `*`.
    star: Option<NodeId>,
    /// Literal children; a node is freed when nothing hangs on it.
    children: u32,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.rest.is_empty() && self.star.is_none() && self.children == 0
    }
}

#[derive(Debug)]
struct Token {
    id: TokenId,
    uses: u32,
}

/// The wildcard patterns of one shard: tokens are numbers, and one table holds the edges of all nodes.
#[derive(Debug, Default)]
pub(crate) struct Wildcards {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    edges: HashMap<(NodeId, TokenId), NodeId>,
    tokens: HashMap<Box<str>, Token>,
    next_token: TokenId,
    free_tokens: Vec<TokenId>,
    len: usize,
}

impl Wildcards {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, subscription: Arc<Subscription>) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let pattern = subscription.pattern.clone();
        let mut at = ROOT;
        let mut rest = false;
        for token in pattern.split('.') {
            match token {
                ">" => rest = true,
                "*" => at = self.star(at),
                literal => at = self.child(at, literal),
            }
        }
        if let Some(node) = self.node_mut(at) {
            sorted::insert(if rest { &mut node.rest } else { &mut node.here }, subscription);
            self.len += 1;
        }
    }

    pub(crate) fn remove(&mut self, subscription: &Subscription) -> bool {
        // The path down, for pruning on the way up.
        let mut path: Vec<(NodeId, Option<&str>)> = Vec::with_capacity(8);
        let mut at = ROOT;
        let mut rest = false;
        for token in subscription.pattern.split('.') {
            if token == ">" {
                rest = true;
                break;
            }
            let next = if token == "*" { self.node(at).and_then(|node| node.star) } else { self.find(at, token) };
            let Some(next) = next else { return false };
            path.push((at, (token != "*").then_some(token)));
            at = next;
        }
        let Some(node) = self.node_mut(at) else { return false };
        let list = if rest { &mut node.rest } else { &mut node.here };
        if !sorted::remove(list, subscription.id) {
            return false;
        }
        if list.is_empty() {
            *list = Vec::new();
        }
        self.len -= 1;
        while let Some((parent, token)) = path.pop() {
            if !self.node(at).is_some_and(Node::is_empty) {
                break;
            }
            self.free.push(at);
            match token {
                Some(token) => self.unlink(parent, token),
                None => {
                    if let Some(node) = self.node_mut(parent) {
                        node.star = None;
                    }
                }
            }
            at = parent;
        }
        if self.len == 0 {
            *self = Self::default();
        }
        true
    }

    /// Calls `found` for each subscription whose pattern matches.
    pub(crate) fn matches(&self, subject: &str, found: &mut impl FnMut(&Arc<Subscription>)) {
        if self.len > 0 {
            self.walk(ROOT, Some(subject), found);
        }
    }

    fn walk(&self, at: NodeId, rest: Option<&str>, found: &mut impl FnMut(&Arc<Subscription>)) {
        let Some(node) = self.node(at) else { return };
        let Some(rest) = rest else {
            node.here.iter().for_each(found);
            return;
        };
        node.rest.iter().for_each(&mut *found);
        let (token, tail) = match rest.split_once('.') {
            Some((token, tail)) => (token, Some(tail)),
            None => (rest, None),
        };
        if let Some(star) = node.star {
            self.walk(star, tail, found);
        }
        if node.children > 0
            && let Some(child) = self.find(at, token)
        {
            self.walk(child, tail, found);
        }
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }

    fn find(&self, at: NodeId, token: &str) -> Option<NodeId> {
        let token = self.tokens.get(token)?;
        self.edges.get(&(at, token.id)).copied()
    }

    fn star(&mut self, at: NodeId) -> NodeId {
        if let Some(star) = self.node(at).and_then(|node| node.star) {
            return star;
        }
        let id = self.allocate();
        if let Some(node) = self.node_mut(at) {
            node.star = Some(id);
        }
        id
    }

    fn child(&mut self, at: NodeId, token: &str) -> NodeId {
        if let Some(child) = self.find(at, token) {
            return child;
        }
        let token_id = match self.tokens.get_mut(token) {
            Some(known) => {
                known.uses += 1;
                known.id
            }
            None => {
                let id = self.free_tokens.pop().unwrap_or_else(|| {
                    self.next_token += 1;
                    self.next_token
                });
                self.tokens.insert(token.into(), Token { id, uses: 1 });
                id
            }
        };
        let id = self.allocate();
        self.edges.insert((at, token_id), id);
        if let Some(node) = self.node_mut(at) {
            node.children += 1;
        }
        id
    }

    fn unlink(&mut self, parent: NodeId, token: &str) {
        let Some(known) = self.tokens.get_mut(token) else { return };
        let id = known.id;
        known.uses -= 1;
        if known.uses == 0 {
            self.tokens.remove(token);
            self.free_tokens.push(id);
        }
        if self.edges.remove(&(parent, id)).is_some()
            && let Some(node) = self.node_mut(parent)
        {
            node.children -= 1;
        }
    }

    fn allocate(&mut self) -> NodeId {
        self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            NodeId::try_from(self.nodes.len() - 1).unwrap_or(NodeId::MAX)
        })
    }
}
