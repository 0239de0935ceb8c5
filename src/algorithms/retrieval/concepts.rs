//! Finds what the other languages, and other people, call the things that a question names.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::algorithms::retrieval::analysis::{fold, term, words};
use crate::algorithms::retrieval::{Language, concepts_list, hashing};

/// One way of saying a concept: the terms of one expression.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Saying {
    hashes: Vec<u32>,
}

/// All ways of saying all concepts, and which of them begin with a term.
struct Concepts {
    sayings: Vec<Vec<Saying>>,
    of_term: HashMap<u32, Vec<usize>>,
    /// Expressions by their first term: all terms, and the concept.
    of_expression: HashMap<u32, Vec<(Vec<u32>, usize)>>,
}

static CONCEPTS: LazyLock<Concepts> = LazyLock::new(Concepts::read);

impl Concepts {
    fn read() -> Self {
        let mut sayings = Vec::new();
        let mut of_term: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut of_expression: HashMap<u32, Vec<(Vec<u32>, usize)>> = HashMap::new();
        for line in concepts_list::CONCEPTS.lines() {
            let mut concept: Vec<Saying> = Vec::new();
            for (column, language) in line.split('|').zip(Language::ALL) {
                for expression in column.split_whitespace() {
                    let spaced = expression.replace('_', " ");
                    let hashes: Vec<u32> = words(&spaced)
                        .filter_map(|(_, word)| term(&fold(word), language))
                        .map(|term| hashing::of(&term))
                        .collect();
                    let saying = Saying { hashes };
                    if !saying.hashes.is_empty() && !concept.contains(&saying) {
                        concept.push(saying);
                    }
                }
            }
            for saying in &concept {
                if saying.hashes.len() == 1 {
                    of_term.entry(saying.hashes[0]).or_default().push(sayings.len());
                } else {
                    of_expression
                        .entry(saying.hashes[0])
                        .or_default()
                        .push((saying.hashes.clone(), sayings.len()));
                }
            }
            sayings.push(concept);
        }
        Self { sayings, of_term, of_expression }
    }
}

/// Other terms for what `hash` names, with their share: 1 for a word, less for each word of an expression,
/// less where the word names several concepts.
pub(super) fn alternatives(hash: u32) -> Vec<(u32, f32)> {
    let Some(concepts) = CONCEPTS.of_term.get(&hash) else { return Vec::new() };
    others(concepts, 1.0 / (concepts.len() as f32).sqrt(), &[hash])
}

/// The same for expressions of several words that begin with `hash` and are `said` in full.
pub(super) fn alternatives_of_expression(hash: u32, said: &HashSet<u32>) -> Vec<(u32, f32)> {
    let Some(expressions) = CONCEPTS.of_expression.get(&hash) else { return Vec::new() };
    let spoken =
        expressions.iter().filter(|(terms, _)| terms.iter().all(|term| said.contains(term)));
    spoken.flat_map(|(terms, concept)| others(&[*concept], 1.0, terms)).collect()
}

fn others(concepts: &[usize], share: f32, known: &[u32]) -> Vec<(u32, f32)> {
    let mut found: HashMap<u32, f32> = HashMap::new();
    for saying in concepts.iter().flat_map(|&concept| &CONCEPTS.sayings[concept]) {
        let each = share / saying.hashes.len() as f32;
        for &other in saying.hashes.iter().filter(|other| !known.contains(other)) {
            let weight = found.entry(other).or_insert(0.0);
            *weight = weight.max(each);
        }
    }
    let mut found: Vec<(u32, f32)> = found.into_iter().collect();
    found.sort_unstable_by_key(|&(other, _)| other);
    found
}
